"""Measures the ONNX files on held-out scenes, as COCO does: average precision of boxes and of key points.

Every held-out frame goes through the file as a user's would: letterbox, network, suppression. People of whom less than a
quarter is visible, or who are lower than 20 pixels in a frame 640 wide, are ignored: finding them neither counts nor costs.
An area is 0.53 of the box, since the street tells no outline for each person. COCO labels no key points on people smaller
than 32² pixels; key points are measured so, and once more with everybody.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Callable, NamedTuple

import numpy as np
import onnxruntime

from geometry import AREA_SHARE, Letterbox, is_counted, overlaps, similarities, suppress

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from street import Frame, Scene  # noqa: E402

SOURCE_SIZE = (640, 360)
THRESHOLDS = np.arange(0.5, 0.96, 0.05)
RECALLS = np.linspace(0, 1, 101)
SCORE_MIN = 0.01
IOU_MAX = 0.7
DETECTIONS_MAX = 100
# COCO calls people below it small, in pixels.
SMALL_AREA = 32**2


class Found(NamedTuple):
    """What a model says of a frame, best first, in pixels of the frame."""

    scores: np.ndarray
    boxes: np.ndarray
    points: np.ndarray | None


class Truth(NamedTuple):
    """Who is in a frame."""

    boxes: np.ndarray
    points: np.ndarray
    counted: np.ndarray


class Model:
    """One ONNX file of the family."""

    def __init__(self, path: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def find(self, image: np.ndarray, score_min: float = SCORE_MIN) -> Found:
        letterbox = Letterbox.fit((image.shape[1], image.shape[0]))
        pixels = letterbox.draw(image).transpose(2, 0, 1)[None].astype(np.float32) / 255
        rows = self.session.run(None, {"images": pixels})[0][0].T
        rows = rows[rows[:, 4] > score_min]
        boxes = np.concatenate([rows[:, :2] - rows[:, 2:4] / 2, rows[:, :2] + rows[:, 2:4] / 2], 1)
        kept = suppress(boxes, rows[:, 4], IOU_MAX)[:DETECTIONS_MAX]
        rows, boxes = rows[kept], letterbox.to_source(boxes[kept].reshape(-1, 2, 2)).reshape(-1, 4)
        limit = np.array((image.shape[1], image.shape[0]) * 2, np.float32)
        points = None
        if rows.shape[1] > 5:
            points = rows[:, 5:].reshape(-1, 17, 3).copy()
            points[..., :2] = letterbox.to_source(points[..., :2])
        return Found(rows[:, 4], boxes.clip(0, limit), points)


def main() -> None:
    options = arguments()
    models = {path: Model(path) for path in options.models}
    found: dict[Path, list[Found]] = {path: [] for path in models}
    true = []
    for frame in held_out(options):
        true.append(truth(frame))
        for path, model in models.items():
            found[path].append(model.find(frame.image))
    people = sum(int(frame.counted.sum()) for frame in true)
    print(f"{len(true)} frames of {options.scenes} scenes from seed {options.first_seed}, {people} people to find")
    for path in models:
        show(path, found[path], true)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, nargs="+", help="ONNX files: detectors or pose models")
    parser.add_argument("--scenes", type=int, default=100, help="scenes, one seed each")
    parser.add_argument("--frames", type=int, default=5, help="frames of each scene, evenly spread")
    parser.add_argument("--first-seed", type=int, default=200_000, help="held-out seeds begin at 200000")
    return parser.parse_args()


def held_out(options: argparse.Namespace):
    for seed in range(options.first_seed, options.first_seed + options.scenes):
        scene = Scene(seed, size=SOURCE_SIZE)
        for index in np.linspace(0, scene.frame_count - 1, options.frames):
            yield scene.frame(round(index))


def truth(frame: Frame) -> Truth:
    people = frame.people
    counted = [is_counted(person.box, person.visible, frame.image.shape[1]) for person in people]
    boxes = np.array([person.box for person in people], np.float32).reshape(-1, 4)
    points = np.array([person.keypoints for person in people], np.float32).reshape(-1, 17, 3)
    return Truth(boxes, points, np.array(counted, bool))


def show(path: Path, found: list[Found], true: list[Truth]) -> None:
    rows = {"boxes, all sizes": average_precision(found, true, box_likeness)}
    if found[0].points is not None:
        rows["key points, medium and large"] = average_precision(found, [grown(people) for people in true], point_likeness)
        rows["key points, all sizes"] = average_precision(found, true, point_likeness)
    for name, values in rows.items():
        print(f"{path.name}: {name}: AP50-95 {values.mean():.3f}, AP50 {values[0]:.3f}, AP75 {values[5]:.3f}")


def grown(true: Truth) -> Truth:
    """Without the small people, on whom COCO labels no key points."""
    area = (true.boxes[:, 2:] - true.boxes[:, :2]).prod(-1) * AREA_SHARE
    return true._replace(counted=true.counted & (area >= SMALL_AREA))


def box_likeness(found: Found, true: Truth) -> np.ndarray:
    return overlaps(found.boxes, true.boxes)


def point_likeness(found: Found, true: Truth) -> np.ndarray:
    return similarities(found.points, true.points, true.boxes)


def average_precision(
    found: list[Found], true: list[Truth], likeness: Callable[[Found, Truth], np.ndarray]
) -> np.ndarray:
    """COCO's average precision [thresholds]."""
    alike = [likeness(some, people) for some, people in zip(found, true)]
    total = sum(int(people.counted.sum()) for people in true)
    scores = np.concatenate([some.scores for some in found])
    values = []
    for threshold in THRESHOLDS:
        matched = [match(each, people.counted, threshold) for each, people in zip(alike, true)]
        values.append(area(scores, np.concatenate(matched), total))
    return np.array(values)


def match(alike: np.ndarray, counted: np.ndarray, threshold: float) -> np.ndarray:
    """For each find, best first: 1 a person found, 0 a mistake, -1 not judged since it found somebody ignored."""
    result = np.zeros(len(alike), np.int8)
    free = np.ones(len(counted), bool)
    for row, likes in enumerate(alike):
        for kind, value in ((counted, 1), (~counted, -1)):
            open_ = np.where(kind & free & (likes >= threshold), likes, -1.0)
            if open_.size and open_.max() >= 0:
                free[open_.argmax()] = False
                result[row] = value
                break
    return result


def area(scores: np.ndarray, matched: np.ndarray, total: int) -> float:
    """Area under the precision over recall, precision made monotonous and read at 101 recalls."""
    order = np.argsort(-scores, kind="stable")
    judged = matched[order][matched[order] >= 0]
    right = np.cumsum(judged)
    recall, precision = right / max(total, 1), right / np.arange(1, len(judged) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, RECALLS, side="left")
    return float(np.mean(np.append(precision, 0.0)[np.minimum(at, len(precision))]))


if __name__ == "__main__":
    main()
