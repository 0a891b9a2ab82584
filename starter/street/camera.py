"""The pinhole camera: street coordinates (u along the street, v across it, z up, metres) to pixels.

The camera looks level; a shifted lens puts the horizon where it should be, so that upright things stay upright.
`scale` is pixels per metre at a depth, which makes sizes and foot points one and the same line of perspective.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NEAR_M = 0.6
# Half spaces (right, depth, height) that bound what is drawn, so that pixels stay small numbers.
_FRUSTUM = (
    (np.array([0.0, 1.0, 0.0]), NEAR_M),
    (np.array([1.0, 4.0, 0.0]), 0.0),
    (np.array([-1.0, 4.0, 0.0]), 0.0),
)


@dataclass(frozen=True)
class Camera:
    width: int
    height: int
    focal_px: float
    horizon_px: float
    height_m: float
    yaw: float  # 0 looks along the street (+u), pi/2 across it (+v)
    u: float = 0.0
    v: float = 0.0

    @property
    def forward(self) -> np.ndarray:
        return np.array([np.cos(self.yaw), np.sin(self.yaw)])

    @property
    def right(self) -> np.ndarray:
        return np.array([np.sin(self.yaw), -np.cos(self.yaw)])

    def to_camera(self, points: np.ndarray) -> np.ndarray:
        """Street points [..., 3] to right, depth and height [..., 3]."""
        ground = points[..., :2] - (self.u, self.v)
        return np.stack([ground @ self.right, ground @ self.forward, points[..., 2]], axis=-1)

    def to_pixels(self, points: np.ndarray) -> np.ndarray:
        """Camera points [..., 3] (from `to_camera`) to pixels [..., 2]."""
        scale = self.focal_px / np.maximum(points[..., 1], NEAR_M)
        x = self.width / 2 + points[..., 0] * scale
        y = self.horizon_px + (self.height_m - points[..., 2]) * scale
        return np.stack([x, y], axis=-1)

    def project(self, points: np.ndarray) -> np.ndarray:
        return self.to_pixels(self.to_camera(np.asarray(points, float)))

    def polygon(self, points: np.ndarray) -> np.ndarray | None:
        """A flat street polygon [n, 3], cut to what a very wide lens would see, in pixels; None where nothing is left."""
        inside = self.to_camera(np.asarray(points, float))
        for plane in _FRUSTUM:
            inside = _cut(inside, *plane)
        return None if len(inside) < 3 else self.to_pixels(inside)

    def depth(self, u: float, v: float) -> float:
        return float((np.array([u, v]) - (self.u, self.v)) @ self.forward)

    def scale(self, u: float, v: float) -> float:
        """Pixels per metre at this ground point."""
        return self.focal_px / max(self.depth(u, v), NEAR_M)

    def ground_at(self, x_px: float, scale: float) -> np.ndarray:
        """The ground point (u, v) seen at this column with this many pixels per metre."""
        depth = self.focal_px / scale
        side = (x_px - self.width / 2) / scale
        return np.array([self.u, self.v]) + self.forward * depth + self.right * side


def _cut(points: np.ndarray, normal: np.ndarray, offset: float) -> np.ndarray:
    """The part of a polygon [n, 3] where normal·point >= offset (Sutherland and Hodgman)."""
    kept = []
    above = points @ normal - offset
    for k in range(len(points)):
        here, there = above[k - 1], above[k]
        if (here >= 0) != (there >= 0):
            kept.append(points[k - 1] + (points[k] - points[k - 1]) * here / (here - there))
        if there >= 0:
            kept.append(points[k])
    return np.array(kept).reshape(-1, 3)
