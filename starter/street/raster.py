"""Drawing surfaces: a sprite is drawn at a multiple of the frame's resolution, shrunk, and laid over the frame.

Colours are RGB. A sprite carries its coverage as a fourth channel, colours already multiplied by it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

SHIFT = 4
UNIT = 1 << SHIFT
_ANGLES = np.linspace(0, 2 * np.pi, 12, endpoint=False)
CIRCLE = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=-1)


@dataclass(frozen=True)
class Sprite:
    x: int
    y: int
    rgba: np.ndarray  # uint8 [h, w, 4], premultiplied

    @property
    def rect(self) -> tuple[int, int, int, int]:
        height, width = self.rgba.shape[:2]
        return self.x, self.y, self.x + width, self.y + height


class Canvas:
    """A supersampled surface for one object that covers part of the frame."""

    def __init__(self, rect: tuple[int, int, int, int], supersample: int = 2):
        self.x, self.y, x1, y1 = rect
        self.supersample = supersample
        self._offset = 0.5 - UNIT * (np.array([self.x, self.y]) * supersample + 0.5)
        self.pixels = np.zeros(((y1 - self.y) * supersample, (x1 - self.x) * supersample, 4), np.uint8)

    def fixed(self, points: np.ndarray) -> np.ndarray:
        """Frame pixels to the integers that OpenCV's sub-pixel drawing takes."""
        return (points * (self.supersample * UNIT) + self._offset).astype(np.int32)

    def fill(self, points: np.ndarray, colour: np.ndarray) -> None:
        cv2.fillPoly(self.pixels, [self.fixed(points)], _rgba(colour), shift=SHIFT)

    def convex(self, points: np.ndarray, colour: np.ndarray) -> None:
        cv2.fillConvexPoly(self.pixels, self.fixed(points), _rgba(colour), shift=SHIFT)

    def line(self, start: np.ndarray, end: np.ndarray, width_px: float, colour: np.ndarray) -> None:
        self.convex(
            capsule(np.asarray(start, float), width_px / 2, np.asarray(end, float), width_px / 2), colour
        )

    def sprite(self) -> Sprite:
        height, width = (side // self.supersample for side in self.pixels.shape[:2])
        return Sprite(self.x, self.y, cv2.resize(self.pixels, (width, height), interpolation=cv2.INTER_AREA))


def clip_rect(
    points: np.ndarray, width: int, height: int, margin: int = 2
) -> tuple[int, int, int, int] | None:
    """The whole-pixel rectangle round points, cut to the frame; None where it is empty."""
    low, high = np.floor(points.min(axis=0)) - margin, np.ceil(points.max(axis=0)) + margin
    x0, y0 = max(int(low[0]), 0), max(int(low[1]), 0)
    x1, y1 = min(int(high[0]), width), min(int(high[1]), height)
    return (x0, y0, x1, y1) if x1 > x0 and y1 > y0 else None


def overlap(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def paste(image: np.ndarray, sprite: Sprite) -> np.ndarray:
    """Lays the sprite over the image and returns where it covers more than half of a pixel (bool [h, w])."""
    x0, y0, x1, y1 = sprite.rect
    region = image[y0:y1, x0:x1]
    alpha = sprite.rgba[..., 3]
    rest = cv2.cvtColor(255 - alpha, cv2.COLOR_GRAY2RGB)
    behind = cv2.multiply(region, rest, scale=1 / 255)
    region[:] = cv2.add(behind, sprite.rgba[..., :3])
    return alpha > 127


def capsule(start: np.ndarray, start_radius: float, end: np.ndarray, end_radius: float) -> np.ndarray:
    """Outline of a tapered limb."""
    return hull([(start, start_radius), (end, end_radius)])


def hull(discs: list[tuple[np.ndarray, float]]) -> np.ndarray:
    """Outline of the convex hull of discs (centre, radius)."""
    centres = np.array([centre for centre, _ in discs])[:, None]
    radii = np.array([radius for _, radius in discs])[:, None, None]
    points = (centres + CIRCLE * radii).astype(np.float32)
    return cv2.convexHull(points.reshape(-1, 2))[:, 0]


def ellipse(centre: np.ndarray, along: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Outline of an ellipse with two half axes, 24 corners."""
    turns = np.linspace(0, 2 * np.pi, 24, endpoint=False)[:, None]
    return centre + np.cos(turns) * along + np.sin(turns) * across


def _rgba(colour: np.ndarray) -> tuple[int, int, int, int]:
    red, green, blue = colour.tolist()
    return min(max(red, 0), 255), min(max(green, 0), 255), min(max(blue, 0), 255), 255
