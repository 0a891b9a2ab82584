"""What the camera does to a clean picture: blur, contrast, noise, compression."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Sensor:
    blur_px: float
    brighter: np.ndarray  # uint8 [h, w, 3], the noise above nought; shifted anew for each frame
    darker: np.ndarray  # the same below nought
    jpeg_quality: int  # 0 leaves the picture alone
    table: np.ndarray  # uint8 [256], contrast and brightness

    def shoot(self, picture: np.ndarray, index: int) -> np.ndarray:
        if self.blur_px > 0.3:
            picture = cv2.GaussianBlur(picture, (0, 0), self.blur_px)
        picture = cv2.LUT(picture, self.table)
        picture = self._grain(picture, index)
        if self.jpeg_quality:
            _, packed = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, self.jpeg_quality])
            picture = cv2.imdecode(packed, cv2.IMREAD_COLOR)
        return picture

    def _grain(self, picture: np.ndarray, index: int) -> np.ndarray:
        height, width = picture.shape[:2]
        down, right = (index * 37) % 61, (index * 53) % 67
        window = (slice(down, down + height), slice(right, right + width))
        return cv2.subtract(cv2.add(picture, self.brighter[window]), self.darker[window])


def random_sensor(rng: np.random.Generator, width: int, height: int, dark: bool) -> Sensor:
    unit = width / 640
    blur = (
        float(rng.choice([0.0, rng.uniform(0.4, 0.75), rng.uniform(0.75, 1.2)], p=[0.45, 0.4, 0.15])) * unit
    )
    sigma = rng.uniform(1.0, 4.0) * (1.6 if dark else 1.0)
    noise = sigma * rng.standard_normal((height + 61, width + 67, 3), dtype=np.float32)
    brighter, darker = (np.clip(np.rint(sign * noise), 0, 255).astype(np.uint8) for sign in (1, -1))
    quality = int(rng.integers(40, 90)) if rng.random() < 0.35 else 0
    levels = np.arange(256) / 255
    curve = np.clip(0.5 + (levels - 0.5) * rng.uniform(0.82, 1.12) + rng.uniform(-0.04, 0.05), 0, 1)
    return Sensor(blur, brighter, darker, quality, np.round(255 * curve).astype(np.uint8))
