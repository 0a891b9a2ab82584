"""Frame-level AUC on held-out scenes through the whole program: `python starter/anomaly/pipeline.py --samovar target/release/samovar`.

Each scene is drawn into a video; `samovar run anomaly --scores` decodes it, finds people, follows them, scores their movements and writes
the score of every frame. What counts as unusual, and the measure, are those of `evaluate.py`; ids, boxes and poses are the program's own.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from evaluate import FIRST_SEED, SIZE, _counted, auc

import sys

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from street import Scene  # noqa: E402

MODELS = Path(__file__).resolve().parents[1] / "models"


def draw(seed: int, path: Path) -> np.ndarray:
    """Writes the scene's video; tells which frames are unusual."""
    scene = Scene(seed, size=SIZE)
    pixels = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{SIZE[0]}x{SIZE[1]}", "-r", str(scene.fps), "-i", "-"]
    encode = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "14", "-pix_fmt", "yuv420p", str(path)]
    program = subprocess.Popen(["ffmpeg", "-v", "error", "-y", *pixels, *encode], stdin=subprocess.PIPE)
    unusual = np.zeros(scene.frame_count, bool)
    for index in range(scene.frame_count):
        frame = scene.frame(index)
        unusual[index] = any(person.unusual for person in frame.people if _counted(person))
        program.stdin.write(frame.image.tobytes())
    program.stdin.close()
    if program.wait():
        raise SystemExit("ffmpeg failed")
    return unusual


def score(options: argparse.Namespace, videos: list[Path], scores: Path) -> dict[str, np.ndarray]:
    """The score of every frame of every video, by the video's name."""
    command = [options.samovar, "run", "anomaly", *map(str, videos), "--scores", str(scores)]
    command += ["--pose", str(options.pose), "--sequence", str(options.sequence), *options.extra]
    subprocess.run(command, check=True)
    found: dict[str, list[float]] = {}
    with scores.open() as lines:
        for row in csv.DictReader(lines):
            value = row["score"]
            found.setdefault(Path(row["input"]).name, []).append(float(value) if value else -np.inf)
    return {name: np.array(values) for name, values in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samovar", type=Path, required=True, help="the program")
    parser.add_argument("--scenes", type=int, default=60, help=f"held-out seeds from {FIRST_SEED}")
    parser.add_argument("--pose", type=Path, default=MODELS / "starter-pose.onnx")
    parser.add_argument("--sequence", type=Path, default=MODELS / "starter-stg-nf.onnx")
    parser.add_argument("--videos", type=Path, help="where the drawn videos are kept for the next time")
    options, options.extra = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        place = options.videos or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        truths = {}
        for seed in range(FIRST_SEED, FIRST_SEED + options.scenes):
            video, truth = place / f"{seed}.mp4", place / f"{seed}.npy"
            if not truth.exists():
                np.save(truth, draw(seed, video))
            truths[video.name] = np.load(truth)
        found = score(options, [place / name for name in truths], Path(folder) / "scores.csv")
    lowest = min(float(one[np.isfinite(one)].min()) for one in found.values() if np.isfinite(one).any())
    scores = [np.where(np.isfinite(found[name]), found[name], lowest) for name in truths]
    unusual = np.concatenate(list(truths.values()))
    print(f"scenes {len(truths)}, frames {len(unusual)}, unusual {unusual.mean():.1%}")
    print(f"frame AUC {auc(np.concatenate(scores), unusual):.4f}")


if __name__ == "__main__":
    main()
