"""Proves what the other scripts rely on: `python starter/street/selftest.py` ends silently but for one line.

The same seed gives the same bytes in any order of frames; boxes hold the keypoints; masks, labels and ids are what
they say; with and without drawing the truth is the same.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from street import FLIP_PAIRS, KEYPOINTS, MASK_CLASSES, Frame, Scene  # noqa: E402
from street.truth import NORMAL_ACTIVITIES, PERSON, UNUSUAL_ACTIVITIES  # noqa: E402

SEEDS = (1, 2, 100_003, 200_004)


def check_same_again(seed: int) -> None:
    ahead, back = Scene(seed), Scene(seed)
    first = [ahead.frame(index) for index in (3, 90, 200)]
    second = [back.frame(index) for index in (200, 90, 3)][::-1]
    for one, other in zip(first, second):
        assert np.array_equal(one.image, other.image) and np.array_equal(one.mask, other.mask)
        for a, b in zip(one.people, other.people, strict=True):
            assert a.id == b.id and np.array_equal(a.keypoints, b.keypoints) and np.array_equal(a.box, b.box)


def check_frame(scene: Scene, frame: Frame) -> None:
    width, height = scene.size
    assert frame.image.shape == (height, width, 3) and frame.image.dtype == np.uint8
    assert frame.mask.shape == (height, width) and frame.mask.max() < len(MASK_CLASSES)
    assert len({person.id for person in frame.people}) == len(frame.people)
    for person in frame.people:
        check_person(scene, frame, person)
    assert not any(person.visible > 0.5 for person in frame.people) or (frame.mask == PERSON).any()


def check_person(scene: Scene, frame: Frame, person) -> None:
    x0, y0, x1, y1 = person.box
    assert 0 <= x0 < x1 <= scene.size[0] and 0 <= y0 < y1 <= scene.size[1]
    assert person.keypoints.shape == (len(KEYPOINTS), 3) and person.keypoints.dtype == np.float32
    for x, y, seen in person.keypoints:
        assert seen in (0, 1, 2)
        assert seen == 0 or (x0 - 1.5 <= x <= x1 + 1.5 and y0 - 1.5 <= y <= y1 + 1.5), (person, x, y)
        assert (
            seen < 2
            or (frame.mask[max(int(y) - 1, 0) : int(y) + 2, max(int(x) - 1, 0) : int(x) + 2] == PERSON).any()
        )
    assert 0 <= person.visible <= 1
    assert person.unusual == (person.activity in UNUSUAL_ACTIVITIES)
    assert person.unusual or person.activity in NORMAL_ACTIVITIES


def check_truth_without_drawing(scene: Scene, frame: Frame) -> None:
    geometry = {person.id: person for person in scene.people(frame.index)}
    for person in frame.people:
        other = geometry[person.id]
        assert np.array_equal(person.box, other.box) and np.array_equal(
            person.keypoints[:, :2], other.keypoints[:, :2]
        )
        assert person.activity == other.activity


def check_unusual_comes_later() -> None:
    """What is unusual begins after a normal start."""
    seen = set()
    for seed in range(40):
        for walker in Scene(seed, unusual_share=0.5).walkers:
            if len(walker.activity) > 6 and walker.first > 0:
                assert walker.activity[0] in NORMAL_ACTIVITIES
            seen.update(walker.activity)
    assert seen == set(NORMAL_ACTIVITIES) | set(UNUSUAL_ACTIVITIES), seen


def main() -> None:
    assert all(KEYPOINTS[a].replace("left", "right") == KEYPOINTS[b] for a, b in FLIP_PAIRS)
    for seed in SEEDS:
        check_same_again(seed)
        scene = Scene(seed)
        for index in range(0, scene.frame_count, 30):
            frame = scene.frame(index)
            check_frame(scene, frame)
            check_truth_without_drawing(scene, frame)
    check_unusual_comes_later()
    print(f"street: {len(SEEDS)} scenes are as they should be")


if __name__ == "__main__":
    main()
