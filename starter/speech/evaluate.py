"""Measures the shipped Whisper folder on held-out sentences.

Reads the ONNX files and the adapter alone, and prints the tables of the model's card.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from peft import PeftModel
from transformers import WhisperConfig, WhisperForConditionalGeneration

import adapt
import tokens
import weights
import wer
from clips import ACCENTS, TIMBRES, VOICES, Clip, Studio, Wish
from decode import Heard, Runner
from export import export
from mel import log_mel
from whisper import Whisper, plain

_FIRST_SEED = 5 * 10**12  # far from the seeds of training and of its checks
_LEVELS = {"clean": None, "20 dB": 20.0, "10 dB": 10.0, "5 dB": 5.0}
_SILENT = 0.6  # above this, a window counts as one in which nobody speaks


@dataclass(frozen=True)
class Result:
    """A clip and what was heard in it."""

    clip: Clip
    heard: Heard
    pair: tuple[str, str]


class Examiner:
    """Makes held-out clips and has them transcribed, eight windows at a time."""

    def __init__(self, runner: Runner) -> None:
        self._runner, self._studio, self._seed = runner, Studio(), _FIRST_SEED

    def results(self, wish: Wish, count: int, timestamps: bool = False) -> list[Result]:
        """`count` new clips."""
        clips = [self._studio.clip(self._seed + index, replace(wish, held_out=True)) for index in range(count)]
        self._seed += count
        found = []
        for start in range(0, count, 8):
            group = clips[start : start + 8]
            mel = np.stack([log_mel(clip.audio)[0].numpy() for clip in group])
            found += [self._result(*one) for one in zip(group, self._runner.heard(mel, timestamps), strict=True)]
        return found

    def _result(self, clip: Clip, heard: Heard) -> Result:
        said = " ".join(segment.text for segment in clip.segments)
        return Result(clip, heard, (said, self._runner.vocabulary.decode(heard.ids)))


def voices(examiner: Examiner, count: int) -> None:
    """WER by accent and noise level, and by timbre."""
    by_cell: dict[tuple[str, str], list] = defaultdict(list)
    for accent, name in ACCENTS.items():
        known = tuple(voice for voice in VOICES if voice.split("+")[0] == accent)
        for level, snr in _LEVELS.items():
            wish = Wish(voices=known, noise_share=0.0 if snr is None else 1.0, snr_db=(snr or 0.0, snr or 0.0))
            for result in examiner.results(wish, count):
                timbre = result.clip.voice.partition("+")[2] or "plain"
                for cell in ((name, level), (name, "all"), ("all", level), ("all", "all"), ("timbre", timbre)):
                    by_cell[cell].append(result.pair)
    columns = [*_LEVELS, "all"]
    print("| accent | " + " | ".join(columns) + " |\n|" + " --- |" * (len(columns) + 1))
    for row in [*ACCENTS.values(), "all"]:
        print(f"| {row} | " + " | ".join(_percent(by_cell[row, column]) for column in columns) + " |")
    for timbre in (timbre.removeprefix("+") or "plain" for timbre in TIMBRES):
        print(f"timbre {timbre}: {_percent(by_cell['timbre', timbre])}")


def others(examiner: Examiner, count: int) -> None:
    """Telephone lines, full windows, timestamps and silence."""
    line = Wish(noise_share=0.5, snr_db=(10.0, 30.0), telephone_share=1.0)
    print("telephone line:", _percent([result.pair for result in examiner.results(line, count)]))
    long = Wish(sentences=(6, 8), seconds=28.0, noise_share=0.5, snr_db=(10.0, 30.0))
    print("6 to 8 sentences in a window:", _percent([result.pair for result in examiner.results(long, count)]))
    timed = examiner.results(Wish(sentences=(1, 5), seconds=28.0, noise_share=0.5, snr_db=(10.0, 30.0)), count, True)
    print("with timestamps:", _percent([result.pair for result in timed]), _timing(timed))
    empty = examiner.results(Wish(silent_share=1.0, noise_share=0.7), 2 * count)
    print("called silent without speech:", _silent(empty), "and with:", _silent(timed))


def adapter(folder: Path, count: int, runner: Runner) -> None:
    """The adapter's voice without and with the adapter, which PEFT merges into transformers' model."""
    wish = replace(adapt.LESSON.wish, sentences=(1, 3))
    print("whispering, base:", _percent([result.pair for result in Examiner(runner).results(wish, count)]))
    base = weights.network(folder)
    model = _in_transformers(base, folder)
    merged = PeftModel.from_pretrained(model, str(folder / "adapters" / adapt.NAME)).merge_and_unload()
    state = {name: value for name, value in merged.state_dict().items() if name != "proj_out.weight"}
    with tempfile.TemporaryDirectory() as place:
        export(plain(base.shape, state), Path(place), configuration=False)
        adapted = Examiner(Runner(folder, Path(place)))
        print("whispering, adapted:", _percent([result.pair for result in adapted.results(wish, count)]))
        print("other voices, adapted:", _percent([result.pair for result in adapted.results(Wish(), count)]))


def equality(folder: Path, runner: Runner) -> None:
    """The ONNX files against transformers with the same weights."""
    mel = np.stack([log_mel(Studio().clip(_FIRST_SEED + index, Wish()).audio)[0].numpy() for index in range(3)])
    ids = torch.randint(0, 600, (3, 12), generator=torch.Generator().manual_seed(0))
    reference = _in_transformers(weights.network(folder), folder)
    with torch.no_grad():
        sound = reference.model.encoder(torch.from_numpy(mel)).last_hidden_state
        logits = reference(input_features=torch.from_numpy(mel), decoder_input_ids=ids).logits
    print("encoder, largest difference:", np.abs(runner.encoded(mel) - sound.numpy()).max())
    differences = [np.abs(made - logits.numpy()).max() for made in runner.logits(mel, ids.numpy())]
    print("logits, largest difference, whole and step by step:", *differences)


def _in_transformers(base: Whisper, folder: Path) -> WhisperForConditionalGeneration:
    model = WhisperForConditionalGeneration(WhisperConfig.from_pretrained(folder)).eval()
    model.load_state_dict(weights.transformers_state(base))
    return model


def _timing(results: list[Result]) -> str:
    vocabulary = tokens.Vocabulary()
    same, apart = 0, []
    for result in results:
        steps = [token - vocabulary.first_stamp for token in result.heard.ids]
        stamps = [step * tokens.STEP_S for step in steps if step >= 0]
        real = [edge for segment in result.clip.segments for edge in (segment.start, segment.end)]
        if len(stamps) == len(real):
            same += 1
            apart += [abs(one - other) for one, other in zip(stamps, real, strict=True)]
    off = np.mean(apart or [np.nan])
    return f"(segments as spoken in {same} of {len(results)}, their edges {off:.3f} s off on average)"


def _silent(results: list[Result]) -> str:
    return f"{sum(result.heard.no_speech > _SILENT for result in results)} of {len(results)} windows"


def _percent(pairs: list[tuple[str, str]]) -> str:
    return f"{100 * wer.rate(pairs):.1f} %"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=tokens.MODEL, help="the folder to measure")
    parser.add_argument("--clips", type=int, default=24, help="clips of each accent and noise level")
    parser.add_argument("--only", choices=["equality", "voices", "others", "adapter"], help="one part of it")
    options = parser.parse_args()
    torch.set_num_threads(1)
    runner = Runner(options.model)
    parts: dict[str, Callable[[], None]] = {
        "equality": lambda: equality(options.model, runner),
        "voices": lambda: voices(Examiner(runner), options.clips),
        "others": lambda: others(Examiner(runner), 2 * options.clips),
        "adapter": lambda: adapter(options.model, 2 * options.clips, runner),
    }
    for name, part in parts.items():
        if options.only in (None, name):
            part()


if __name__ == "__main__":
    main()
