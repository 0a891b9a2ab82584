"""Renders street scenes with their masks into two uint8 arrays on disk, from which all tiers train.

`images.npy` is [frames, 360, 640, 3] in RGB, `masks.npy` [frames, 360, 640] in indices of MASK_CLASSES, `done.txt` how many of the
frames are there. A run that was broken off goes on where it stopped. Run: `python starter/segment/render.py --out FOLDER`.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from street import Frame, Scene  # noqa: E402

WIDTH, HEIGHT = 640, 360


def main() -> None:
    arguments = parse()
    arguments.out.mkdir(parents=True, exist_ok=True)
    count = arguments.scenes * arguments.frames
    images, masks, progress = stores(arguments.out, count)
    done = int(progress.read_text()) if progress.exists() else 0
    until = time.monotonic() + 60 * arguments.minutes
    for scene_index in range(done // arguments.frames, arguments.scenes):
        if time.monotonic() > until:
            break
        for index, frame in enumerate(frames(arguments.first_seed + scene_index, arguments.frames)):
            images[scene_index * arguments.frames + index] = frame.image
            masks[scene_index * arguments.frames + index] = frame.mask
        progress.write_text(str((scene_index + 1) * arguments.frames))
        if scene_index % 50 == 0:
            print(f"{scene_index + 1} of {arguments.scenes} scenes", flush=True)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for the arrays; 0.9 MB for each frame")
    parser.add_argument("--scenes", type=int, default=1500, help="how many scenes")
    parser.add_argument("--frames", type=int, default=3, help="frames of each scene, spread over its length")
    parser.add_argument("--first-seed", type=int, default=0, help="training has the seeds 0 to 99999")
    parser.add_argument("--minutes", type=float, default=60, help="stop after this time with the scenes that are done")
    return parser.parse_args()


def stores(folder: Path, count: int) -> tuple[np.ndarray, np.ndarray, Path]:
    """The two arrays, as they are or made new, and the file that tells how many frames are in them."""
    paths = folder / "images.npy", folder / "masks.npy"
    if all(path.exists() for path in paths):
        images, masks = (open_memmap(path, mode="r+") for path in paths)
        if len(images) != count:
            raise SystemExit(f"{folder} holds {len(images)} frames, not {count}: remove it or give the same numbers")
        return images, masks, folder / "done.txt"
    images = open_memmap(paths[0], mode="w+", dtype=np.uint8, shape=(count, HEIGHT, WIDTH, 3))
    masks = open_memmap(paths[1], mode="w+", dtype=np.uint8, shape=(count, HEIGHT, WIDTH))
    return images, masks, folder / "done.txt"


def frames(seed: int, count: int) -> list[Frame]:
    """Frames of one scene, one from each of `count` equal parts, the place in its part drawn from the seed."""
    scene = Scene(seed, size=(WIDTH, HEIGHT))
    places = np.arange(count) + np.random.default_rng(seed).random(count)
    return [scene.frame(int(place * scene.frame_count / count)) for place in places]


if __name__ == "__main__":
    main()
