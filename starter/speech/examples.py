"""Turns clips into what the network learns from: log-mel windows, token rows, and where each token sounds."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import IterableDataset

import phrases
from clips import Clip, Segment, Studio, Wish
from espeak import SAMPLE_RATE
from mel import FRAMES_PER_SECOND, WINDOW_FRAMES, log_mel
from tokens import Vocabulary
from whisper import Piece

POSITIONS_PER_SECOND = FRAMES_PER_SECOND // 2
WINDOW_S = 30.0
IGNORED = -100

_MOST_TOKENS = 200
_SILENT_POSITIONS = 64  # stand for all the silence of a window
_STEP_FRAMES = 16  # windows of a batch are filled up to a multiple of this
_SLACK_S = 0.06  # a token may be heard this much before and after its place
_GROUP = 8  # batches that are drawn together and sorted by length


@dataclass(frozen=True)
class Lesson:
    """What one part of the training is made of."""

    wish: Wish
    full_windows: bool = False
    timestamp_share: float = 0.5
    prompt_share: float = 0.1
    translate_share: float = 0.05
    cut_share: float = 0.1
    moved_share: float = 0.5


@dataclass(frozen=True)
class Example:
    """One row: `mel` `[80, frames]`, its silence, first position, token sequence and what each next token is."""

    mel: Tensor
    floor: float
    offset: int
    ids: list[int]
    labels: list[int]
    spans: list[tuple[int, int] | None]
    frames: np.ndarray


@dataclass(frozen=True)
class Batch:
    """Rows of about equal length. `heard` `[batch, tokens, positions]` marks where each label sounds."""

    mel: Tensor
    piece: Piece | None
    ids: Tensor
    labels: Tensor
    heard: Tensor
    frames: Tensor


class Lessons(IterableDataset):
    """An endless row of batches, each drawn from its number: from `first` on, `size` rows in each."""

    def __init__(self, lesson: Lesson, size: int, first: int, seed: int) -> None:
        self._lesson, self._size, self._first, self._seed = lesson, size, first, seed

    def __iter__(self) -> Iterator[Batch]:
        torch.set_num_threads(1)
        desk = Desk()
        group, skip = divmod(self._first, _GROUP)
        while True:
            start = self._seed * 10**9 + group * _GROUP * self._size
            drawn = [desk.example(start + index, self._lesson) for index in range(_GROUP * self._size)]
            drawn.sort(key=lambda example: example.mel.shape[1])
            order = random.Random(group).sample(range(_GROUP), _GROUP)
            for index in order[skip:]:
                yield collated(drawn[index * self._size : (index + 1) * self._size])
            group, skip = group + 1, 0


class Desk:
    """Makes examples of clips."""

    def __init__(self) -> None:
        self._studio, self._vocabulary = Studio(), Vocabulary()

    def example(self, seed: int, lesson: Lesson) -> Example:
        """The example of a seed."""
        rng = random.Random(seed + 1)
        clip = self._studio.clip(seed, lesson.wish)
        stamped = rng.random() < lesson.timestamp_share
        length = len(clip.audio) / SAMPLE_RATE
        limit = min(length, WINDOW_S)
        if not stamped and clip.segments and rng.random() < lesson.cut_share:
            limit = min(limit, rng.uniform(clip.segments[0].words[0][2], length))
        audio = clip.audio[: int(limit * SAMPLE_RATE)]
        frames = WINDOW_FRAMES
        if not lesson.full_windows:
            frames = min(WINDOW_FRAMES, int(limit * FRAMES_PER_SECOND) + rng.choice([4, rng.randint(4, 120)]))
        mel, floor = log_mel(audio, min(frames + 4, WINDOW_FRAMES))
        offset = 0
        if not lesson.full_windows and rng.random() < lesson.moved_share:
            offset = rng.randint(0, (WINDOW_FRAMES - frames - _STEP_FRAMES) // 2) if frames < 2900 else 0
        rows = _Rows(self._vocabulary, offset / POSITIONS_PER_SECOND)
        rows.begin(rng, lesson, stamped, spoken=bool(clip.segments))
        rows.body(clip.segments, limit, stamped, cut=limit < length)
        return Example(
            mel[:, :frames].contiguous(), floor, offset, rows.ids[:-1], rows.labels[1:], rows.spans[1:],
            _frame_classes(clip, frames // 2, limit),
        )


class _Rows:
    """The token sequence as it grows: ids, what counts as a label, and where it sounds."""

    def __init__(self, vocabulary: Vocabulary, moved_s: float) -> None:
        self._vocabulary, self._moved_s = vocabulary, moved_s
        self.ids: list[int] = []
        self.labels: list[int] = []
        self.spans: list[tuple[int, int] | None] = []

    def begin(self, rng: random.Random, lesson: Lesson, stamped: bool, spoken: bool) -> None:
        known = self._vocabulary
        if rng.random() < lesson.prompt_share:
            self._put(known.previous)
            for _ in range(rng.randint(1, 3)):
                for token, _, _ in known.encode(phrases.sentence(rng, held_out=False)):
                    self._put(token)
        self._put(known.start)
        self._put(known.english, label=known.english if spoken else known.no_speech)
        self._put(known.translate if rng.random() < lesson.translate_share else known.transcribe)
        if not stamped:
            self._put(known.no_timestamps)
        elif not spoken:
            self._put(known.stamp(0.0))

    def body(self, segments: list[Segment], limit: float, stamped: bool, cut: bool) -> None:
        known = self._vocabulary
        for segment in segments:
            if len(self.ids) > _MOST_TOKENS or segment.start >= limit - 0.02:
                break
            whole = not cut or segment.end <= limit
            if stamped:
                self._stamp(segment.start)
            if whole or not stamped:
                self._text(segment, limit if not whole else None)
            if stamped and whole:
                self._stamp(segment.end)
        self._put(known.end, label=known.end)

    def _text(self, segment: Segment, limit: float | None) -> None:
        for token, start, end in self._vocabulary.encode(segment.text):
            span = _sounding(segment, start, end)
            if limit is not None and span[1] > limit:
                return
            self._put(token, label=token, span=span)

    def _stamp(self, seconds: float) -> None:
        token = self._vocabulary.stamp(self._moved_s + seconds)
        self._put(token, label=token, span=(seconds, seconds))

    def _put(self, token: int, label: int = IGNORED, span: tuple[float, float] | None = None) -> None:
        self.ids.append(token)
        self.labels.append(label)
        place = None
        if span is not None:
            first = max(int((span[0] - _SLACK_S) * POSITIONS_PER_SECOND), 0)
            place = (first, max(int((span[1] + _SLACK_S) * POSITIONS_PER_SECOND), first + 1))
        self.spans.append(place)


def collated(examples: list[Example]) -> Batch:
    """One batch: windows filled up with their own silence, token rows with the end."""
    longest = max(example.mel.shape[1] for example in examples)
    frames = min(-(-(longest + _STEP_FRAMES) // _STEP_FRAMES) * _STEP_FRAMES, WINDOW_FRAMES)
    mel = torch.stack([_filled(example, frames) for example in examples])
    piece = None if frames == WINDOW_FRAMES else _piece([example.offset for example in examples], frames // 2)
    ids = pad_sequence([torch.tensor(example.ids) for example in examples], batch_first=True)
    labels = pad_sequence([torch.tensor(example.labels) for example in examples], True, IGNORED)
    length = frames // 2 if piece is None else piece.positions.shape[1]
    heard = torch.zeros(len(examples), ids.shape[1], length, dtype=torch.bool)
    classes = torch.zeros(len(examples), length, dtype=torch.long)
    for row, example in enumerate(examples):
        classes[row, : len(example.frames)] = torch.from_numpy(example.frames)
        for index, span in enumerate(example.spans):
            if span is not None:
                heard[row, index, span[0] : span[1]] = True
    return Batch(mel, piece, ids, labels, heard, classes)


def _piece(offsets: list[int], length: int) -> Piece:
    """Pieces of `length` positions at `offsets`, and positions of the silence around them."""
    whole = WINDOW_FRAMES // 2
    others = whole - length
    count = min(_SILENT_POSITIONS, others)
    first = torch.tensor([min(offset, others) for offset in offsets])[:, None]
    drawn = ((torch.arange(count) + torch.rand(len(offsets), count)) * others / count).long().clamp(max=others - 1)
    drawn = torch.where(drawn < first, drawn, drawn + length)
    mask = torch.zeros(1, 1, 1, length + count)
    mask[..., length:] = math.log(others / count)
    return Piece(torch.cat([first + torch.arange(length), drawn], 1), mask)


def _filled(example: Example, frames: int) -> Tensor:
    mel = torch.full((example.mel.shape[0], frames), example.floor)
    mel[:, : example.mel.shape[1]] = example.mel
    return mel


def _sounding(segment: Segment, start: int, end: int) -> tuple[float, float]:
    """Where characters `start` to `end` sound, a word's time shared out evenly among its letters."""
    index = max((i for i, word in enumerate(segment.words) if word[0] <= start), default=0)
    first, begins, ends = segment.words[index]
    after = segment.words[index + 1][0] if index + 1 < len(segment.words) else len(segment.text)
    step = (ends - begins) / max(after - first, 1)
    return begins + (start - first) * step, min(begins + (end - first) * step, ends)


def _frame_classes(clip: Clip, count: int, limit: float) -> np.ndarray:
    classes = np.zeros(count, np.int64)
    edges = [*(start for _, start in clip.phonemes), 1e9]
    for index, (name, start) in enumerate(clip.phonemes):
        end = min(edges[index + 1], limit)
        classes[int(start * POSITIONS_PER_SECOND) : max(int(end * POSITIONS_PER_SECOND), 0)] = name
    return classes
