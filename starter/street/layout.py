"""The plan of a street: which strips lie across it, where the camera stands, where people may walk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .camera import Camera


@dataclass(frozen=True)
class Layout:
    """Distances across the street in metres, from the near house fronts to the far ones; the camera is at v = 0."""

    near_front: float
    near_kerb: float
    far_kerb: float
    far_pavement: float  # where the far pavement ends and the garden strip begins
    far_front: float
    park: bool  # trees and grass instead of houses on the far side
    lawn: bool  # grass instead of paving on the near side
    camera: Camera

    @property
    def walkable(self) -> tuple[tuple[float, float], ...]:
        return ((self.near_front + 0.6, self.near_kerb - 0.3), (self.far_kerb + 0.4, self.far_pavement - 0.3))


def random_layout(rng: np.random.Generator, width: int, height: int) -> Layout:
    yaw = np.pi / 2 - _turned(rng)
    near_kerb = rng.uniform(4.5, 11.0)
    far_kerb = near_kerb + rng.uniform(5.5, 8.5)
    far_pavement = far_kerb + rng.uniform(2.2, 4.5)
    far_front = far_pavement + rng.choice([0.0, 1.5, 3.0, 5.0])
    camera = _random_camera(rng, width, height, yaw)
    return Layout(
        -rng.uniform(2.5, 5.0),
        near_kerb,
        far_kerb,
        far_pavement,
        far_front,
        rng.random() < 0.25,
        rng.random() < 0.15,
        camera,
    )


def _turned(rng: np.random.Generator) -> float:
    """How far the camera turns from looking across the street towards looking along it, to either hand."""
    kind = rng.choice(3, p=[0.35, 0.35, 0.3])
    turn = (rng.uniform(0, 0.15), rng.uniform(0.15, 0.8), rng.uniform(0.8, 1.3))[kind]
    return turn * rng.choice([-1, 1])


def _random_camera(rng: np.random.Generator, width: int, height: int, yaw: float) -> Camera:
    unit = width / 640
    focal = rng.uniform(430, 760) * unit
    horizon = rng.uniform(0.02, 0.27) * height
    return Camera(width, height, focal, horizon, rng.uniform(2.3, 4.6), yaw)
