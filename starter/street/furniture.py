"""Things that stand in the street and hide what is behind them: trees, bushes, lamp posts, benches, bins."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from .camera import Camera
from .layout import Layout
from .light import Light
from .raster import Canvas, Sprite, clip_rect, ellipse
from .truth import BACKGROUND, VEGETATION


@dataclass(frozen=True)
class Standing:
    """A fixed thing, already drawn."""

    depth: float
    kind: int
    sprite: Sprite
    foot: tuple[float, float]
    radius_m: float


def lamp_places(rng: np.random.Generator, layout: Layout) -> list[tuple[float, float]]:
    start, pitch = rng.uniform(-14, -6), rng.uniform(9, 16)
    v = layout.near_kerb - 0.4 if rng.random() < 0.4 else layout.far_kerb + 0.4
    return [(start + k * pitch, v) for k in range(4)]


def furnish(
    rng: np.random.Generator, layout: Layout, light: Light, lamps: list[tuple[float, float]]
) -> list[Standing]:
    """All standing things of a scene that are in view, farthest first."""
    jobs = [partial(_lamp, place=place, lit=bool(light.lamps)) for place in lamps]
    jobs += [partial(_tree, place=place) for place in _tree_places(rng, layout)]
    for _ in range(int(rng.integers(0, 3))):
        side = (
            layout.near_kerb - rng.uniform(0.7, 1.5)
            if rng.random() < 0.5
            else layout.far_kerb + rng.uniform(0.7, 1.2)
        )
        jobs.append(partial(rng.choice([_bench, _bin, _bush]), place=(rng.uniform(-8, 8), side)))
    things = [job(rng, layout.camera, light) for job in jobs]
    return sorted((thing for thing in things if thing), key=lambda thing: -thing.depth)


def _tree_places(rng: np.random.Generator, layout: Layout) -> list[tuple[float, float]]:
    places = []
    if rng.random() < 0.55:
        pitch = rng.uniform(5, 10)
        places += [
            (u + rng.normal(0, 0.3), layout.far_kerb + 0.7)
            for u in np.arange(rng.uniform(-20, -14), 20, pitch)
        ]
    if rng.random() < 0.3:
        places += [(rng.uniform(-6, 6), layout.near_kerb - 0.7)]
    if layout.park:
        places += [(rng.uniform(-22, 22), layout.far_pavement + rng.uniform(1, 16)) for _ in range(9)]
    elif layout.far_front - layout.far_pavement > 2.5:
        places += [(rng.uniform(-15, 15), layout.far_front - 0.9) for _ in range(3)]
    return places


def _tree(
    rng: np.random.Generator, camera: Camera, light: Light, place: tuple[float, float]
) -> Standing | None:
    scale, foot = _stand(camera, place)
    if scale is None:
        return None
    trunk, radius = rng.uniform(2.0, 3.2), rng.uniform(1.1, 2.2)
    crown = foot - (0, (trunk + radius * 0.8) * scale)
    rect = clip_rect(
        np.array([crown - 1.3 * radius * scale, crown + 1.3 * radius * scale, foot + 2]),
        camera.width,
        camera.height,
    )
    if rect is None:
        return None
    canvas, bright = Canvas(rect), light.at(*place)
    bark = np.array([86.0, 70, 54]) * rng.uniform(0.8, 1.1) * bright
    canvas.line(foot, crown, rng.uniform(0.16, 0.32) * scale, bark)
    leaf = np.array([74.0, 112, 50]) * rng.uniform(0.7, 1.2) + rng.normal(0, 8, 3)
    _leaves(rng, canvas, crown, radius * scale, leaf * bright)
    return Standing(camera.depth(*place), VEGETATION, canvas.sprite(), place, 0.8)


def _leaves(
    rng: np.random.Generator, canvas: Canvas, centre: np.ndarray, radius: float, colour: np.ndarray
) -> None:
    """A ragged ball of blobs, lighter towards the upper left."""
    for share in np.linspace(0, 1, 55):
        way, far = rng.uniform(0, 2 * np.pi), radius * np.sqrt(rng.random()) * 0.85
        middle = centre + far * np.array([np.cos(way), 0.85 * np.sin(way)]) - 0.12 * radius * share
        size = radius * rng.uniform(0.16, 0.36) * (1.15 - 0.5 * share)
        canvas.convex(
            ellipse(middle, np.array([size, 0]), np.array([0, size * 0.85])),
            colour * (0.72 + 0.5 * share * rng.uniform(0.7, 1.1)),
        )


def _bush(
    rng: np.random.Generator, camera: Camera, light: Light, place: tuple[float, float]
) -> Standing | None:
    scale, foot = _stand(camera, place)
    if scale is None:
        return None
    radius = rng.uniform(0.35, 0.6)
    centre = foot - (0, radius * 0.8 * scale)
    rect = clip_rect(
        np.array([centre - 1.3 * radius * scale, centre + 1.3 * radius * scale]), camera.width, camera.height
    )
    if rect is None:
        return None
    canvas = Canvas(rect)
    _leaves(
        rng,
        canvas,
        centre,
        radius * scale,
        np.array([70.0, 104, 54]) * rng.uniform(0.8, 1.2) * light.at(*place),
    )
    return Standing(camera.depth(*place), VEGETATION, canvas.sprite(), place, radius)


def _lamp(
    rng: np.random.Generator, camera: Camera, light: Light, place: tuple[float, float], lit: bool
) -> Standing | None:
    top, arm = np.array([*place, 5.2]), np.array([place[0], place[1] + 0.9, 5.3])
    steel = np.array([74.0, 80, 84])
    lines = [((*place, 0), top, 0.11), ((*place, 0), (*place, 0.9), 0.18), (top, arm, 0.08)]
    bulb = np.array([255.0, 236, 190]) if lit else np.array([150.0, 150, 146])
    return _rods(
        camera,
        light,
        place,
        [(start, end, width, steel) for start, end, width in lines]
        + [(arm - (0, 0.25, 0), arm + (0, 0.25, 0), 0.16, bulb)],
    )


def _bench(
    rng: np.random.Generator, camera: Camera, light: Light, place: tuple[float, float]
) -> Standing | None:
    u, v = place
    wood, steel = np.array([128.0, 92, 58]) * rng.uniform(0.8, 1.2), np.array([60.0, 62, 66])
    rods = [((u + s, v, 0), (u + s, v, 0.45), 0.06, steel) for s in (0.1, 1.5)]
    rods += [((u, v + d, 0.45), (u + 1.6, v + d, 0.45), 0.1, wood * 1.1) for d in (0.35, 0.2, 0.05)]
    rods += [((u, v + 0.4, z), (u + 1.6, v + 0.4, z), 0.11, wood) for z in (0.62, 0.82)]
    return _rods(camera, light, place, rods)


def _bin(
    rng: np.random.Generator, camera: Camera, light: Light, place: tuple[float, float]
) -> Standing | None:
    colour = np.array([52.0, 84, 66]) * rng.uniform(0.7, 1.3)
    return _rods(
        camera,
        light,
        place,
        [((*place, 0.25), (*place, 0.75), 0.5, colour), ((*place, 0.9), (*place, 0.92), 0.54, colour * 0.7)],
    )


def _rods(camera: Camera, light: Light, place: tuple[float, float], rods: list) -> Standing | None:
    """Straight bars between street points (start, end, width in metres, colour)."""
    scale, _ = _stand(camera, place)
    if scale is None:
        return None
    ends = camera.project(np.array([point for rod in rods for point in rod[:2]], float))
    rect = clip_rect(np.concatenate([ends - 0.3 * scale, ends + 0.3 * scale]), camera.width, camera.height)
    if rect is None:
        return None
    canvas, bright = Canvas(rect), light.at(*place)
    for k, (_, _, width, colour) in enumerate(rods):
        canvas.line(ends[2 * k], ends[2 * k + 1], max(width * scale, 1.2), colour * bright)
    return Standing(camera.depth(*place), BACKGROUND, canvas.sprite(), place, 0.15)


def _stand(camera: Camera, place: tuple[float, float]) -> tuple[float | None, np.ndarray]:
    if camera.depth(*place) < 3.0:
        return None, np.zeros(2)
    return camera.scale(*place), camera.project(np.array([*place, 0.0]))
