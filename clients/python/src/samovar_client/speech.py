"""What is said in recordings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

Recording = bytes | bytearray | memoryview | Path
"""A recording as bytes or as a file, which is sent piece by piece. WAV, FLAC, MP3, AAC and Ogg Vorbis are read by every server."""


@dataclass(frozen=True)
class HeardWord:
    """A word and where it sounds."""

    text: str
    start_s: float
    end_s: float
    probability: float


@dataclass(frozen=True)
class HeardSegment:
    """A piece of what is said, and how sure the model is of it."""

    id: int
    start_s: float
    end_s: float
    text: str
    average_logprob: float
    no_speech_prob: float
    compression_ratio: float
    temperature: float
    words: tuple[HeardWord, ...] | None = None
    """Where asked for."""


@dataclass(frozen=True)
class HeardTimings:
    """Where the time of a recording went."""

    receive_ms: float
    hear_ms: float
    real_time_factor: float | None = None
    """`hear_ms` as a part of the recording's length."""


@dataclass(frozen=True)
class Incomplete:
    """Why a part of a recording was not heard."""

    code: str
    detail: str


@dataclass(frozen=True)
class Transcript:
    """What is said in a recording."""

    text: str
    translated: bool
    duration_s: float
    segments: tuple[HeardSegment, ...]
    model: str
    timings: HeardTimings
    language: str | None = None
    """`en` and so on, given or detected; none where there was nothing to hear."""
    incomplete: Incomplete | None = None
    """None where all of it was heard."""


def recorded(recording: Recording) -> bytes | Callable[[], BinaryIO]:
    """What is sent: bytes, or what opens the file anew for each attempt."""
    if isinstance(recording, Path):
        return lambda: recording.open("rb")
    return bytes(recording)
