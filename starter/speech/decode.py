"""Runs the exported graphs in ONNX Runtime as any user of the folder would: the encoder once, then token by token."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

import tokens

_LONGEST_START = 50  # the first timestamp is at most 1 s, as in openai/whisper


@dataclass(frozen=True)
class Heard:
    """What was heard in one window: tokens without prompt and end, and the probability that nobody speaks."""

    ids: list[int]
    no_speech: float


class Runner:
    """The three graphs of a folder (or those of `graphs`), and greedy decoding with cached keys and values."""

    def __init__(self, folder: Path, graphs: Path | None = None, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        place = (graphs or folder) / "onnx"
        self._encoder, self._decoder, self._with_past = (
            onnxruntime.InferenceSession(str(place / f"{name}.onnx"), options, providers=["CPUExecutionProvider"])
            for name in ("encoder_model", "decoder_model", "decoder_with_past_model")
        )
        self.vocabulary = tokens.Vocabulary(folder)
        settings = json.loads((folder / "generation_config.json").read_text())
        self._never, self._never_first = settings["suppress_tokens"], settings["begin_suppress_tokens"]

    def heard(self, mel: np.ndarray, timestamps: bool = False, most: int = 220) -> list[Heard]:
        """Decodes windows `[batch, 80, 3000]` greedily."""
        known = self.vocabulary
        prompt = [known.start, known.english, known.transcribe] + ([] if timestamps else [known.no_timestamps])
        sound = self.encoded(mel)
        ids = np.array([prompt] * len(mel), np.int64)
        logits, past = self._step(self._decoder, {"input_ids": ids, "encoder_hidden_states": sound}, {})
        silence = _softmax(logits[:, 0])[:, known.no_speech]
        rows: list[list[int]] = [[] for _ in mel]
        ended = np.zeros(len(mel), bool)
        for _ in range(most):
            best = [self._best(score, row, timestamps) for score, row in zip(logits[:, -1], rows, strict=True)]
            ended |= np.array(best) == known.end
            if ended.all():
                break
            for row, token, done in zip(rows, best, ended, strict=True):
                if not done:
                    row.append(token)
            logits, past = self._step(self._with_past, {"input_ids": np.array(best, np.int64)[:, None]}, past)
        return [Heard(row, float(share)) for row, share in zip(rows, silence, strict=True)]

    def encoded(self, mel: np.ndarray) -> np.ndarray:
        """The encoder's output `[batch, 1500, width]`."""
        return self._encoder.run(None, {"input_features": mel})[0]

    def logits(self, mel: np.ndarray, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Logits of given tokens `[batch, length]`: all at once, and token by token behind the first."""
        start = {"input_ids": ids, "encoder_hidden_states": self.encoded(mel)}
        whole, _ = self._step(self._decoder, start, {})
        logits, past = self._step(self._decoder, {**start, "input_ids": ids[:, :1]}, {})
        steps = [logits]
        for index in range(1, ids.shape[1]):
            logits, past = self._step(self._with_past, {"input_ids": ids[:, index : index + 1]}, past)
            steps.append(logits)
        return whole, np.concatenate(steps, 1)

    @staticmethod
    def _step(
        session: onnxruntime.InferenceSession, inputs: dict[str, np.ndarray], past: dict[str, np.ndarray]
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        names = [output.name for output in session.get_outputs()]
        made = dict(zip(names, session.run(None, {**inputs, **past}), strict=True))
        grown = {name.replace("present", "past_key_values"): value for name, value in made.items() if name != "logits"}
        return made["logits"], {**past, **grown}

    def _best(self, logits: np.ndarray, row: list[int], timestamps: bool) -> int:
        scores = logits.copy()
        scores[self._never] = -np.inf
        if not row:
            scores[self._never_first] = -np.inf
        scores[self.vocabulary.no_timestamps] = -np.inf
        if timestamps:
            self._stamp_rules(scores, row)
        else:
            scores[self.vocabulary.first_stamp :] = -np.inf
        return int(scores.argmax())

    def _stamp_rules(self, scores: np.ndarray, row: list[int]) -> None:
        """The rules of openai/whisper's `ApplyTimestampRules`: pairs, never backwards, a stamp at the start."""
        first, end = self.vocabulary.first_stamp, self.vocabulary.end
        stamps = [token for token in row if token >= first]
        if not row:
            scores[:first] = -np.inf
            scores[first + _LONGEST_START + 1 :] = -np.inf
            return
        if row[-1] >= first:
            if len(row) < 2 or row[-2] >= first:
                scores[first:] = -np.inf  # a pair is complete: text follows
            else:
                scores[:end] = -np.inf  # a segment has ended: a start or the end follows
        if stamps:
            opening = row[-1] >= first and len(row) > 1 and row[-2] < first
            scores[first : stamps[-1] + (0 if opening else 1)] = -np.inf
        shares = _softmax(scores)
        if shares[first:].sum() > shares[:first].max():
            scores[:first] = -np.inf


def _softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)
