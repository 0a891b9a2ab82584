"""What someone does during their stay: where they enter, which way they go, what they do when; drawn at random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .layout import Layout
from .truth import UNUSUAL_ACTIVITIES

SCALE_RANGE = (20.0, 128.0)  # pixels per metre at 640 wide


@dataclass(frozen=True)
class Stint:
    """From `start_s` on, this is done, at this speed (m/s)."""

    start_s: float
    activity: str
    speed: float


@dataclass(frozen=True)
class Plan:
    """Where someone is at a moment, where they head, and what they do in order."""

    enter_s: float
    leave_s: float
    at_s: float
    place: np.ndarray  # (u, v) at `at_s`, had they only walked
    heading: float
    stints: tuple[Stint, ...]


def random_plan(rng: np.random.Generator, layout: Layout, start_s: float, unusual: bool) -> Plan:
    place, across = _random_place(rng, layout)
    speed = float(
        rng.uniform(0.45, 0.8) if rng.random() < 0.15 else np.clip(rng.normal(1.3, 0.18), 0.85, 1.75)
    )
    heading = float(rng.choice([0.0, np.pi])) + (np.pi / 2 if across else 0.0) + rng.normal(0, 0.04)
    before_s, after_s = _in_view(layout, place, heading, speed)
    still = not unusual and rng.random() < 0.14
    if still:
        stay = rng.uniform(8, 25)
        activity = "talk" if rng.random() < 0.4 else "stand"
        heading = rng.uniform(0, 2 * np.pi)
        return Plan(start_s, start_s + stay, start_s, place, heading, (Stint(start_s, activity, 0.0),))
    at_s = start_s + (before_s if start_s > 0 else rng.uniform(0, min(before_s, 4.0)))
    enter_s, leave_s = at_s - before_s, at_s + after_s
    stints = (Stint(enter_s, "walk", speed),)
    if unusual:
        return _unusual_plan(rng, Plan(enter_s, leave_s, at_s, place, heading, stints))
    if rng.random() < 0.15 and leave_s - enter_s > 4:
        pause_s, length_s = at_s + rng.uniform(-0.5, 0.5), rng.uniform(2, 5)
        stints += (Stint(pause_s, "stand", 0.0), Stint(pause_s + length_s, "walk", speed))
        leave_s += length_s
    return Plan(enter_s, leave_s, at_s, place, heading, stints)


def _unusual_plan(rng: np.random.Generator, plan: Plan) -> Plan:
    """The unusual begins where the walker is well inside the picture, with time left to see it."""
    activity = str(rng.choice(UNUSUAL_ACTIVITIES))
    speed = {
        "run_against": rng.uniform(3.0, 4.2),
        "crawl": rng.uniform(0.25, 0.45),
        "stagger": rng.uniform(0.35, 0.7),
    }.get(activity, 0.0)
    begin_s = plan.at_s + rng.uniform(-0.4, 0.4)
    before_s, after_s = begin_s - plan.enter_s, plan.leave_s - begin_s
    walk_speed = plan.stints[0].speed
    lasts_s = {
        "run_against": before_s * walk_speed / max(speed, 1) + 1.5,
        "crawl": after_s * 2.5,
        "stagger": after_s * 2,
    }.get(activity, 60.0)
    stints = plan.stints + (Stint(begin_s, activity, float(speed)),)
    leave_s = begin_s + lasts_s
    if activity == "wave":
        resume_s = begin_s + rng.uniform(4, 8)
        stints += (Stint(resume_s, "walk", walk_speed),)
        leave_s = resume_s + after_s
    return Plan(plan.enter_s, leave_s, plan.at_s, plan.place, plan.heading, stints)


def _random_place(rng: np.random.Generator, layout: Layout) -> tuple[np.ndarray, bool]:
    """A ground point in view, and whether the path there goes across the street."""
    camera = layout.camera
    unit = camera.width / 640
    nearest = min(SCALE_RANGE[1], (0.97 * camera.height - camera.horizon_px) / camera.height_m / unit)
    across = rng.random() < 0.12
    place = np.zeros(2)
    for _ in range(200):
        scale = np.exp(rng.uniform(np.log(24), np.log(nearest))) * unit
        place = camera.ground_at(rng.uniform(0.15, 0.85) * camera.width, scale)
        if _walkable(layout, place, across):
            break
    return place, across


def _walkable(layout: Layout, place: np.ndarray, across: bool) -> bool:
    if across:
        return layout.near_kerb < place[1] < layout.far_kerb
    return any(low < place[1] < high for low, high in layout.walkable)


def _in_view(layout: Layout, place: np.ndarray, heading: float, speed: float) -> tuple[float, float]:
    """Seconds of walking in view before and after `place`."""
    times = np.arange(0, 40, 0.1)
    towards = np.array([np.cos(heading), np.sin(heading)]) * speed
    return tuple(_seen_for(layout, place + sign * times[:, None] * towards, times) for sign in (-1, 1))


def _seen_for(layout: Layout, path: np.ndarray, times: np.ndarray) -> float:
    camera = layout.camera
    unit = camera.width / 640
    ground = np.concatenate([path, np.full((len(path), 1), 0.9)], axis=1)
    seen = camera.to_camera(ground)
    scale = camera.focal_px / np.maximum(seen[:, 1], 0.5)
    middle = camera.to_pixels(seen)
    inside = (np.abs(middle[:, 0] - camera.width / 2) < camera.width / 2 + 0.45 * scale) & (
        middle[:, 1] < camera.height
    )
    inside &= (scale > SCALE_RANGE[0] * unit) & (scale < 1.08 * SCALE_RANGE[1] * unit) & (seen[:, 1] > 1.0)
    inside &= (path[:, 1] > layout.near_front + 0.4) & (path[:, 1] < layout.far_pavement)
    return float(times[np.argmin(inside)]) if not inside.all() else float(times[-1])
