"""The light of a scene: time of day, its tint, the sun's shadows and the lamps' pools of light."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .camera import Camera


@dataclass(frozen=True)
class Light:
    kind: str  # "sun", "overcast", "dusk", "night"
    tint: np.ndarray  # RGB factors
    sky_top: np.ndarray
    sky_low: np.ndarray
    sun: np.ndarray | None  # shadow offset (u, v) per metre of height; None without a sun
    shadow: float  # how dark a shadow is, 0..1
    lamps: tuple[tuple[float, float], ...]  # ground points of lit lamps

    def at(self, u: float, v: float) -> np.ndarray:
        """RGB factors for something standing at this point."""
        glow = sum(np.exp(-((u - lu) ** 2 + (v - lv) ** 2) / 18.0) for lu, lv in self.lamps)
        return self.tint + np.array([0.62, 0.5, 0.3]) * min(float(glow), 1.2)


def random_light(rng: np.random.Generator, lamps: list[tuple[float, float]]) -> Light:
    kind = str(rng.choice(["sun", "overcast", "dusk", "night"], p=[0.4, 0.3, 0.17, 0.13]))
    gain = rng.uniform(0.92, 1.08)
    sun = np.array([rng.uniform(-1.1, 1.1), rng.uniform(-0.6, 0.7)])
    match kind:
        case "sun":
            return Light(
                kind,
                gain * np.array([1.03, 1.0, 0.95]),
                np.array([92.0, 142, 206]),
                np.array([196.0, 216, 232]),
                sun,
                rng.uniform(0.3, 0.5),
                (),
            )
        case "overcast":
            return Light(
                kind,
                gain * np.array([0.9, 0.92, 0.95]),
                np.array([168.0, 176, 186]),
                np.array([212.0, 216, 220]),
                None,
                0.3,
                (),
            )
        case "dusk":
            return Light(
                kind,
                gain * np.array([0.76, 0.62, 0.56]),
                np.array([74.0, 84, 124]),
                np.array([236.0, 156, 104]),
                sun * 1.5,
                0.22,
                tuple(lamps),
            )
    return Light(
        kind,
        gain * np.array([0.34, 0.37, 0.47]),
        np.array([14.0, 18, 34]),
        np.array([46.0, 48, 62]),
        None,
        0.25,
        tuple(lamps),
    )


def light_picture(light: Light, camera: Camera, picture: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """Tints a drawn background; lamps brighten the ground (`ground`, bool [h, w]) round them."""
    factors = np.tile(light.tint.astype(np.float32), (*picture.shape[:2], 1))
    for u, v in light.lamps:
        depth = camera.depth(u, v)
        if depth > 1.5:
            factors += _pool(camera, u, v, depth, ground)
    return np.clip(picture * factors, 0, 255).astype(np.uint8)


def _pool(camera: Camera, u: float, v: float, depth: float, ground: np.ndarray) -> np.ndarray:
    x, y = camera.project(np.array([u, v, 0.0]))
    scale = camera.focal_px / depth
    rows, columns = np.mgrid[0 : camera.height, 0 : camera.width].astype(np.float32)
    flat = np.maximum(camera.height_m / depth, 0.12)
    away = ((columns - x) / (4.5 * scale)) ** 2 + ((rows - y) / (4.5 * scale * flat)) ** 2
    glow = np.where(ground, np.exp(-away), 0.25 * np.exp(-away * flat**2))
    return np.minimum(glow, 1.0)[..., None] * np.array([0.62, 0.5, 0.3], np.float32)


def drop_shadow(
    image: np.ndarray,
    ground: np.ndarray,
    rect: tuple[int, int, int, int],
    outlines: list[np.ndarray],
    strength: float,
) -> None:
    """Darkens the ground under the outlines, softly, inside `rect`."""
    x0, y0, x1, y1 = rect
    shade = np.zeros((y1 - y0, x1 - x0), np.uint8)
    for outline in outlines:
        cv2.fillConvexPoly(shade, np.round(outline - (x0, y0)).astype(np.int32), int(255 * strength))
    shade = cv2.blur(shade, (3, 3))
    shade[~ground[y0:y1, x0:x1]] = 0
    region = image[y0:y1, x0:x1]
    region[:] = cv2.multiply(region, cv2.cvtColor(255 - shade, cv2.COLOR_GRAY2RGB), scale=1 / 255)
