"""The pinhole camera: street coordinates (u along the street, v across it, z up, metres) to pixels.

The camera looks level; a shifted lens puts the horizon where it should be, so that upright things stay upright.
`scale` is pixels per metre at a depth, which makes sizes and foot points one and the same line of perspective.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NEAR_M = 0.6


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
        """A flat street polygon [n, 3], cut at the near plane, in pixels; None where nothing is left."""
        inside = _cut_near(self.to_camera(np.asarray(points, float)))
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


def _cut_near(points: np.ndarray) -> np.ndarray:
    kept = []
    for here, there in zip(points, np.roll(points, -1, axis=0)):
        if here[1] >= NEAR_M:
            kept.append(here)
        if (here[1] >= NEAR_M) != (there[1] >= NEAR_M):
            kept.append(here + (there - here) * (NEAR_M - here[1]) / (there[1] - here[1]))
    return np.array(kept)
