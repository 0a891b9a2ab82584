"""The tokenizer: Whisper's scheme (byte-level BPE, special tokens, timestamps) over the closed set's own words.

Text tokens come first (256 bytes, then merges), then `<|endoftext|>`, the start, languages, tasks and
the 1501 timestamps in Whisper's order. `python tokens.py` writes the tokenizer's files.
"""

from __future__ import annotations

import argparse
import json
from functools import lru_cache
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

import phrases

MODEL = Path(__file__).resolve().parent.parent / "models" / "starter-whisper"

LANGUAGES = ("en", "de", "fr", "es")  # English is the only one that is spoken in training
TIMESTAMPS = 1501  # 0.00 to 30.00 s in steps of 0.02
STEP_S = 0.02
TEXT_TOKENS = 600

END = "<|endoftext|>"
START = "<|startoftranscript|>"
TRANSLATE, TRANSCRIBE = "<|translate|>", "<|transcribe|>"
LANGUAGE_MODEL, PREVIOUS = "<|startoflm|>", "<|startofprev|>"
NO_SPEECH, NO_TIMESTAMPS = "<|nospeech|>", "<|notimestamps|>"
SPECIAL = (
    END, START, *(f"<|{code}|>" for code in LANGUAGES), TRANSLATE, TRANSCRIBE, LANGUAGE_MODEL, PREVIOUS,
    NO_SPEECH, NO_TIMESTAMPS,
)
_STAMPS = tuple(f"<|{index * STEP_S:.2f}|>" for index in range(TIMESTAMPS))
_NON_SPEECH = '"#()*+/:;<=>@[\\]^_`{|}~'


class Vocabulary:
    """Ids of the special tokens and of text, read from the model's `tokenizer.json`."""

    def __init__(self, folder: Path = MODEL) -> None:
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.size = self._tokenizer.get_vocab_size()
        self.first_stamp = self.id(_STAMPS[0])
        self.end, self.start, self.previous = self.id(END), self.id(START), self.id(PREVIOUS)
        self.english, self.no_speech = self.id("<|en|>"), self.id(NO_SPEECH)
        self.transcribe, self.translate = self.id(TRANSCRIBE), self.id(TRANSLATE)
        self.no_timestamps = self.id(NO_TIMESTAMPS)

    def id(self, token: str) -> int:
        """The id of one token by its text."""
        return self._tokenizer.token_to_id(token)

    def stamp(self, seconds: float) -> int:
        """The id of the timestamp nearest to `seconds`."""
        return self.first_stamp + min(max(round(seconds / STEP_S), 0), TIMESTAMPS - 1)

    def encode(self, text: str) -> list[tuple[int, int, int]]:
        """Tokens of a sentence behind the space that Whisper begins with: (id, start, end) in characters of `text`."""
        ids, spans = _encoded(self._tokenizer, " " + text)
        return [(token, max(start - 1, 0), end - 1) for token, (start, end) in zip(ids, spans, strict=True)]

    def decode(self, ids: list[int]) -> str:
        """The text of the tokens, specials and timestamps left out."""
        return self._tokenizer.decode([token for token in ids if token < self.end], skip_special_tokens=True)


@lru_cache(maxsize=8192)
def _encoded(tokenizer: Tokenizer, text: str) -> tuple[list[int], list[tuple[int, int]]]:
    encoding = tokenizer.encode(text, add_special_tokens=False)
    return encoding.ids, encoding.offsets


def write(folder: Path) -> None:
    """Trains the merges and writes every tokenizer file of a Whisper folder."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _trained()
    (folder / "tokenizer.json").write_text(tokenizer.to_str(pretty=True) + "\n")
    model = json.loads(tokenizer.to_str())["model"]
    vocabulary = dict(sorted(model["vocab"].items(), key=lambda item: item[1]))
    end = len(vocabulary)
    merges = "\n".join(pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"])
    (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}\n")
    _save(folder / "vocab.json", vocabulary)
    added = {token: end + index for index, token in enumerate((*SPECIAL, *_STAMPS))}
    _save(folder / "added_tokens.json", added)
    _save(folder / "special_tokens_map.json", _special_map())
    _save(folder / "tokenizer_config.json", _tokenizer_config(end))


def _trained() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=TEXT_TOKENS, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False
    )
    tokenizer.train_from_iterator((f" {text}" for text in phrases.corpus(40_000)), trainer)
    tokenizer.add_special_tokens(list(SPECIAL))
    # Timestamps are no special tokens in Whisper: a decoder may show them.
    tokenizer.add_tokens(list(_STAMPS))
    prefix = [(token, tokenizer.token_to_id(token)) for token in (START, NO_TIMESTAMPS, END)]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} {NO_TIMESTAMPS} $A {END}", pair=f"{START} {NO_TIMESTAMPS} $A $B:1 {END}:1",
        special_tokens=prefix,
    )
    return tokenizer


def generation_ids(folder: Path) -> dict:
    """The ids that `generation_config.json` names."""
    vocabulary = Vocabulary(folder)
    text = json.loads((folder / "vocab.json").read_text())
    silenced = sorted(text[character] for character in _NON_SPEECH if character in text)
    never = [START, *(f"<|{code}|>" for code in LANGUAGES), TRANSLATE, TRANSCRIBE, LANGUAGE_MODEL, PREVIOUS, NO_SPEECH]
    return {
        "begin_suppress_tokens": [text["Ġ"], vocabulary.end],
        "suppress_tokens": silenced + [vocabulary.id(token) for token in never],
        "lang_to_id": {f"<|{code}|>": vocabulary.id(f"<|{code}|>") for code in LANGUAGES},
        "task_to_id": {"transcribe": vocabulary.transcribe, "translate": vocabulary.translate},
        "no_timestamps_token_id": vocabulary.no_timestamps,
        "prev_sot_token_id": vocabulary.previous,
        "decoder_start_token_id": vocabulary.start,
        "bos_token_id": vocabulary.end, "eos_token_id": vocabulary.end, "pad_token_id": vocabulary.end,
    }


def _special_map() -> dict:
    named = {"bos_token": END, "eos_token": END, "pad_token": END, "unk_token": END}
    return {**named, "additional_special_tokens": list(SPECIAL)}


def _tokenizer_config(end: int) -> dict:
    flags = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
    added = {
        str(end + index): {"content": token, **flags, "special": index < len(SPECIAL)}
        for index, token in enumerate((*SPECIAL, *_STAMPS))
    }
    return {
        "add_bos_token": False, "add_prefix_space": False, "added_tokens_decoder": added, **_special_map(),
        "clean_up_tokenization_spaces": False, "errors": "replace", "model_max_length": 448,
        "processor_class": "WhisperProcessor", "return_attention_mask": False, "tokenizer_class": "WhisperTokenizer",
    }


def _save(path: Path, value: dict) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=MODEL, help="the model's folder")
    write(parser.parse_args().out)


if __name__ == "__main__":
    main()
