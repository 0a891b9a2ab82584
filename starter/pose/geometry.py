"""Where a frame lies in the network's input, and how boxes and poses are compared. NumPy, boxes as x0, y0, x1, y1."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

# Width and height of the network's input: 16:9 streams fill it exactly.
INPUT_SIZE = (512, 288)
GREY = 114
# COCO's deviations of the 17 points, relative to the root of a person's area.
SIGMAS = np.array(
    (26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89), np.float32
) / 1000
# The share of its box that a person covers, as is usual where no outline is at hand.
AREA_SHARE = 0.53
# Who is to be found: the rest is ignored, as COCO ignores crowds. The height is in pixels of a frame 640 wide.
VISIBLE_MIN = 0.25
HEIGHT_MIN = 20.0


@dataclass(frozen=True)
class Letterbox:
    """A frame scaled to fit, in the middle of grey: input = frame × scale + offset, for each axis."""

    scale: np.ndarray
    offset: np.ndarray
    content: tuple[int, int]

    @staticmethod
    def fit(source: tuple[int, int], target: tuple[int, int] = INPUT_SIZE) -> Letterbox:
        ratio = min(target[0] / source[0], target[1] / source[1])
        content = (round(source[0] * ratio), round(source[1] * ratio))
        offset = [round((whole - part) / 2 - 0.1) for whole, part in zip(target, content)]
        return Letterbox(np.divide(content, source, dtype=np.float32), np.array(offset, np.float32), content)

    def draw(self, image: np.ndarray, target: tuple[int, int] = INPUT_SIZE) -> np.ndarray:
        """uint8 [height, width, 3] of the target's size."""
        out = np.full((target[1], target[0], 3), GREY, np.uint8)
        x, y = self.offset.astype(int)
        width, height = self.content
        out[y : y + height, x : x + width] = cv2.resize(image, self.content, interpolation=cv2.INTER_LINEAR)
        return out

    def to_source(self, points: np.ndarray) -> np.ndarray:
        """Points [..., 2] of the input, in pixels of the frame."""
        return (points - self.offset) / self.scale


def is_counted(box: np.ndarray, visible: float, frame_width: int) -> bool:
    """Whether a person must be found, rather than ignored."""
    return visible >= VISIBLE_MIN and (box[3] - box[1]) * 640 / frame_width >= HEIGHT_MIN


def overlaps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union [n, m] of boxes [n, 4] and [m, 4]."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = (high - low).clip(min=0).prod(-1)
    area_a, area_b = (a[:, 2:] - a[:, :2]).prod(-1), (b[:, 2:] - b[:, :2]).prod(-1)
    return shared / (area_a[:, None] + area_b[None] - shared + 1e-9)


def similarities(found: np.ndarray, true: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Object key point similarity [n, m] of poses [n, 17, ≥ 2] with labelled ones [m, 17, 3] of those boxes [m, 4]."""
    square = np.square(found[:, None, :, :2] - true[None, :, :, :2]).sum(-1)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(-1).clip(min=1.0) * AREA_SHARE
    each = np.exp(-square / (2 * area[None, :, None] * np.square(2 * SIGMAS)))
    labelled = (true[..., 2] > 0).astype(np.float32)
    return (each * labelled).sum(-1) / labelled.sum(-1).clip(min=1)


def suppress(boxes: np.ndarray, scores: np.ndarray, iou_max: float) -> list[int]:
    """Non-maximum suppression: the indices that stay, best first."""
    rest = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while len(rest):
        best, rest = rest[0], rest[1:]
        kept.append(int(best))
        rest = rest[overlaps(boxes[best][None], boxes[rest])[0] <= iou_max]
    return kept
