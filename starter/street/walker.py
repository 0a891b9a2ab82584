"""One person's stay in a scene: the joints of every frame, and what is done in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import gait
from .camera import Camera
from .gait import Manner
from .layout import Layout
from .plan import SCALE_RANGE, Plan, Stint, random_plan
from .skeleton import KEYPOINT_COUNT, Body, joints, random_body
from .truth import UNUSUAL_ACTIVITIES

BLEND_S = {"crawl": 1.1, "fall": 0.25}


@dataclass(frozen=True)
class Clip:
    fps: float
    frame_count: int

    @property
    def seconds(self) -> float:
        return self.frame_count / self.fps


@dataclass(frozen=True)
class Entry:
    """Who is to enter: when (0: is there already), whether to do something unusual, which hand carries a bag."""

    start_s: float
    unusual: bool
    bag_hand: str


class Walker:
    """Joints of all frames of a stay: `joints` [frames, J, 3] in street metres, from frame `first` on."""

    def __init__(self, number: int, plan: Plan, body: Body, manner: Manner, clip: Clip):
        """`number` names the person; the stay is cut to the clip."""
        self.number, self.body, self.manner = number, body, manner
        self.gone_s, fps = plan.leave_s, clip.fps
        self.first = max(int(np.ceil(plan.enter_s * fps)), 0)
        last = min(int(plan.leave_s * fps), clip.frame_count - 1)
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


def random_walker(rng: np.random.Generator, number: int, layout: Layout, clip: Clip, entry: Entry) -> Walker:
    body, manner = random_body(rng), gait.random_manner(rng, entry.bag_hand)
    plan = random_plan(rng, layout, entry.start_s, entry.unusual)
    walker = Walker(number, plan, body, manner, clip)
    walker.leave_before(layout.camera)
    return walker


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
