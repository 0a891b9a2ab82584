"""Reference numbers for letterboxes and sampled rows, by OpenCV.

    python -m venv VENV && VENV/bin/pip install opencv-python-headless numpy
    VENV/bin/python tools/reference/letterbox.py

Writes crates/media/tests/fixtures/letterbox.json (geometry) and letterbox_N.rgb (pixels, [height, width, 3] bytes). The
sources are made by the same small generator here and in the test, so only the results are kept.
"""

import json
import pathlib

import cv2
import numpy as np

OUT = pathlib.Path(__file__).parents[2] / "crates/media/tests/fixtures"

GEOMETRY_SOURCES = [
    (1280, 720), (1920, 1080), (810, 1080), (640, 640), (480, 360), (768, 432), (641, 479), (333, 500), (500, 333),
    (1, 1), (7, 3), (3, 7), (4000, 3000), (3001, 4001), (1279, 719), (640, 361), (427, 640), (100, 640), (2047, 1365),
]
GEOMETRY_TARGETS = [(640, 640), (416, 416), (640, 384), (384, 640), (320, 256), (33, 47)]

PIXEL_CASES = [
    # name, source (width, height), target (width, height)
    ("centered", (64, 36), (32, 32)),
    ("centered", (96, 54), (32, 32)),
    ("centered", (37, 23), (32, 32)),
    ("centered", (20, 15), (48, 32)),
    ("centered", (31, 57), (40, 40)),
    ("centered", (32, 18), (32, 32)),
    ("top_left", (53, 71), (32, 32)),
    ("stretch", (50, 40), (24, 32)),
    ("stretch", (5, 4), (24, 32)),
    ("stretch", (1, 1), (8, 8)),
]


def picture(width, height):
    """Noise of full contrast: the worst case for weights that are not exact."""
    values, state = [], 12345
    for _ in range(width * height * 3):
        state = (state * 1664525 + 1013904223) % 2**32
        values.append(state >> 24)
    return np.array(values, np.uint8).reshape(height, width, 3)


def geometry(kind, source, target):
    """Content size, left and top padding, as ultralytics (centred) and YOLOX (top left) compute them."""
    (width, height), (target_width, target_height) = source, target
    ratio = min(target_height / height, target_width / width)
    if kind == "stretch":
        return target_width, target_height, 0, 0
    if kind == "top_left":
        return max(1, int(width * ratio)), max(1, int(height * ratio)), 0, 0
    content_width, content_height = max(1, round(width * ratio)), max(1, round(height * ratio))
    half_width, half_height = (target_width - content_width) / 2, (target_height - content_height) / 2
    return content_width, content_height, round(half_width - 0.1), round(half_height - 0.1)


def rectangle(source, side, stride):
    """The shape that ultralytics' automatic padding ends at: the remainder modulo the stride is what is padded."""
    width, height = source
    ratio = min(side / height, side / width)
    content = round(width * ratio), round(height * ratio)
    return [int(size + np.mod(side - size, stride)) for size in content]


def letterbox(kind, source, target):
    content_width, content_height, left, top = geometry(kind, source, target)
    image = picture(*source)
    if (content_width, content_height) != source:
        image = cv2.resize(image, (content_width, content_height), interpolation=cv2.INTER_LINEAR)
    bottom, right = target[1] - content_height - top, target[0] - content_width - left
    return cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_CONSTANT, value=(114, 114, 114))


def main():
    table = {
        "geometry": [
            {"kind": kind, "source": source, "target": target, "expected": geometry(kind, source, target)}
            for kind in ("centered", "top_left")
            for source in GEOMETRY_SOURCES
            for target in GEOMETRY_TARGETS
        ],
        "rectangles": [
            {"source": source, "side": side, "stride": stride, "expected": rectangle(source, side, stride)}
            for source in GEOMETRY_SOURCES
            if min(source) * 640 >= max(source)
            for side, stride in ((640, 32), (1280, 32), (320, 32), (640, 64))
        ],
        "pixels": [{"kind": kind, "source": source, "target": target} for kind, source, target in PIXEL_CASES],
    }
    lines = [json.dumps(name) + ": [\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]" for name, rows in table.items()]
    OUT.joinpath("letterbox.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    for index, case in enumerate(PIXEL_CASES):
        OUT.joinpath(f"letterbox_{index}.rgb").write_bytes(letterbox(*case).tobytes())


if __name__ == "__main__":
    main()
