"""Renders the training pictures: frames of many scenes at one size, with boxes and key points, into a folder.

The folder holds `images.npy` (uint8 [frames, height, width, 3], RGB, to be mapped into memory) and `labels.npz` (the people
of all frames in a row: `boxes`, `points`, `visible`, and `first`, where each frame's people begin).
"""

from __future__ import annotations

import argparse
import os
import sys
from multiprocessing import Pool
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from street import Scene  # noqa: E402

SOURCE_SIZE = (640, 360)
# Scenes after which the labels are written, from where an interrupted run goes on.
SAVE_EVERY = 100


class Label(NamedTuple):
    """One person of one frame."""

    box: np.ndarray
    points: np.ndarray
    visible: float


def main() -> None:
    options = arguments()
    options.out.mkdir(parents=True, exist_ok=True)
    images, labels = options.out / "images.npy", options.out / "labels.npz"
    shape = (options.scenes * options.frames, options.height, options.width, 3)
    people = load_labels(labels) if labels.exists() else []
    if not people:
        np.lib.format.open_memmap(images, "w+", np.uint8, shape).flush()
    jobs = [(options, images, number) for number in range(len(people) // options.frames, options.scenes)]
    with Pool(options.workers, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        for done, scene in enumerate(pool.imap(render, jobs, chunksize=4), 1):
            people += scene
            if done % SAVE_EVERY == 0 or done == len(jobs):
                save_labels(labels, people)
    print(f"{len(people)} frames of {options.scenes} scenes, {sum(map(len, people))} people, in {options.out}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="the folder to write")
    parser.add_argument("--scenes", type=int, default=2400, help="scenes, one seed each")
    parser.add_argument("--frames", type=int, default=3, help="frames of each scene, at random times")
    parser.add_argument("--first-seed", type=int, default=0, help="training seeds are below 100000")
    parser.add_argument("--width", type=int, default=640, help="width of the pictures that are kept")
    parser.add_argument("--height", type=int, default=360, help="height of the pictures that are kept")
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1), help="processes")
    return parser.parse_args()


def render(job: tuple[argparse.Namespace, Path, int]) -> list[list[Label]]:
    """Draws the frames of one scene into their places; returns the people of each, still in pixels of the source."""
    options, path, number = job
    images = np.load(path, mmap_mode="r+")
    seed = options.first_seed + number
    scene = Scene(seed, size=SOURCE_SIZE)
    times = np.random.default_rng(seed).choice(scene.frame_count, options.frames, replace=False)
    people = []
    for place, time in enumerate(sorted(times), number * options.frames):
        frame = scene.frame(int(time))
        images[place] = cv2.resize(frame.image, (options.width, options.height), interpolation=cv2.INTER_AREA)
        people.append([Label(person.box, person.keypoints, person.visible) for person in frame.people])
    return people


def save_labels(path: Path, frames: list[list[Label]]) -> None:
    people = [person for frame in frames for person in frame]
    part = path.with_name("part.npz")
    np.savez(
        part,
        source=np.array(SOURCE_SIZE),
        first=np.cumsum([0] + [len(frame) for frame in frames]),
        boxes=np.array([person.box for person in people], np.float32).reshape(-1, 4),
        points=np.array([person.points for person in people], np.float32).reshape(-1, 17, 3),
        visible=np.array([person.visible for person in people], np.float32),
    )
    os.replace(part, path)


def load_labels(path: Path) -> list[list[Label]]:
    labels = np.load(path)
    people = [Label(*person) for person in zip(labels["boxes"], labels["points"], labels["visible"])]
    first = labels["first"]
    return [people[begin:end] for begin, end in zip(first, first[1:])]


if __name__ == "__main__":
    main()
