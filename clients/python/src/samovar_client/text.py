"""Answers about texts: documents in the order in which they answer, and how alike texts are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Ranked:
    """One document in its place."""

    index: int
    """Its place in the request."""
    relevance_score: float


@dataclass(frozen=True)
class Ranking:
    """Documents in order, the best first."""

    model: str
    method: str
    """`cross-encoder`, `cosine` or `hybrid`."""
    results: tuple[Ranked, ...]
    usage: Mapping[str, int]


@dataclass(frozen=True)
class Similarities:
    """A table of likenesses."""

    model: str
    scores: tuple[tuple[float, ...], ...]
    """A row for each of the left, a column for each of the right."""
    usage: Mapping[str, int]
