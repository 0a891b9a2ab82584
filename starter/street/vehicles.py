"""Cars, vans and buses, parked or driving by, as simple solids with windows and wheels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .camera import Camera
from .layout import Layout
from .raster import Canvas

PAINT = np.array(
    [
        (196, 198, 202),
        (226, 226, 222),
        (40, 42, 48),
        (96, 100, 106),
        (150, 32, 34),
        (38, 66, 124),
        (58, 96, 84),
        (176, 160, 120),
        (200, 170, 60),
    ],
    float,
)
GLASS = np.array([52.0, 64, 76])


@dataclass(frozen=True)
class Model:
    length: float
    width: float
    body_m: float  # height of the lower body
    roof_m: float
    cabin: tuple[
        float, float, float, float
    ]  # start and end of the roof's foot and of the roof, shares of the length


MODELS = {
    "car": Model(4.3, 1.75, 0.88, 1.45, (0.16, 0.98, 0.32, 0.82)),
    "hatch": Model(3.8, 1.7, 0.9, 1.5, (0.02, 0.78, 0.06, 0.6)),
    "van": Model(5.2, 2.0, 1.15, 2.3, (0.0, 0.94, 0.0, 0.78)),
    "bus": Model(10.5, 2.5, 1.2, 3.0, (0.0, 1.0, 0.0, 0.99)),
}


@dataclass(frozen=True)
class Vehicle:
    model: Model
    paint: np.ndarray
    v: float  # middle of the lane
    u_start: float  # rear end at time 0
    speed: float  # m/s along u, negative the other way, 0 parked

    def u_at(self, time_s: float) -> float:
        return self.u_start + self.speed * time_s

    def depth(self, camera: Camera, time_s: float) -> float:
        return camera.depth(self.u_at(time_s) + self.model.length / 2, self.v)


def random_vehicles(rng: np.random.Generator, layout: Layout, seconds: float) -> list[Vehicle]:
    vehicles = []
    if rng.random() < 0.6:
        v = layout.far_kerb - 1.05 if rng.random() < 0.75 else layout.near_kerb + 1.05
        u = rng.uniform(-18, -8)
        for _ in range(int(rng.integers(1, 5))):
            vehicles.append(_random_vehicle(rng, v, u + rng.uniform(0, 3), 0.0))
            u = vehicles[-1].u_start + vehicles[-1].model.length + rng.uniform(0.8, 6)
    for _ in range(int(rng.integers(0, 4))):
        way = rng.choice([-1, 1])
        lane = 0.28 if way > 0 else 0.72
        v = layout.near_kerb * (1 - lane) + layout.far_kerb * lane
        speed = way * rng.uniform(4, 10)
        moment = rng.uniform(0, seconds)
        vehicles.append(_random_vehicle(rng, v, rng.uniform(-3, 3) - speed * moment, float(speed)))
    return vehicles


def _random_vehicle(rng: np.random.Generator, v: float, u: float, speed: float) -> Vehicle:
    names = ("car", "hatch", "van", "bus") if speed else ("car", "hatch", "van")
    chance = (0.45, 0.3, 0.17, 0.08) if speed else (0.5, 0.33, 0.17)
    paint = np.clip(PAINT[rng.integers(len(PAINT))] + rng.normal(0, 12, 3), 15, 240)
    return Vehicle(MODELS[str(rng.choice(names, p=chance))], paint, v, u, speed)


def corners(vehicle: Vehicle, time_s: float) -> np.ndarray:
    """The eight corners of the box round it, street coordinates."""
    model, u = vehicle.model, vehicle.u_at(time_s)
    return np.array(
        [
            (u + a * model.length, vehicle.v + b * model.width / 2, z)
            for a in (0, 1)
            for b in (-1, 1)
            for z in (0, model.roof_m)
        ]
    )


def draw_vehicle(canvas: Canvas, camera: Camera, vehicle: Vehicle, time_s: float, light: np.ndarray) -> None:
    solid = _Solid(canvas, camera, vehicle, time_s, light)
    solid.wheels(far=True)
    solid.body()
    solid.cabin()
    solid.wheels(far=False)
    solid.lamps()


class _Solid:
    def __init__(self, canvas: Canvas, camera: Camera, vehicle: Vehicle, time_s: float, light: np.ndarray):
        self.canvas, self.camera, self.vehicle, self.light = canvas, camera, vehicle, light
        self.u = vehicle.u_at(time_s)
        self.side = -1 if camera.v < vehicle.v else 1  # the flank that the camera sees
        self.way = -1 if vehicle.speed < 0 else 1

    def point(self, along: float, side: float, z: float) -> tuple[float, float, float]:
        """A share of the length from the rear, -1..1 across, metres up."""
        model = self.vehicle.model
        u = self.u + (along if self.way > 0 else 1 - along) * model.length
        return u, self.vehicle.v + side * model.width / 2, z

    def face(self, points: list, colour: np.ndarray) -> None:
        outline = self.camera.polygon(np.array([self.point(*point) for point in points]))
        if outline is not None:
            self.canvas.fill(outline, colour * self.light)

    def ends(self) -> list[float]:
        """Front and rear, the farther first."""
        depth = lambda along: self.camera.depth(*self.point(along, 0, 0)[:2])
        return sorted((0.0, 1.0), key=lambda along: -depth(along))

    def body(self) -> None:
        low, high, paint, s = 0.28, self.vehicle.model.body_m, self.vehicle.paint, self.side
        self.face([(0, -s, low), (1, -s, low), (1, s, low), (0, s, low)], np.array([20.0, 20, 22]))
        for along in self.ends():
            self.face([(along, -1, low), (along, 1, low), (along, 1, high), (along, -1, high)], paint * 0.78)
        self.face([(0, -1, high), (1, -1, high), (1, 1, high), (0, 1, high)], paint * 1.1)
        self.face([(0, s, low), (1, s, low), (1, s, high), (0, s, high)], paint)
        self.face([(0, s, low), (1, s, low), (1, s, low + 0.16), (0, s, low + 0.16)], paint * 0.7)
        self.face(
            [(0.02, s, high - 0.2), (0.98, s, high - 0.2), (0.98, s, high - 0.15), (0.02, s, high - 0.15)],
            paint * 0.84,
        )

    def cabin(self) -> None:
        model, paint, s = self.vehicle.model, self.vehicle.paint, self.side
        foot_a, foot_b, roof_a, roof_b = model.cabin
        low, high, inner = model.body_m, model.roof_m, 0.86
        pairs = {0.0: (foot_a, roof_a), 1.0: (foot_b, roof_b)}
        for end in self.ends():
            foot, roof = pairs[end]
            self.face(
                [(foot, -1, low), (foot, 1, low), (roof, inner, high), (roof, -inner, high)], paint * 0.8
            )
            self.face(
                [
                    (foot, -0.8, low + 0.06),
                    (foot, 0.8, low + 0.06),
                    (roof, 0.7, high - 0.1),
                    (roof, -0.7, high - 0.1),
                ],
                GLASS * 1.15,
            )
        self.face(
            [(roof_a, -inner, high), (roof_b, -inner, high), (roof_b, inner, high), (roof_a, inner, high)],
            paint * 1.12,
        )
        self.face(
            [(foot_a, s, low), (foot_b, s, low), (roof_b, s * inner, high), (roof_a, s * inner, high)],
            paint * 0.95,
        )
        self._windows(low, high, inner)

    def _windows(self, low: float, high: float, inner: float) -> None:
        foot_a, foot_b, roof_a, roof_b = self.vehicle.model.cabin
        count = 6 if self.vehicle.model.length > 8 else 2
        edge = lambda share, up: (
            (foot_a * (1 - up) + roof_a * up) * (1 - share) + (foot_b * (1 - up) + roof_b * up) * share
        )
        across = lambda up: self.side * (1 - (1 - inner) * up)
        for k in range(count):
            start, end = 0.06 + k * 0.9 / count, 0.03 + (k + 1) * 0.9 / count
            quad = [
                (edge(share, up), across(up) * 1.001, low + up * (high - low))
                for share, up in ((start, 0.1), (end, 0.1), (end, 0.82), (start, 0.82))
            ]
            self.face(quad, GLASS)

    def wheels(self, far: bool) -> None:
        side = -self.side if far else self.side
        radius = 0.46 if self.vehicle.model.length > 8 else 0.32
        turns = np.linspace(0, 2 * np.pi, 18, endpoint=False)
        for along in (0.19, 0.81):
            for size, colour in ((1.0, (24.0, 24, 26)), (0.55, (150.0, 152, 156))):
                spread = radius * size / self.vehicle.model.length
                ring = [
                    (along + spread * np.cos(turn), side * 0.99, radius + radius * size * np.sin(turn))
                    for turn in turns
                ]
                self.face(ring, np.array(colour))

    def lamps(self) -> None:
        high = self.vehicle.model.body_m
        for along, colour in ((0.0, (190.0, 36, 30)), (1.0, (250.0, 246, 226))):
            if along != self.ends()[-1]:
                continue
            for side in (-0.95, 0.6):
                self.face(
                    [
                        (along, side, high - 0.32),
                        (along, side + 0.35, high - 0.32),
                        (along, side + 0.35, high - 0.16),
                        (along, side, high - 0.16),
                    ],
                    np.array(colour),
                )
