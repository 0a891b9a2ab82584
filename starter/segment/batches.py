"""Training batches: rendered frames, varied and brought to a tier's input size, with soft targets.

A target is the share that each class has of the pixel's area in the full frame, so that thin limbs keep their weight in a
small input and the logits may be scaled up again bilinearly.
"""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from network import CLASS_COUNT, MEAN, STD, Tier

ZOOM_SHARE = 0.5
"""Of the pictures, this share is seen from nearer."""
SMALLEST_WINDOW = 0.6
"""Of the sides that a picture would have at the scale of whole frames."""


class Batches:
    """Draws frames in a new order each round, of those that are rendered when it begins; the same seed gives the same batches."""

    def __init__(self, folder: Path, tier: Tier, seed: int) -> None:
        self.done = folder / "done.txt"
        self.images = np.load(folder / "images.npy", mmap_mode="r")
        self.masks = np.load(folder / "masks.npy", mmap_mode="r")
        self.whole = (tier.width, tier.height)
        self.part = tuple(32 * math.ceil(side / 64) for side in self.whole)
        self.random = np.random.default_rng(seed)
        self.order: list[int] = []
        self.mean, self.deviation = (255 * torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))

    def draw(self, count: int, part: bool) -> tuple[Tensor, Tensor]:
        """Pictures [count, 3, height, width], normalised, and shares of the classes [count, 5, height, width].

        With `part`, windows at the pixel scale of whole frames and about half as wide and high: four times as many for the same work.
        """
        pairs = [self._sample(self.part if part else self.whole) for _ in range(count)]
        images = torch.from_numpy(np.stack([image for image, _ in pairs])).permute(0, 3, 1, 2).float()
        shares = torch.from_numpy(np.stack([share for _, share in pairs])).float()
        return images.sub_(self.mean).div_(self.deviation), shares.div_(255)

    def _sample(self, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        if not self.order:
            self.order = self.random.permutation(int(self.done.read_text())).tolist()
        index = self.order.pop()
        rows, columns = self._window(size)
        image, mask = self.images[index, rows, columns], self.masks[index, rows, columns]
        if self.random.random() < 0.5:
            image, mask = image[:, ::-1], mask[:, ::-1]
        return self._light(self._scale(image, size)), class_shares(mask, size)

    def _window(self, size: tuple[int, int]) -> tuple[slice, slice]:
        """Rows and columns of the frame that are to fill `size`: at the scale of whole frames, or nearer."""
        zoom = self.random.uniform(SMALLEST_WINDOW, 1) if self.random.random() < ZOOM_SHARE else 1.0
        ends = zip(self.masks.shape[1:], size[::-1], self.whole[::-1])
        lengths = [(full, int(full * zoom * side / whole)) for full, side, whole in ends]
        firsts = [int(self.random.integers(full - length + 1)) for full, length in lengths]
        rows, columns = (slice(first, first + length) for first, (_, length) in zip(firsts, lengths))
        return rows, columns

    def _scale(self, image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Programs differ in how they shrink a picture: both common ways are shown."""
        way = cv2.INTER_LINEAR if self.random.random() < 0.6 else cv2.INTER_AREA
        return cv2.resize(np.ascontiguousarray(image), size, interpolation=way)

    def _light(self, image: np.ndarray) -> np.ndarray:
        """Contrast about the middle grey, brightness, and a tint of each colour."""
        gain = self.random.uniform(0.85, 1.15) * self.random.uniform(0.95, 1.05, 3)
        offset = self.random.uniform(-18, 18)
        table = (np.arange(256)[:, None] - 128) * gain + 128 + offset
        return cv2.LUT(image, np.clip(table, 0, 255).astype(np.uint8)[None])


def class_shares(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Class ids [h, w] → the share of each class in each pixel of `size`, 0–255, [5, height, width]."""
    mask = np.ascontiguousarray(mask)
    planes = (cv2.inRange(mask, index, index) for index in range(CLASS_COUNT))
    return np.stack([cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in planes])
