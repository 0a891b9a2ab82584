"""Answers about single pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .stream_events import Area, Box, Detection, ImageSize, Timings


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


Point = tuple[float, float]
"""x and y in pixels of the picture."""


@dataclass(frozen=True)
class Landmarks:
    """Five points of a face; right and left are the person's own."""

    right_eye: Point
    left_eye: Point
    nose: Point
    mouth_right: Point
    mouth_left: Point


@dataclass(frozen=True)
class Face:
    """One face."""

    box: Box
    score: float
    landmarks: Landmarks
    embedding: tuple[float, ...] | None = None
    """Who it is: a vector of length 1, where asked for."""
    crop: str | None = None
    """The face upright, 112 pixels a side, where asked for: a JPEG in base64."""


@dataclass(frozen=True)
class Faces:
    """Faces of a picture, the best score first."""

    model: str
    generation: int
    image: ImageSize
    faces: tuple[Face, ...]
    timings: Timings
    embedding_model: str | None = None
