"""Small pictures of every coding that is read, with the pixels that Pillow or OpenCV sees in them.

    python -m venv VENV && VENV/bin/pip install opencv-python-headless numpy pillow
    VENV/bin/python tools/reference/pictures.py

Writes crates/media/tests/fixtures/pictures/*, and expected.json: size, RGB as hexadecimal, tolerance in grey levels.
"""

import json
import pathlib

import cv2
import numpy as np
from PIL import Image

OUT = pathlib.Path(__file__).parents[2] / "crates/media/tests/fixtures/pictures"
WIDTH, HEIGHT = 20, 12


def gradient():
    """Smooth, and different at every corner and in every channel."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    return np.stack([40 + 9 * x, 220 - 14 * y, 60 + 5 * x + 6 * y], axis=-1).astype(np.uint8)


def rgb_of(image):
    return np.asarray(image.convert("RGB"))


def jpegs(rgb):
    image = Image.fromarray(rgb)
    gray, cmyk = image.convert("L"), image.convert("CMYK")
    settings = {
        "baseline_444.jpg": (image, {"subsampling": 0}),
        "baseline_422.jpg": (image, {"subsampling": 1}),
        "baseline_420.jpg": (image, {"subsampling": 2}),
        "progressive.jpg": (image, {"progressive": True}),
        "restarts.jpg": (image, {"restart_marker_rows": 1}),
        "adobe_rgb.jpg": (image, {"keep_rgb": True}),
        "gray.jpg": (gray, {}),
        "cmyk.jpg": (cmyk, {}),
    }
    for name, (source, options) in settings.items():
        source.save(OUT / name, quality=95, **options)
        yield name, rgb_of(Image.open(OUT / name)), 6


def pngs(rgb):
    image = Image.fromarray(rgb)
    alpha = Image.fromarray(np.linspace(0, 255, WIDTH * HEIGHT).astype(np.uint8).reshape(HEIGHT, WIDTH))
    with_alpha, gray = image.copy(), image.convert("L")
    with_alpha.putalpha(alpha)
    gray_alpha = gray.copy()
    gray_alpha.putalpha(alpha)
    palette = image.quantize(16)
    settings = {
        "rgb.png": (image, image, {}),
        "rgba.png": (with_alpha, image, {}),
        "gray.png": (gray, gray, {}),
        "gray_alpha.png": (gray_alpha, gray, {}),
        "bilevel.png": (gray.point(lambda level: 255 * (level > 128)).convert("1"), None, {}),
        "palette.png": (palette, palette, {}),
        "palette_transparent.png": (palette, palette, {"transparency": 3}),
        "animated.png": (image, image, {"save_all": True, "append_images": [gray.convert("RGB")]}),
    }
    for name, (source, seen, options) in settings.items():
        source.save(OUT / name, optimize=True, **options)
        yield name, rgb_of(seen or source), 0
    deep = rgb.astype(np.uint16) * 257
    cv2.imwrite(str(OUT / "rgb_16_bit.png"), deep[..., ::-1])
    yield "rgb_16_bit.png", rgb, 0
    cv2.imwrite(str(OUT / "gray_16_bit.png"), deep[..., 0])
    yield "gray_16_bit.png", np.repeat(rgb[..., :1], 3, axis=-1), 0


def webps(rgb):
    image = Image.fromarray(rgb)
    with_alpha = image.copy()
    with_alpha.putalpha(200)
    settings = {
        "lossy.webp": (image, {"quality": 90}, 8),
        "lossless.webp": (image, {"lossless": True}, 0),
        "lossless_alpha.webp": (with_alpha, {"lossless": True, "exact": True}, 0),
        "lossy_alpha.webp": (with_alpha, {"quality": 90, "exact": True}, 8),
        "animated.webp": (image, {"lossless": True, "save_all": True, "append_images": [image.rotate(180)]}, 0),
    }
    for name, (source, options, tolerance) in settings.items():
        source.save(OUT / name, **options)
        yield name, rgb_of(Image.open(OUT / name)), tolerance


def oriented(rgb):
    """Orientation 6, written by another program than the one that is tested."""
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = np.rot90(rgb, k=-1)
    for name, options, tolerance in (
        ("oriented.jpg", {"quality": 95, "subsampling": 0}, 6),
        ("oriented.png", {}, 0),
        ("oriented.webp", {"lossless": True}, 0),
    ):
        Image.fromarray(rgb).save(OUT / name, exif=exif, **options)
        yield name, turned, tolerance


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    rgb = gradient()
    expected = {}
    for make in (jpegs, pngs, webps, oriented):
        for name, pixels, tolerance in make(rgb):
            height, width, _ = pixels.shape
            expected[name] = {"width": width, "height": height, "tolerance": tolerance, "rgb": pixels.tobytes().hex()}
    rows = ",\n".join(json.dumps(name) + ": " + json.dumps(row) for name, row in expected.items())
    OUT.joinpath("expected.json").write_text("{\n" + rows + "\n}\n")


if __name__ == "__main__":
    main()
