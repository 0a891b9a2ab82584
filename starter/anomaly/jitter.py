"""Spoils true keypoints as a pose network would: jitter, drift, left and right swapped, hidden joints guessed badly.

Works on windows [n, 24, 17, 2] in pixels, with a random generator, so that every pass over the data is spoilt anew.
"""

from __future__ import annotations

import numpy as np

SWAPS = np.array([0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15])


def spoil(rng: np.random.Generator, windows: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The windows as a pose network might have seen them."""
    height = np.ptp(windows[..., 1], axis=2).max(axis=1)[:, None, None, None]
    spoilt = windows + height * _noise(rng, windows.shape)
    spoilt = _swap_sides(rng, spoilt)
    spoilt = _drop_frames(rng, spoilt)
    return _keep_inside(spoilt, size)


def _noise(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Shares of the height: white jitter, slow drift, and now and then a joint that is far off for a while."""
    count, frames = shape[0], shape[1]
    level = rng.uniform(0.005, 0.03, (count, 1, 1, 1))
    white = rng.normal(0, 1, shape) * level
    knots = rng.normal(0, 1, (count, frames // 6 + 2, *shape[2:])) * level
    spots = np.arange(frames) / 6
    low = spots.astype(int)
    part = (spots - low)[None, :, None, None]
    drift = knots[:, low] * (1 - part) + knots[:, low + 1] * part
    off = (rng.random((count, 1, shape[2], 1)) < 0.06) * rng.normal(0, 0.04, (count, 1, *shape[2:]))
    return 0.7 * white + 0.8 * drift + off


def _swap_sides(rng: np.random.Generator, windows: np.ndarray) -> np.ndarray:
    swapped = rng.random(windows.shape[:2]) < 0.02
    swapped |= (rng.random(len(windows)) < 0.03)[:, None]  # some are seen the wrong way round throughout
    return np.where(swapped[..., None, None], windows[:, :, SWAPS], windows)


def _drop_frames(rng: np.random.Generator, windows: np.ndarray) -> np.ndarray:
    """Single frames that were missed and then interpolated."""
    middle = rng.integers(1, windows.shape[1] - 1, len(windows))
    rows = np.flatnonzero(rng.random(len(windows)) < 0.15)
    out = windows.copy()
    out[rows, middle[rows]] = (windows[rows, middle[rows] - 1] + windows[rows, middle[rows] + 1]) / 2
    return out


def _keep_inside(windows: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A pose network seldom points outside the picture."""
    return np.clip(windows, 0, np.array(size, np.float32) - 1)
