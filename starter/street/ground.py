"""The fixed backdrop of a scene: sky, houses or park, gardens, pavements and road, with its class mask."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .layout import Layout
from .light import Light, light_picture
from .raster import Canvas
from .truth import BACKGROUND, ROAD, VEGETATION

FAR_M = 90.0
WALLS = np.array(
    [
        (188, 170, 146),
        (206, 198, 184),
        (164, 96, 78),
        (142, 74, 60),
        (176, 178, 180),
        (222, 208, 170),
        (150, 160, 168),
        (198, 152, 116),
    ],
    float,
)


@dataclass(frozen=True)
class House:
    span: tuple[float, float]  # from and to along the street
    front: float
    wall: np.ndarray
    tall: float


class Backdrop:
    """`picture` uint8 [h, w, 3] lit, `mask` uint8 [h, w], `ground` bool [h, w]: where shadows may fall."""

    def __init__(self, rng: np.random.Generator, layout: Layout, light: Light):
        camera = layout.camera
        self._rng, self._layout, self._light, self._camera = rng, layout, light, camera
        self._lit: list[
            tuple[float, float, float, tuple[float, float]]
        ] = []  # windows: u from, to, v, z from and to
        self._canvas = Canvas((0, 0, camera.width, camera.height))
        self._classes = Canvas((0, 0, camera.width, camera.height), supersample=1)
        self._sky()
        self._strips()
        self._far_side()
        self._near_side()
        self.mask = self._classes.pixels[..., 0].copy()
        self.ground = self._classes.pixels[..., 1] > 0
        drawn = self._canvas.sprite().rgba[..., :3] * self._texture()
        lit = light_picture(light, camera, drawn, self.ground)
        self.picture = np.maximum(lit, self._lit_windows())

    def _put(self, points: list, colour: np.ndarray, kind: int = BACKGROUND, ground: bool = False) -> None:
        outline = self._camera.polygon(np.array(points))
        if outline is None:
            return
        self._canvas.fill(outline, colour)
        cv2.fillPoly(self._classes.pixels, [np.round(outline).astype(np.int32)], (kind, int(ground), 0, 0))

    def _flat(
        self, u: tuple[float, float], v: tuple[float, float], colour: np.ndarray, kind: int = BACKGROUND
    ) -> None:
        self._put(
            [(u[0], v[0], 0), (u[1], v[0], 0), (u[1], v[1], 0), (u[0], v[1], 0)], colour, kind, ground=True
        )

    def _upright(
        self,
        u: tuple[float, float],
        v: float,
        z: tuple[float, float],
        colour: np.ndarray,
        kind: int = BACKGROUND,
    ) -> None:
        self._put([(u[0], v, z[0]), (u[1], v, z[0]), (u[1], v, z[1]), (u[0], v, z[1])], colour, kind)

    def _sky(self) -> None:
        height = self._canvas.pixels.shape[0]
        share = np.clip(np.arange(height) / max(self._camera.horizon_px * 2, 2), 0, 1)[:, None]
        tint = np.maximum(self._light.tint, 0.2)
        sky = (self._light.sky_top * (1 - share) + self._light.sky_low * share) / tint
        self._canvas.pixels[..., :3] = np.clip(sky, 0, 255)[:, None]
        self._canvas.pixels[..., 3] = 255

    def _strips(self) -> None:
        rng, plan = self._rng, self._layout
        all_u = (-FAR_M, FAR_M)
        paving = np.array([150.0, 146, 140]) * rng.uniform(0.8, 1.2) + rng.normal(0, 6, 3)
        grass = np.array([92.0, 126, 62]) * rng.uniform(0.75, 1.15) + rng.normal(0, 8, 3)
        asphalt = np.array([82.0, 83, 86]) * rng.uniform(0.7, 1.15)
        self._flat(
            all_u,
            (plan.far_pavement, FAR_M),
            grass if plan.park or rng.random() < 0.6 else paving * 0.9,
            VEGETATION if plan.park else BACKGROUND,
        )
        if not plan.park and plan.far_front > plan.far_pavement and rng.random() < 0.75:
            self._flat(all_u, (plan.far_pavement, plan.far_front), grass, VEGETATION)
        self._flat(all_u, (plan.far_kerb, plan.far_pavement), paving)
        self._flat(
            all_u,
            (plan.near_front - 8, plan.near_kerb),
            grass if plan.lawn else paving,
            VEGETATION if plan.lawn else BACKGROUND,
        )
        if not plan.lawn:
            self._slabs(paving)
        self._road(asphalt, paving)

    def _slabs(self, paving: np.ndarray) -> None:
        plan, pitch = self._layout, self._rng.uniform(0.8, 1.6)
        for u in np.arange(-24, 24, pitch):
            self._flat((u, u + 0.025), (plan.near_front, plan.near_kerb), paving * 0.86)
        for v in np.arange(plan.near_front, plan.near_kerb, pitch):
            self._flat((-24, 24), (v, v + 0.025), paving * 0.86)

    def _road(self, asphalt: np.ndarray, paving: np.ndarray) -> None:
        plan, rng = self._layout, self._rng
        self._flat((-FAR_M, FAR_M), (plan.near_kerb, plan.far_kerb), asphalt, ROAD)
        for v in (plan.near_kerb, plan.far_kerb - 0.18):
            self._flat((-FAR_M, FAR_M), (v, v + 0.18), paving * 1.12)
        middle = (plan.near_kerb + plan.far_kerb) / 2
        white = np.array([214.0, 212, 204]) * rng.uniform(0.8, 1.1)
        for u in np.arange(-60, 60, 6.0):
            self._flat((u, u + 3.0), (middle - 0.07, middle + 0.07), white, ROAD)
        if rng.random() < 0.35:
            start = rng.uniform(-6, 4)
            for v in np.arange(plan.near_kerb + 0.4, plan.far_kerb - 0.8, 1.0):
                self._flat((start, start + 3.2), (v, v + 0.5), white, ROAD)

    def _texture(self) -> np.ndarray:
        """Stains and grain of the ground, factors [h, w, 1]."""
        height, width = self.ground.shape
        stains = cv2.resize(
            self._rng.normal(0, 1, (14, 10)).astype(np.float32),
            (width, height),
            interpolation=cv2.INTER_CUBIC,
        )
        grain = cv2.resize(
            self._rng.standard_normal((height // 2, width // 3), dtype=np.float32), (width, height)
        )
        return np.where(self.ground, 1 + 0.035 * stains + 0.04 * grain, 1)[..., None]

    def _far_side(self) -> None:
        if self._layout.park:
            self._skyline()
        else:
            self._row_of_houses(self._layout.far_front)
            self._hedge()

    def _near_side(self) -> None:
        if abs(np.cos(self._camera.yaw)) > 0.45:
            self._row_of_houses(self._layout.near_front)

    def _skyline(self) -> None:
        """Far trees and roofs behind a park."""
        rng = self._rng
        for u in np.arange(-FAR_M, FAR_M, 5.0):
            tall = rng.uniform(4, 9)
            colour = np.array([70.0, 96, 60]) * rng.uniform(0.8, 1.15)
            self._upright((u, u + rng.uniform(5, 9)), 60.0, (0, tall), colour, VEGETATION)

    def _row_of_houses(self, front: float) -> None:
        rng = self._rng
        spans, u = [], -FAR_M * 0.7
        while u < FAR_M * 0.7:
            spans.append((u, u + rng.uniform(6, 14)))
            u = spans[-1][1] + (rng.uniform(1, 3) if rng.random() < 0.15 else 0.0)
        houses = []
        for span in spans:
            wall = WALLS[rng.integers(len(WALLS))] * rng.uniform(0.8, 1.1)
            houses.append(House(span, front, wall, rng.uniform(6, 15)))
        away = lambda house: abs(self._camera.depth(sum(house.span) / 2, front))
        for house in sorted(houses, key=away, reverse=True):
            self._house(house)

    def _house(self, house: House) -> None:
        front, wall, tall = house.front, house.wall, house.tall
        behind = front + (8 if front > 0 else -8)
        for side in house.span:
            self._put(
                [(side, front, 0), (side, behind, 0), (side, behind, tall), (side, front, tall)], wall * 0.7
            )
        self._upright(house.span, front, (0, tall), wall)
        self._upright(house.span, front, (0, 0.5), wall * 0.72)
        self._upright(house.span, front, (tall - 0.35, tall), wall * 0.6)
        self._openings(house)

    def _openings(self, house: House) -> None:
        """Windows in columns and floors, a door, and perhaps a shop."""
        rng, span = self._rng, house.span
        glass = np.array([70.0, 84, 98]) * rng.uniform(0.7, 1.2)
        shop = rng.random() < 0.4
        columns = max(int((span[1] - span[0]) / rng.uniform(1.9, 2.8)), 1)
        pitch = (span[1] - span[0]) / columns
        door = int(rng.integers(columns))
        for column in range(columns):
            middle = span[0] + (column + 0.5) * pitch
            for bottom in np.arange(0, house.tall - 2.4, 3.0):
                half, z = 0.45, (bottom + 1.0, bottom + 2.4)
                is_door = bottom == 0 and column == door
                if is_door:
                    half, z = 0.5, (0.0, 2.1)
                elif bottom == 0 and shop:
                    half, z = pitch * 0.42, (0.45, 2.5)
                self._opening(house, (middle - half, middle + half), z, None if is_door else glass)

    def _opening(
        self, house: House, u: tuple[float, float], z: tuple[float, float], glass: np.ndarray | None
    ) -> None:
        """A window, or a door where there is no glass."""
        frame = (u[0] - 0.1, u[1] + 0.1), house.front, (max(z[0] - 0.1, 0), z[1] + 0.1)
        self._upright(*frame, house.wall * 0.5 + 110)
        colour = house.wall * 0.35 if glass is None else glass
        self._upright(u, house.front, z, colour * self._rng.uniform(0.85, 1.2))
        dark = self._light.kind in ("night", "dusk")
        if dark and self._rng.random() < 0.3 and glass is not None:
            self._lit.append((*u, house.front, z))

    def _lit_windows(self) -> np.ndarray:
        canvas = Canvas((0, 0, self._camera.width, self._camera.height))
        for low, high, front, z in self._lit:
            outline = self._camera.polygon(
                np.array([(low, front, z[0]), (high, front, z[0]), (high, front, z[1]), (low, front, z[1])])
            )
            if outline is not None:
                canvas.fill(outline, np.array([226.0, 186, 112]) * self._rng.uniform(0.7, 1.0))
        return canvas.sprite().rgba[..., :3]

    def _hedge(self) -> None:
        plan, rng = self._layout, self._rng
        if plan.far_front - plan.far_pavement < 1.0 or rng.random() < 0.4:
            return
        tall, colour = rng.uniform(0.7, 1.5), np.array([58.0, 88, 44]) * rng.uniform(0.8, 1.2)
        v = plan.far_pavement + 0.25
        for u in np.arange(-40, 40, 0.5):
            if int(u / 7) % 3 != 2:
                self._upright(
                    (u, u + 0.55),
                    v,
                    (0, tall + rng.normal(0, 0.05)),
                    colour * rng.uniform(0.85, 1.12),
                    VEGETATION,
                )
