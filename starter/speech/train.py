"""Trains the starter Whisper on clips that are spoken as they are needed.

Five parts follow one another: single sentences, one or two on bad lines, long and short calls, all as pieces of
windows whose silence is stood for by few positions; at last windows of 30 s as they are. The encoder names phonemes
beside the decoder's work; one head of the first decoder layer is told where the last token sounded, one of the last
layer where the next one will. espeak-ng knows all that, and attention finds its place within minutes on one core.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader

import tokens
import wer
from clips import Wish
from examples import IGNORED, Batch, Desk, Example, Lesson, Lessons, collated
from whisper import Piece, Shape, Whisper, save

CHECKPOINTS = Path(__file__).resolve().parents[2] / "target" / "starter" / "speech"
ALIGNMENT_HEADS = ((1, 0),)  # (decoder layer, head) that are told where the next token sounds

_MISHEARD = 0.08  # of the text tokens that the decoder is given
_STAMP_SPREAD = 1.5  # a timestamp's neighbours are nearly right: a bell of this width, in steps of 0.02 s


@dataclass(frozen=True)
class Part:
    """One part of the training: what is learned, in how many steps, how fast."""

    name: str
    lesson: Lesson
    steps: int
    rows: int
    rate: float
    warm_up: int
    final_rate: float = 0.0


_SINGLE = Lesson(Wish(sentences=(1, 1), noise_share=0.3, snr_db=(15, 30)), timestamp_share=0.3, prompt_share=0.0)
_LINES = Lesson(Wish(sentences=(1, 2), silent_share=0.06, scrambled_share=0.2), moved_share=0.3)
_TALK = Wish(sentences=(1, 6), silent_share=0.08, seconds=22.0, gap_s=(0.15, 1.2), lead_s=2.0, scrambled_share=0.25)
_CALL = replace(_TALK, sentences=(1, 9), seconds=29.0, gap_s=(0.15, 1.5))
_WINDOW = replace(_CALL, seconds=36.0, gap_s=(0.15, 2.5))

PARTS = (
    Part("single", _SINGLE, 750, 32, 2e-3, 200, final_rate=2e-3),
    Part("lines", _LINES, 1250, 32, 2e-3, 0, final_rate=6e-4),
    Part("calls", Lesson(_CALL, moved_share=0.1), 250, 12, 1.4e-3, 0, final_rate=1.4e-3),
    Part("talks", Lesson(_TALK, moved_share=0.1), 1600, 24, 1.4e-3, 0),
    Part("windows", Lesson(_WINDOW, full_windows=True), 40, 8, 1e-4, 0),
)


def losses(network: Whisper, batch: Batch, stamps: int) -> dict[str, Tensor]:
    """What is made small: the next token, the place of each token, and the phoneme of each frame."""
    logits, attention, sound = network(batch.mel, _misheard(batch.ids), batch.piece)
    here = functional.pad(batch.heard, (0, 0, 1, 0))[:, :-1]
    phonemes = network.phonemes(sound)
    return {
        "token": token_loss(logits.float(), batch.labels, stamps),
        "place": _place_loss(attention[0][:, 0], here) + _place_loss(attention[-1][:, 0], batch.heard),
        "phoneme": functional.cross_entropy(phonemes.flatten(0, 1).float(), batch.frames.flatten()),
    }


def _misheard(ids: Tensor) -> Tensor:
    """Some text tokens replaced by any others: the network learns to find its way back after a mistake."""
    text = ids < tokens.TEXT_TOKENS
    wrong = torch.rand(ids.shape) < _MISHEARD
    return torch.where(text & wrong, torch.randint(0, tokens.TEXT_TOKENS, ids.shape), ids)


def token_loss(logits: Tensor, labels: Tensor, stamps: int) -> Tensor:
    """Cross-entropy of the counted labels; a timestamp's neighbours count as nearly right."""
    counted = labels != IGNORED
    chosen, wanted = logits[counted].log_softmax(-1), labels[counted]
    text = wanted < stamps
    steps = torch.arange(tokens.TIMESTAMPS)
    bell = torch.softmax(-((steps - (wanted[~text, None] - stamps)) ** 2) / (2 * _STAMP_SPREAD**2), -1)
    total = -chosen[text].gather(1, wanted[text, None]).sum() - (chosen[~text, stamps:] * bell).sum()
    return total / counted.sum().clamp(min=1)


def _place_loss(weights: Tensor, heard: Tensor) -> Tensor:
    """How little of one head's attention `[batch, tokens, positions]` lies where the tokens sound."""
    told = heard.any(-1)
    return -((weights * heard).sum(-1)[told] + 1e-4).log().mean() if told.any() else torch.zeros(())


