"""A person as laid out for one frame: outlines, joints in pixels, box; and what is told of them as truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

import numpy as np

from .camera import Camera
from .clothes import Clothes
from .figure import Shape, View, extent, outline_figure
from .raster import clip_rect
from .skeleton import INDEX, KEYPOINT_COUNT
from .truth import Person
from .walker import Walker

Hidden = Callable[[int, int], bool]  # whether something nearer covers this pixel


@dataclass(frozen=True)
class Actor:
    walker: Walker
    shapes: list[Shape]
    joints: np.ndarray  # [J, 3] street metres
    pixels: np.ndarray  # [J, 2]
    turned: np.ndarray  # bool [17]: on the far side of the head
    depth: float
    foot: tuple[float, float]
    box: np.ndarray  # x0, y0, x1, y1 in pixels, not clipped

    @property
    def number(self) -> int:
        return self.walker.number

    def rect(self, size: tuple[int, int], margin: int = 2) -> tuple[int, int, int, int] | None:
        """Where it is drawn, in whole pixels; None outside the frame."""
        return clip_rect(self.box.reshape(2, 2), *size, margin=margin)

    def clipped(self, size: tuple[int, int]) -> np.ndarray:
        return np.clip(self.box, 0, (*size, *size)).astype(np.float32)

    def person(self, index: int, size: tuple[int, int], visible: float, hidden: Hidden) -> Person:
        """The truth of this frame."""
        points = np.zeros((KEYPOINT_COUNT, 3), np.float32)
        points[:, :2] = self.pixels[:KEYPOINT_COUNT]
        for point, turned in zip(points, self.turned):
            inside = 0 <= point[0] < size[0] and 0 <= point[1] < size[1]
            point[2] = 0 if not inside else 1 if turned or hidden(int(point[0]), int(point[1])) else 2
        unusual, activity = self.walker.unusual(index), self.walker.doing(index)
        return Person(self.number, self.clipped(size), points, min(visible, 1.0), unusual, activity)


def lay_out(walker: Walker, clothes: Clothes, camera: Camera, index: int) -> Actor:
    joints = walker.at(index)
    seen = camera.to_camera(joints)
    pixels = camera.to_pixels(seen)
    shapes = outline_figure(View(walker.body, seen, pixels, camera.focal_px), clothes)
    hips = joints[[INDEX["left_hip"], INDEX["right_hip"]], :2].mean(axis=0)
    foot = (float(hips[0]), float(hips[1]))
    depth = float(seen[:, 1].mean())
    return Actor(walker, shapes, joints, pixels, _turned(seen), depth, foot, extent(shapes))


def _turned(seen: np.ndarray) -> np.ndarray:
    """Which keypoints [17] the head itself hides."""
    turned = np.zeros(KEYPOINT_COUNT, bool)
    turned[:5] = seen[:5, 1] > seen[INDEX["head"], 1] + 0.02
    return turned
