"""Poses that a pose network finds in drawn frames, given the ids of the true people they overlap most."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnxruntime

sys.path.append(str(Path(__file__).resolve().parents[1] / "pose"))

from geometry import Letterbox, overlaps, suppress  # noqa: E402

SCORE_MIN = 0.3
IOU_MAX = 0.6
MATCH_MIN = 0.3


class PoseNetwork:
    """An ONNX file of the yolo-pose layout: `images` [batch, 3, h, w] to rows of box, score and 17 × (x, y, visibility)."""

    def __init__(self, path: Path):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        height, width = self._session.get_inputs()[0].shape[2:]
        self._size = (width, height)

    def find(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Boxes [n, 4] and keypoints [n, 17, 2] in pixels of the image, best first."""
        letterbox = Letterbox.fit((image.shape[1], image.shape[0]), self._size)
        pixels = letterbox.draw(image, self._size).transpose(2, 0, 1)[None].astype(np.float32) / 255
        rows = self._session.run(None, {self._session.get_inputs()[0].name: pixels})[0][0].T
        rows = rows[rows[:, 4] > SCORE_MIN]
        corners = np.stack([rows[:, :2] - rows[:, 2:4] / 2, rows[:, :2] + rows[:, 2:4] / 2], axis=1)
        boxes = letterbox.to_source(corners).reshape(-1, 4)
        points = letterbox.to_source(rows[:, 5:].reshape(-1, 17, 3)[..., :2])
        kept = suppress(boxes, rows[:, 4], IOU_MAX)
        return boxes[kept], points[kept]


def assign(found: np.ndarray, true: np.ndarray) -> list[tuple[int, int]]:
    """Pairs (found, true) of overlapping boxes, the best overlap first, each box once."""
    if not len(found) or not len(true):
        return []
    shared, pairs = overlaps(found, true), []
    while shared.max() >= MATCH_MIN:
        one, other = np.unravel_index(int(shared.argmax()), shared.shape)
        pairs.append((int(one), int(other)))
        shared[one] = shared[:, other] = -1
    return pairs
