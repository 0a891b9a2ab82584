"""Word error rate, as it is usually counted: without case and punctuation."""

from __future__ import annotations

import re


def words(text: str) -> list[str]:
    """Lower-case words without punctuation."""
    return re.sub(r"[^\w\s]", "", text.lower()).split()


def errors(reference: str, heard: str) -> tuple[int, int]:
    """Substitutions, insertions and deletions (Levenshtein over words), and the words of the reference."""
    expected, got = words(reference), words(heard)
    row = list(range(len(got) + 1))
    for i, word in enumerate(expected, 1):
        above, row[0] = row[0], i
        for j, other in enumerate(got, 1):
            above, row[j] = row[j], min(above + (word != other), row[j] + 1, row[j - 1] + 1)
    return row[-1], len(expected)


def rate(pairs: list[tuple[str, str]]) -> float:
    """Errors over words of (reference, heard) pairs."""
    counted = [errors(reference, heard) for reference, heard in pairs]
    return sum(wrong for wrong, _ in counted) / max(sum(count for _, count in counted), 1)
