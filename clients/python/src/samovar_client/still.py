"""Answers about single pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .stream_events import Area, Detection, ImageSize, Timings


@dataclass(frozen=True)
class Found:
    """Objects in a picture."""

    model: str
    generation: int
    engine: str
    precision: str
    image: ImageSize
    detections: tuple[Detection, ...]
    timings: Timings
    version: int | None = None


@dataclass(frozen=True)
class Seen:
    """The class of every pixel of a picture."""

    mode: str
    model: str
    generation: int
    engine: str
    precision: str
    width: int
    height: int
    areas: tuple[Area, ...]
    timings: Timings
    mask: Mapping[str, Any] | None = None
    version: int | None = None
