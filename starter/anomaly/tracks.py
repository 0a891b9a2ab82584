"""Pose tracks of the street for training: what everybody's keypoints do from frame to frame, without drawing."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from jitter import SWAPS
from windows import WINDOW

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from street import Scene  # noqa: E402

SIZE = (640, 360)
RATES = (10.0, 12.0, 12.0, 15.0)  # frames per second
INSIDE_MIN = 0.75  # share of the keypoints of a window that lie in the picture


class Tracks:
    """Normal walks of many scenes: `points` float32 [frames, 17, 2] end to end, `starts` of all whole windows."""

    def __init__(self, points: np.ndarray, starts: np.ndarray):
        self.points, self.starts = points, starts

    def sample(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Random windows [count, 24, 17, 2] in pixels, half of them mirrored."""
        starts = rng.choice(self.starts, count)
        windows = self.points[starts[:, None] + np.arange(WINDOW)].copy()
        mirrored = rng.random(count) < 0.5
        windows[mirrored] = _mirror(windows[mirrored])
        return windows


def normal_tracks(seeds: range) -> Tracks:
    points, starts, offset = [], [], 0
    for seed in seeds:
        scene = Scene(seed, size=SIZE, fps=RATES[seed % len(RATES)], unusual_share=0.0)
        for walker in scene.walkers:
            if len(walker.times) < WINDOW:
                continue
            keypoints = walker.keypoints(scene.camera).astype(np.float32)
            inside = ((keypoints >= 0) & (keypoints < SIZE)).all(axis=-1).mean(axis=1)
            held = np.convolve(inside, np.ones(WINDOW) / WINDOW, "valid") >= INSIDE_MIN
            points.append(keypoints)
            starts.append(offset + np.flatnonzero(held))
            offset += len(keypoints)
    return Tracks(np.concatenate(points), np.concatenate(starts))


def _mirror(windows: np.ndarray) -> np.ndarray:
    mirrored = windows[:, :, SWAPS].copy()
    mirrored[..., 0] = SIZE[0] - 1 - mirrored[..., 0]
    return mirrored
