"""The ground truth that a scene hands out: frames, people, class and keypoint names.

Shapes and units are those of the fields below; pixels are pixels of the drawn frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MASK_CLASSES = ("background", "road", "vegetation", "vehicle", "person")
BACKGROUND, ROAD, VEGETATION, VEHICLE, PERSON = range(5)

KEYPOINTS = (
    "nose",
    "left_eye",
    "right_eye",
    "left_ear",
    "right_ear",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
)
FLIP_PAIRS = ((1, 2), (3, 4), (5, 6), (7, 8), (9, 10), (11, 12), (13, 14), (15, 16))

NORMAL_ACTIVITIES = ("walk", "stand", "talk")
UNUSUAL_ACTIVITIES = ("fall", "run_against", "wave", "crawl", "stagger")


@dataclass(frozen=True)
class Person:
    """One figure in one frame."""

    id: int  # stable within a scene, from 1
    box: (
        np.ndarray
    )  # float32 [4]: x0, y0, x1, y1, tight round the figure (hidden parts too), clipped to the frame
    keypoints: np.ndarray  # float32 [17, 3]: x, y, visibility 0 (outside) / 1 (hidden) / 2 (visible)
    visible: float  # share of the figure's pixels inside the frame that nothing hides, 0..1
    unusual: bool  # at this frame
    activity: str  # one of NORMAL_ACTIVITIES or UNUSUAL_ACTIVITIES


@dataclass(frozen=True)
class Frame:
    """One picture with everything that is known of it."""

    index: int
    time_s: float
    image: np.ndarray  # uint8 [height, width, 3], RGB
    mask: np.ndarray  # uint8 [height, width], index into MASK_CLASSES
    people: list[Person]  # those with anything inside the frame
