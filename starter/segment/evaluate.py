"""Measures the ONNX files on held-out scenes and prints the table of the model card: `python starter/segment/evaluate.py`.

All tiers are judged at the full 640×360 of the frame: it is scaled to the model's input bilinearly, the logits are scaled back bilinearly, and
the class of the largest is compared with the truth pixel by pixel. The intersection over union of a class counts over all frames.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
from network import CLASS_COUNT, MEAN, STD, TIERS, Tier, cost
from render import HEIGHT, WIDTH, frames

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from street import MASK_CLASSES, Frame  # noqa: E402

MODELS = Path(__file__).resolve().parents[1] / "models"
COLOURS = np.array([(0, 0, 0), (150, 90, 200), (60, 200, 60), (60, 120, 255), (255, 60, 60)], np.uint8)
TIMED_RUNS = 30


def main() -> None:
    arguments = parse()
    cv2.setNumThreads(1)
    truth = [frame for seed in range(arguments.first_seed, arguments.first_seed + arguments.scenes) for frame in frames(seed, arguments.frames)]
    print("| tier | input | parameters | MMACs | ms on one core | mIoU | " + " | ".join(MASK_CLASSES) + " |")
    print("|---" * (6 + CLASS_COUNT) + "|")
    for name in arguments.tier:
        model = Model(TIERS[name], arguments.models / f"starter-segment-{name}.onnx")
        overlaps = class_overlaps(model, truth)
        print(row(model, overlaps), flush=True)
        if arguments.pictures:
            save_pictures(model, truth[:: len(truth) // 4], arguments.pictures)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=MODELS, help="folder of starter-segment-TIER.onnx")
    parser.add_argument("--tier", choices=TIERS, nargs="*", default=list(TIERS))
    parser.add_argument("--first-seed", type=int, default=200_000, help="held-out scenes begin at 200000")
    parser.add_argument("--scenes", type=int, default=80)
    parser.add_argument("--frames", type=int, default=3, help="frames of each scene")
    parser.add_argument("--pictures", type=Path, help="folder for a few frames with the classes laid over")
    return parser.parse_args()


class Model:
    """One ONNX file on one core."""

    def __init__(self, tier: Tier, path: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.tier = tier
        self.path = path
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def classes(self, image: np.ndarray) -> np.ndarray:
        """RGB [h, w, 3] → class ids [h, w]."""
        logits = self.session.run(None, {"image": self.prepare(image)})[0][0]
        height, width = image.shape[:2]
        return cv2.resize(logits.transpose(1, 2, 0), (width, height), interpolation=cv2.INTER_LINEAR).argmax(2)

    def prepare(self, image: np.ndarray) -> np.ndarray:
        small = cv2.resize(image, (self.tier.width, self.tier.height), interpolation=cv2.INTER_LINEAR)
        normal = (small.astype(np.float32) / 255 - np.float32(MEAN)) / np.float32(STD)
        return np.ascontiguousarray(normal.transpose(2, 0, 1)[None])

    def milliseconds(self) -> float:
        """Of the processor, in the fastest run: what else the machine does would count otherwise. The scaling of the picture is left out."""
        image = self.prepare(np.zeros((HEIGHT, WIDTH, 3), np.uint8))
        times = []
        for _ in range(TIMED_RUNS):
            started = time.thread_time()
            self.session.run(None, {"image": image})
            times.append(time.thread_time() - started)
        return 1000 * min(times)

    def parameters(self) -> int:
        return sum(int(np.prod(weight.dims)) for weight in onnx.load(self.path).graph.initializer)


def class_overlaps(model: Model, truth: list[Frame]) -> np.ndarray:
    """Intersection over union of each class [5]."""
    counts = np.zeros((CLASS_COUNT, CLASS_COUNT), np.int64)
    for frame in truth:
        pairs = frame.mask.astype(np.int64) * CLASS_COUNT + model.classes(frame.image)
        counts += np.bincount(pairs.ravel(), minlength=CLASS_COUNT**2).reshape(CLASS_COUNT, CLASS_COUNT)
    hits = np.diag(counts)
    return hits / (counts.sum(0) + counts.sum(1) - hits)


def row(model: Model, overlaps: np.ndarray) -> str:
    tier = model.tier
    cells = [tier.name, f"{tier.width}×{tier.height}", f"{model.parameters():,}", f"{cost(tier)[1] / 1e6:.1f}",
             f"{model.milliseconds():.1f}", f"**{overlaps.mean():.3f}**", *(f"{overlap:.3f}" for overlap in overlaps)]
    return "| " + " | ".join(cells) + " |"


def save_pictures(model: Model, truth: list[Frame], folder: Path) -> None:
    """Each frame three times side by side: as it is, with the classes found, with the true ones."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, frame in enumerate(truth):
        views = [frame.image, *(frame.image // 2 + COLOURS[classes] // 2 for classes in (model.classes(frame.image), frame.mask))]
        cv2.imwrite(str(folder / f"{model.tier.name}-{index}.png"), np.hstack(views)[:, :, ::-1])


if __name__ == "__main__":
    main()
