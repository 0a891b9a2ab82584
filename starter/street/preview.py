"""Writes a contact sheet of scenes: `python -m street.preview --seed 7 --out sheet.png`."""

from __future__ import annotations

import argparse

import cv2
import numpy as np

from . import MASK_CLASSES, Frame, Scene

BONES = (
    (5, 7),
    (7, 9),
    (6, 8),
    (8, 10),
    (5, 6),
    (5, 11),
    (6, 12),
    (11, 12),
    (11, 13),
    (13, 15),
    (12, 14),
    (14, 16),
    (0, 1),
    (0, 2),
    (1, 3),
    (2, 4),
)
OVERLAY = np.array([(0, 0, 0), (90, 90, 255), (40, 220, 40), (255, 200, 0), (255, 40, 160)], np.uint8)
LEFT = {1, 3, 5, 7, 9, 11, 13, 15}


def annotate(frame: Frame, mask: bool) -> np.ndarray:
    """The picture with boxes, skeletons (left orange, right blue) and, if asked, the mask over it."""
    image = frame.image.copy()
    if mask:
        image = cv2.addWeighted(image, 0.5, OVERLAY[frame.mask], 0.5, 0)
    for person in frame.people:
        colour = (255, 40, 40) if person.unusual else (40, 255, 80)
        x0, y0, x1, y1 = (int(round(float(side))) for side in person.box)
        cv2.rectangle(image, (x0, y0), (x1, y1), colour, 1)
        cv2.putText(
            image,
            f"{person.id} {person.activity} {person.visible:.2f}",
            (x0, max(y0 - 3, 8)),
            0,
            0.33,
            colour,
            1,
            cv2.LINE_AA,
        )
        _skeleton(image, person.keypoints)
    return image


def sheet(seeds: list[int], indices: list[int], plain: bool, mask: bool, size: tuple[int, int]) -> np.ndarray:
    rows = []
    for seed in seeds:
        scene = Scene(seed, size=size)
        frames = [scene.frame(index) for index in indices]
        rows.append(np.hstack([frame.image if plain else annotate(frame, mask) for frame in frames]))
    return np.vstack(rows)


def _skeleton(image: np.ndarray, points: np.ndarray) -> None:
    for one, other in BONES:
        if points[one, 2] and points[other, 2]:
            colour = (255, 160, 0) if one in LEFT else (60, 160, 255)
            cv2.line(image, _pixel(points[one]), _pixel(points[other]), colour, 1, cv2.LINE_AA)
    for point in points:
        if point[2]:
            cv2.circle(image, _pixel(point), 1, (255, 255, 255) if point[2] > 1 else (90, 90, 90), -1)


def _pixel(point: np.ndarray) -> tuple[int, int]:
    return int(round(float(point[0]))), int(round(float(point[1])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, nargs="+", default=[7], help="one row each")
    parser.add_argument("--frame", type=int, nargs="+", default=[20, 110, 200], help="one column each")
    parser.add_argument("--plain", action="store_true", help="no boxes and skeletons")
    parser.add_argument(
        "--mask", action="store_true", help=f"lay the classes {', '.join(MASK_CLASSES)} over it"
    )
    parser.add_argument("--width", type=int, default=640, help="pixels; the height follows (16:9)")
    parser.add_argument("--out", default="sheet.png")
    options = parser.parse_args()
    size = (options.width, options.width * 9 // 16)
    picture = sheet(options.seed, options.frame, options.plain, options.mask, size)
    cv2.imwrite(options.out, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))


if __name__ == "__main__":
    main()
