"""One person's stay in a scene: the path over the ground, what is done when, and the joints of every frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import gait
from .camera import Camera
from .gait import Manner
from .layout import Layout
from .skeleton import KEYPOINT_COUNT, Body, joints, random_body
from .truth import UNUSUAL_ACTIVITIES

BLEND_S = {"crawl": 1.1, "fall": 0.25}
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


class Walker:
    """Joints of all frames of a stay: `joints` [frames, J, 3] in street metres, from frame `first` on."""

    def __init__(self, number: int, plan: Plan, body: Body, manner: Manner, fps: float, frame_count: int):
        """`number` names the person; the stay is cut to the clip of `frame_count` frames."""
        self.number, self.body, self.manner = number, body, manner
        self.first = max(int(np.ceil(plan.enter_s * fps)), 0)
        last = min(int(plan.leave_s * fps), frame_count - 1)
        self.times = np.arange(self.first, last + 1) / fps
        weights = _stint_weights(plan.stints, self.times)
        self.activity = [plan.stints[k].activity for k in _current(plan.stints, self.times)]
        self.joints = self._act(plan, weights, fps)

    def __contains__(self, index: int) -> bool:
        return self.first <= index < self.first + len(self.times)

    def leave_before(self, camera: Camera) -> None:
        """Ends the stay where the path comes too near to the camera."""
        if len(self.times) == 0:
            return
        scale = camera.focal_px / np.maximum(camera.to_camera(self.joints)[..., 1].min(axis=1), 0.1)
        near = np.flatnonzero(scale > 1.35 * SCALE_RANGE[1] * camera.width / 640)
        if len(near):
            self.times, self.joints = self.times[: near[0]], self.joints[: near[0]]

    def at(self, index: int) -> np.ndarray:
        return self.joints[index - self.first]

    def doing(self, index: int) -> str:
        return self.activity[index - self.first]

    def unusual(self, index: int) -> bool:
        return self.doing(index) in UNUSUAL_ACTIVITIES

    def keypoints(self, camera: Camera) -> np.ndarray:
        """COCO keypoints of all frames [frames, 17, 2] in pixels."""
        return camera.project(self.joints[:, :KEYPOINT_COUNT])

    def _act(self, plan: Plan, weights: np.ndarray, fps: float) -> np.ndarray:
        if len(self.times) == 0:
            return np.zeros((0, 0, 3))
        speed = weights @ np.array([stint.speed for stint in plan.stints])
        running = weights @ np.array([stint.activity == "run_against" for stint in plan.stints], float)
        pace = gait.cadence_hz(speed, running > 0.5) * np.where(speed > 0.03, 1, 0)
        phase = self.number * 0.37 + np.cumsum(pace) / fps
        angles = sum(
            weights[:, k, None] * self._pose(stint, phase, speed) for k, stint in enumerate(plan.stints)
        )
        local = joints(self.body, angles)
        heading, ground = self._path(plan, weights, speed, fps)
        return _place(local, heading, ground)

    def _pose(self, stint: Stint, phase: np.ndarray, speed: np.ndarray) -> np.ndarray:
        seconds = self.times - stint.start_s
        match stint.activity:
            case "walk":
                return gait.walk(self.body, self.manner, phase, np.minimum(speed, 2.0))
            case "stand":
                return gait.stand(self.body, self.manner, self.times)
            case "talk":
                return gait.talk(self.body, self.manner, self.times)
            case "run_against":
                return gait.run(self.body, self.manner, phase)
            case "wave":
                return gait.wave(self.body, self.manner, seconds)
            case "fall":
                return gait.fall(self.body, self.manner, np.maximum(seconds, 0))
            case "crawl":
                return gait.crawl(self.body, self.manner, phase)
            case _:
                return gait.stagger(self.body, self.manner, phase, np.minimum(speed, 1.2), seconds)

    def _path(
        self, plan: Plan, weights: np.ndarray, speed: np.ndarray, fps: float
    ) -> tuple[np.ndarray, np.ndarray]:
        share = {name: np.zeros(len(self.times)) for name in ("run_against", "stagger")}
        for k, stint in enumerate(plan.stints):
            if stint.activity in share:
                share[stint.activity] += weights[:, k]
        heading = (
            plan.heading + np.pi * share["run_against"] + 0.55 * share["stagger"] * np.sin(1.7 * self.times)
        )
        steps = np.stack([np.cos(heading), np.sin(heading)], axis=-1) * speed[:, None] / fps
        ground = np.cumsum(steps, axis=0) - steps[0]
        first_speed = plan.stints[0].speed
        towards = np.array([np.cos(plan.heading), np.sin(plan.heading)])
        return heading, ground + plan.place + towards * first_speed * (self.times[0] - plan.at_s)


def random_walker(
    rng: np.random.Generator,
    number: int,
    layout: Layout,
    start_s: float,
    clip: tuple[float, int],
    unusual: bool,
    bag_hand: str,
) -> tuple[Walker, float]:
    """Someone who enters at `start_s` (or is there already, if that is 0); also gives the moment when they are gone."""
    fps, frame_count = clip
    body, manner = random_body(rng), gait.random_manner(rng, bag_hand)
    plan = _random_plan(rng, layout, start_s, frame_count / fps, unusual)
    walker = Walker(number, plan, body, manner, fps, frame_count)
    walker.leave_before(layout.camera)
    return walker, plan.leave_s


def _random_plan(
    rng: np.random.Generator, layout: Layout, start_s: float, end_s: float, unusual: bool
) -> Plan:
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
        return _unusual_plan(rng, Plan(enter_s, leave_s, at_s, place, heading, stints), end_s)
    if rng.random() < 0.15 and leave_s - enter_s > 4:
        pause_s, length_s = at_s + rng.uniform(-0.5, 0.5), rng.uniform(2, 5)
        stints += (Stint(pause_s, "stand", 0.0), Stint(pause_s + length_s, "walk", speed))
        leave_s += length_s
    return Plan(enter_s, leave_s, at_s, place, heading, stints)


def _unusual_plan(rng: np.random.Generator, plan: Plan, end_s: float) -> Plan:
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


def _current(stints: tuple[Stint, ...], times: np.ndarray) -> np.ndarray:
    starts = np.array([stint.start_s for stint in stints[1:]])
    return (times[:, None] >= starts).sum(axis=1)


def _stint_weights(stints: tuple[Stint, ...], times: np.ndarray) -> np.ndarray:
    """How much each stint shapes each frame [frames, stints]: each fades in over the one before."""
    weights = np.zeros((len(times), len(stints)))
    weights[:, 0] = 1
    for k, stint in enumerate(stints[1:], start=1):
        rise = np.clip((times - stint.start_s) / BLEND_S.get(stint.activity, 0.45), 0, 1)
        rise = rise * rise * (3 - 2 * rise)
        weights *= (1 - rise)[:, None]
        weights[:, k] = rise
    return weights


def _place(local: np.ndarray, heading: np.ndarray, ground: np.ndarray) -> np.ndarray:
    cos, sin = np.cos(heading)[:, None], np.sin(heading)[:, None]
    u = local[..., 0] * cos - local[..., 1] * sin + ground[:, :1]
    v = local[..., 0] * sin + local[..., 1] * cos + ground[:, 1:]
    return np.stack([u, v, local[..., 2]], axis=-1)