def run(part: Part, network: Whisper, optimizer: torch.optim.Optimizer, options: argparse.Namespace) -> None:
    """Trains one part from its checkpoint or its start."""
    vocabulary, folder = tokens.Vocabulary(), options.out
    done = _resumed(folder / f"{part.name}.pt", network, optimizer) if options.resume else 0
    lessons = Lessons(part.lesson, part.rows, done, seed=1 + [other.name for other in PARTS].index(part.name))
    loader = iter(DataLoader(lessons, batch_size=None, num_workers=options.workers))
    checks = _checks(part)
    begun, sums = time.monotonic(), {}
    for step in range(done, part.steps):
        optimizer.param_groups[0]["lr"] = _rate(part, step)
        with torch.autocast("cpu", torch.bfloat16):
            parts = losses(network, next(loader), vocabulary.first_stamp)
        (parts["token"] + 0.15 * parts["place"] + 0.3 * parts["phoneme"]).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        sums = {name: sums.get(name, 0.0) + value.item() for name, value in parts.items()}
        if (step + 1) % 50 == 0:
            means = "  ".join(f"{name} {value / 50:.3f}" for name, value in sums.items())
            print(f"{part.name} {step + 1}/{part.steps}  {means}  {time.monotonic() - begun:.0f} s", flush=True)
            sums = {}
        if (step + 1) % options.every == 0 or step + 1 == part.steps:
            save(folder / f"{part.name}.pt", network, optimizer=optimizer.state_dict(), step=step + 1)
            print(f"{part.name} {step + 1}: WER {dev_wer(network, checks, vocabulary):.3f}", flush=True)


def dev_wer(network: Whisper, checks: list[Example], vocabulary: tokens.Vocabulary) -> float:
    """Word error rate on held-out sentences, decoded greedily without timestamps."""
    pairs = []
    for start in range(0, len(checks), 8):
        group = checks[start : start + 8]
        batch = collated(group)
        heard = greedy(network, batch.mel, batch.piece, vocabulary)
        spoken = [[label for label in example.labels if label != IGNORED] for example in group]
        pairs += [(vocabulary.decode(want), vocabulary.decode(got)) for want, got in zip(spoken, heard, strict=True)]
    return wer.rate(pairs)


@torch.no_grad()
def greedy(
    network: Whisper, mel: Tensor, piece: Piece | None, vocabulary: tokens.Vocabulary, most: int = 120
) -> list[list[int]]:
    """The likeliest text tokens of each window, step by step."""
    sound, mask = network.model.encoder(mel, piece), None if piece is None else piece.mask
    start = [vocabulary.start, vocabulary.english, vocabulary.transcribe, vocabulary.no_timestamps]
    ids = torch.tensor([start] * len(mel))
    ended = torch.zeros(len(mel), dtype=torch.bool)
    for _ in range(most):
        logits = network.model.decoder(ids, sound, mask)[0][:, -1, : vocabulary.end + 1]
        best = torch.where(ended, vocabulary.end, logits.argmax(-1))
        ended |= best == vocabulary.end
        ids = torch.cat([ids, best[:, None]], 1)
        if ended.all():
            break
    return [[token for token in row[len(start) :] if token < vocabulary.end] for row in ids.tolist()]


def _checks(part: Part) -> list[Example]:
    wish = replace(part.lesson.wish, held_out=True, silent_share=0.0, scrambled_share=0.0)
    lesson = Lesson(wish, part.lesson.full_windows, 0.0, 0.0, 0.0, 0.0, 0.0)
    desk = Desk()
    return [desk.example(10**12 + index, lesson) for index in range(24 if wish.sentences[1] > 2 else 96)]


def _rate(part: Part, step: int) -> float:
    if step < part.warm_up:
        return part.rate * (step + 1) / part.warm_up
    done = (step - part.warm_up) / max(part.steps - part.warm_up, 1)
    return part.final_rate + (part.rate - part.final_rate) * 0.5 * (1 + math.cos(math.pi * done))


def _resumed(path: Path, network: Whisper, optimizer: torch.optim.Optimizer) -> int:
    if not path.exists():
        return 0
    saved = torch.load(path, weights_only=True)
    network.load_state_dict(saved["state"])
    optimizer.load_state_dict(saved["optimizer"])
    return saved["step"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=CHECKPOINTS, help="folder of the checkpoints")
    parser.add_argument("--resume", action=argparse.BooleanOptionalAction, default=True, help="go on from checkpoints")
    parser.add_argument("--threads", type=int, default=1, help="threads of the training itself")
    parser.add_argument("--workers", type=int, default=1, help="processes that make clips")
    parser.add_argument("--every", type=int, default=250, help="steps between checkpoints")
    parser.add_argument("--shrink", type=float, default=1.0, help="a part of the steps, for trying out")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    network = Whisper(Shape(tokens.Vocabulary().size), timed=True)
    optimizer = torch.optim.AdamW(network.parameters(), lr=PARTS[0].rate, betas=(0.9, 0.98), weight_decay=0.01)
    for part in PARTS:
        run(replace(part, steps=max(int(part.steps * options.shrink), 1)), network, optimizer, options)


if __name__ == "__main__":
    main()
