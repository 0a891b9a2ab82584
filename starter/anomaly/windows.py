"""From keypoints in pixels to what the network takes: 18 joints, windows of 24 frames, each brought to its own scale.

The steps are those of STG-NF (Hirschorn and Avidan, ICCV 2023), so that its own networks take the same windows.
"""

from __future__ import annotations

import numpy as np

WINDOW = 24
JOINTS = 18
FRAMES_MIN = WINDOW - 2  # of a window must have been seen; the others are interpolated
# COCO-17 with the neck appended as the 18th, in the order of OpenPose.
OPENPOSE_ORDER = (0, 17, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3)


def openpose(keypoints: np.ndarray) -> np.ndarray:
    """COCO keypoints [..., 17, 2] to OpenPose joints [..., 18, 2]."""
    neck = (keypoints[..., 5:6, :] + keypoints[..., 6:7, :]) / 2
    return np.concatenate([keypoints, neck], axis=-2)[..., OPENPOSE_ORDER, :]


def prepare(keypoints: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Windows of keypoints [n, 24, 17, 2] in pixels of a frame of `size` to network input [n, 2, 24, 18].

    Each window loses its mean position; both axes are divided by the spread of y, so that displacement stays visible.
    """
    joints = openpose(keypoints) / np.array(size, np.float32)
    joints = joints - joints.mean(axis=(1, 2), keepdims=True)
    spread = joints[..., 1].std(axis=(1, 2))
    joints = joints / np.maximum(spread, 1e-6)[:, None, None, None]
    return np.ascontiguousarray(joints.transpose(0, 3, 1, 2), np.float32)


def track_windows(frames: np.ndarray, keypoints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All windows of a track seen in `frames` (rising numbers): first frames [n] and keypoints [n, 24, 17, 2]."""
    if len(frames) < FRAMES_MIN:
        return np.zeros(0, int), np.zeros((0, WINDOW, 17, 2), np.float32)
    every = np.arange(frames[0], frames[-1] + 1)
    flat = keypoints.reshape(len(frames), -1)
    whole = np.stack([np.interp(every, frames, column) for column in flat.T], axis=-1).reshape(-1, 17, 2)
    seen = np.isin(every, frames)
    starts = [k for k in range(len(every) - WINDOW + 1) if seen[k : k + WINDOW].sum() >= FRAMES_MIN]
    windows = np.array([whole[k : k + WINDOW] for k in starts], np.float32).reshape(-1, WINDOW, 17, 2)
    return every[0] + np.array(starts, int), windows
