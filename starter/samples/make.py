"""Makes the sample clip and the stills with their truth: `python starter/samples/make.py`.

Writes beside itself: `street.mp4` (H.264, closed groups of 2 s) and `street.json`, `still-1.jpg` to `still-3.jpg` and
`stills.json`. Needs `ffmpeg` with libx264. The seeds lie outside those of training and tests.

Truth, in both JSON files: per frame a list of people, each a row whose columns `person` names: `id`, `box` (x0, y0, x1,
y1), `keypoints` (x, y of the 17 COCO points in turn), `visibility` (a digit per point: 0 outside, 1 hidden, 2 visible),
`visible` (share, 0..1), `activity`, `unusual`. Boxes and keypoints are whole multiples of `unit` pixels.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from street import KEYPOINTS, Frame, Person, Scene  # noqa: E402

CLIP = {"seed": 303_056, "unusual_share": 0.3, "crowd": (5, 6)}
STILLS = ((300_174, 72), (300_385, 120), (300_257, 168))  # seed, frame
STILL_SIZE = (1280, 720)
GROUP_S = 2
PERSON_COLUMNS = ("id", "box", "keypoints", "visibility", "visible", "activity", "unusual")


def make_clip(out: Path, crf: int) -> None:
    scene = Scene(**CLIP)
    frames = [scene.frame(index) for index in range(scene.frame_count)]
    _encode(out / "street.mp4", frames, scene, crf)
    truth = _head(scene.size) | {
        "seed": scene.seed,
        "fps": scene.fps,
        "frames": [_people(frame) for frame in frames],
    }
    _write_json(out / "street.json", truth)


def make_stills(out: Path) -> None:
    stills = []
    for number, (seed, index) in enumerate(STILLS, start=1):
        frame = Scene(seed, size=STILL_SIZE, unusual_share=0.3, crowd=(4, 6)).frame(index)
        name = f"still-{number}.jpg"
        picture = cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(out / name), picture, [cv2.IMWRITE_JPEG_QUALITY, 85])
        stills.append({"file": name, "seed": seed, "frame": index, "people": _people(frame)})
    _write_json(out / "stills.json", _head(STILL_SIZE) | {"stills": stills})


def _encode(path: Path, frames: list[Frame], scene: Scene, crf: int) -> None:
    width, height = scene.size
    group = str(int(GROUP_S * scene.fps))
    command = [
        "ffmpeg",
        "-y",
        "-loglevel",
        "error",
        "-f",
        "rawvideo",
        "-pix_fmt",
        "rgb24",
        "-s",
        f"{width}x{height}",
        "-r",
        f"{scene.fps:g}",
        "-i",
        "-",
    ]
    command += [
        "-c:v",
        "libx264",
        "-preset",
        "slow",
        "-crf",
        str(crf),
        "-pix_fmt",
        "yuv420p",
        "-threads",
        "1",
    ]
    command += [
        "-g",
        group,
        "-keyint_min",
        group,
        "-sc_threshold",
        "0",
        "-flags",
        "+cgop",
        "-movflags",
        "+faststart",
        str(path),
    ]
    pixels = b"".join(frame.image.tobytes() for frame in frames)
    subprocess.run(command, input=pixels, check=True)


def _head(size: tuple[int, int]) -> dict:
    return {
        "width": size[0],
        "height": size[1],
        "unit": 0.1,
        "keypoint_names": KEYPOINTS,
        "person": PERSON_COLUMNS,
    }


def _people(frame: Frame) -> list[list]:
    return [_person(person) for person in frame.people]


def _person(person: Person) -> list:
    visibility = "".join(str(int(seen)) for seen in person.keypoints[:, 2])
    box, keypoints = _tenths(person.box), _tenths(person.keypoints[:, :2].ravel())
    return [person.id, box, keypoints, visibility, round(person.visible, 2), person.activity, person.unusual]


def _tenths(values: np.ndarray) -> list[int]:
    return [int(round(float(value) * 10)) for value in values]


def _write_json(path: Path, value: dict) -> None:
    path.write_text(json.dumps(value, separators=(",", ":")) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write to")
    parser.add_argument("--crf", type=int, default=24, help="x264 quality, lower is better and larger")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    make_clip(options.out, options.crf)
    make_stills(options.out)


if __name__ == "__main__":
    main()
