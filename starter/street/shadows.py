"""Shadows on the ground: people's bones thrown by the sun, soft spots without one, patches under vehicles."""

from __future__ import annotations

import numpy as np

from .actor import Actor
from .camera import Camera
from .light import Light
from .raster import capsule, ellipse, hull
from .skeleton import INDEX
from .vehicles import Vehicle, corners

SPOT_M = 0.38
VEHICLE_SHADE = 0.45
_LIMBS = (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
# Joint to joint, and how wide in metres.
BONES = (
    ("neck", "left_hip", 0.09),
    ("neck", "right_hip", 0.09),
    ("neck", "head", 0.06),
    *((f"{side}_{one}", f"{side}_{other}", 0.045) for side in ("left", "right") for one, other in _LIMBS),
)


def of_person(actor: Actor, camera: Camera, light: Light) -> list[np.ndarray]:
    """Outlines in pixels."""
    if light.sun is None:
        return [spot(actor.foot, SPOT_M, camera)]
    thrown = actor.joints.copy()
    thrown[:, :2] += thrown[:, 2:] * light.sun
    thrown[:, 2] = 0
    ends, scale = camera.project(thrown), camera.scale(*actor.foot)
    return [capsule(ends[INDEX[a]], width * scale, ends[INDEX[b]], width * scale) for a, b, width in BONES]


def spot(foot: tuple[float, float], radius_m: float, camera: Camera) -> np.ndarray:
    """A disc on the ground, in pixels."""
    scale = camera.scale(*foot)
    flat = camera.height_m / max(camera.depth(*foot), 1)
    across, along = np.array([radius_m * scale, 0]), np.array([0, radius_m * scale * flat])
    return ellipse(camera.project(np.array([*foot, 0.0])), across, along)


def of_vehicle(vehicle: Vehicle, camera: Camera, time_s: float) -> np.ndarray:
    """The dark patch under it, in pixels."""
    base = corners(vehicle, time_s)
    base = base[base[:, 2] == 0]
    return hull([(point, 0.12 * camera.scale(*base[0, :2])) for point in camera.project(base)])
