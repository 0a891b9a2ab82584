"""Batches for training: random parts of rendered frames, mirrored, scaled, recoloured and partly covered."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from geometry import GREY, INPUT_SIZE, is_counted
from loss import Targets

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from street import FLIP_PAIRS  # noqa: E402

MIRROR = np.arange(17)
for left, right in FLIP_PAIRS:
    MIRROR[[left, right]] = right, left


class Frames:
    """The rendered frames of one folder."""

    def __init__(self, folder: Path) -> None:
        self.images = np.load(folder / "images.npy", mmap_mode="r")
        labels = np.load(folder / "labels.npz")
        self.first, self.visible = labels["first"], labels["visible"]
        self.scale = self.images.shape[2] / labels["source"][0]
        self.boxes = labels["boxes"] * self.scale
        self.points = labels["points"] * np.array((self.scale, self.scale, 1), np.float32)

    def __len__(self) -> int:
        return len(self.first) - 1

    def people(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Boxes and points in pixels of the kept pictures, and whether each person counts."""
        part = slice(self.first[index], self.first[index + 1])
        width = self.images.shape[2]
        counted = [is_counted(box, seen, width) for box, seen in zip(self.boxes[part], self.visible[part])]
        return self.boxes[part].copy(), self.points[part].copy(), np.array(counted, bool)


class Batches:
    """Endless batches of parts of frames, `size` (width, height) of the network's input pixels each."""

    def __init__(self, frames: Frames, size: tuple[int, int], batch: int, seed: int) -> None:
        self.frames, self.size, self.batch = frames, size, batch
        self.rng = np.random.default_rng(seed)
        self.order: list[int] = []

    def next(self) -> tuple[Tensor, Targets]:
        """Images [batch, 3, height, width] 0–1, channels last in memory, and who is in them."""
        samples = [self.sample() for _ in range(self.batch)]
        images = np.stack([image for image, _, _, _ in samples])
        pixels = torch.from_numpy(images).float().div_(255)
        return pixels.permute(0, 3, 1, 2), pad([sample[1:] for sample in samples])

    def sample(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        if not self.order:
            self.order = list(self.rng.permutation(len(self.frames)))
        index = self.order.pop()
        boxes, points, counted = self.frames.people(index)
        scale, corner = self.part(boxes)
        image = cut(self.frames.images[index], scale, corner, self.size)
        move = corner * scale
        boxes = boxes * scale - np.tile(move, 2)
        points[..., :2] = points[..., :2] * scale - move
        if self.rng.random() < 0.5:
            image, boxes, points = self.mirror(image, boxes, points)
        boxes, points, kept, counted = clip(boxes, points, counted, self.size)
        if self.rng.random() < 0.3:
            image = self.cover(self.recolour(image), boxes)
        return np.ascontiguousarray(image), boxes[kept], points[kept], counted[kept]

    def part(self, boxes: np.ndarray) -> tuple[float, np.ndarray]:
        """Network pixels per kept pixel, and the part's top left corner in kept pixels: round some person, mostly."""
        whole = np.array(self.frames.images.shape[2:0:-1], np.float32)
        scale = INPUT_SIZE[0] / whole[0] * np.exp(self.rng.uniform(-0.2, 0.25))
        aimed = len(boxes) > 0 and self.rng.random() < 0.9
        box = boxes[self.rng.integers(len(boxes))] if aimed else np.array((0, 0, *whole))
        if aimed:
            scale = min(scale, 0.95 * (np.array(self.size) / (box[2:] - box[:2]).clip(min=1)).min())
        extent = np.array(self.size) / scale
        corner = self.rng.uniform(box[:2], box[2:]) if not aimed else (box[:2] + box[2:]) / 2
        corner = corner - extent * self.rng.uniform(0.3, 0.7, 2)
        room = whole - extent
        corner = np.clip(corner, np.minimum(room, 0) * 0.5, np.maximum(room, room * 0.5))
        return float(scale), np.round(corner).astype(np.float32)

    def mirror(self, image: np.ndarray, boxes: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, ...]:
        width = self.size[0]
        boxes = boxes.copy()
        boxes[:, [0, 2]] = width - boxes[:, [2, 0]]
        points = points[:, MIRROR]
        points[..., 0] = width - points[..., 0]
        return image[:, ::-1], boxes, points

    def recolour(self, image: np.ndarray) -> np.ndarray:
        """Contrast, brightness and tint by one table per channel; now and then noise."""
        gain = self.rng.uniform(0.75, 1.25) * self.rng.uniform(0.92, 1.08, 3)
        shift = self.rng.uniform(-20, 20)
        table = (np.arange(256)[:, None] - 128) * gain + 128 + shift
        image = cv2.LUT(np.ascontiguousarray(image), table.clip(0, 255).astype(np.uint8)[:, None])
        if self.rng.random() < 0.1:
            noise = self.rng.normal(0, self.rng.uniform(2, 9), image.shape[:2]).astype(np.int16)
            image = (image + noise[..., None]).clip(0, 255).astype(np.uint8)
        return image

    def cover(self, image: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """Lays a patch over a small part of some people."""
        for box in boxes:
            if self.rng.random() < 0.2:
                side = (box[2:] - box[:2]) * self.rng.uniform(0.15, 0.4)
                low = self.rng.uniform(box[:2], np.maximum(box[2:] - side, box[:2] + 0.1))
                (x0, y0), (x1, y1) = low.clip(min=0).astype(int), (low + side).clip(min=0).astype(int)
                image[y0:y1, x0:x1] = self.rng.integers(0, 256, 3)
        return image


def cut(image: np.ndarray, scale: float, corner: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The part of the picture from `corner` on, scaled to `size`, grey outside the picture."""
    # Pixel centres are at half: input + 0.5 = (kept + 0.5 − corner) × scale.
    offset = (0.5 - corner) * scale - 0.5
    matrix = np.array([[scale, 0, offset[0]], [0, scale, offset[1]]], np.float32)
    return cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderValue=(GREY,) * 3)


def clip(
    boxes: np.ndarray, points: np.ndarray, counted: np.ndarray, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Boxes cut to the part, points outside it unlabelled; people that are mostly outside no longer count."""
    limit = np.array(size, np.float32)
    before = (boxes[:, 2:] - boxes[:, :2]).prod(-1)
    boxes = np.concatenate([boxes[:, :2].clip(0, limit), boxes[:, 2:].clip(0, limit)], 1)
    sides = boxes[:, 2:] - boxes[:, :2]
    inside = ((points[..., :2] >= 0) & (points[..., :2] < limit)).all(-1)
    points[..., 2] *= inside
    kept = (sides > 2).all(-1)
    counted = counted & (sides.prod(-1) > 0.2 * before) & (sides[:, 1] >= 8)
    return boxes, points, kept, counted


def pad(samples: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Targets:
    most = max(1, *(len(boxes) for boxes, _, _ in samples))
    boxes = torch.zeros(len(samples), most, 4)
    points = torch.zeros(len(samples), most, 17, 3)
    kind = torch.zeros(len(samples), most, dtype=torch.int8)
    for row, (some_boxes, some_points, counted) in enumerate(samples):
        count = len(some_boxes)
        boxes[row, :count] = torch.from_numpy(some_boxes)
        points[row, :count] = torch.from_numpy(some_points)
        kind[row, :count] = torch.from_numpy(np.where(counted, 1, -1))
    return Targets(boxes, points, kind)
