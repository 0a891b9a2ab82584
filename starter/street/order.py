"""Who hides whom: the order of drawing, from far to near.

Small things go by depth. Long vehicles do not: the middle of a bus may be nearer than the post in front of its end. But
every line of sight leaves the camera at v = 0 and moves off across the street, so a vehicle hides just what lies across
from it, and is hidden by what stands on its near side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .raster import overlap


@dataclass(frozen=True)
class Item:
    thing: Any
    depth: float
    across: float  # metres across the street from the camera's line
    rect: tuple[int, int, int, int]  # where it is drawn
    long: bool  # a vehicle


def far_to_near(items: list[Item]) -> list[Item]:
    ordered = sorted((item for item in items if not item.long), key=lambda item: -item.depth)
    for vehicle in sorted((item for item in items if item.long), key=lambda item: -item.across):
        ordered.insert(_place(vehicle, ordered), vehicle)
    return ordered


def _place(vehicle: Item, ordered: list[Item]) -> int:
    touching = [(k, item) for k, item in enumerate(ordered) if overlap(item.rect, vehicle.rect)]
    after = max((k + 1 for k, item in touching if item.across >= vehicle.across), default=0)
    before = min((k for k, item in touching if item.across < vehicle.across), default=len(ordered))
    return min(after, before)
