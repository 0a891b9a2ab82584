"""Frame-level AUC on held-out scenes: `python starter/anomaly/evaluate.py`.

A window's score belongs to its middle frame, a frame's score is that of its most unusual person, frames without a score
take the most normal one, and each scene's scores are smoothed with Gaussians of 1 to 6 frames in turn. A frame counts as
unusual if somebody unusual is in it of whom at least a quarter is visible. With `--pose` the poses are those that this
network finds in the drawn frames; without it they are the true ones, spoilt as in training.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import onnxruntime
from scipy.ndimage import gaussian_filter1d
from scipy.stats import rankdata

from found import PoseNetwork, assign
from jitter import spoil
from windows import WINDOW, prepare, track_windows

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from street import Person, Scene  # noqa: E402
from street.truth import NORMAL_ACTIVITIES  # noqa: E402

MODEL = Path(__file__).resolve().parents[1] / "models" / "starter-stg-nf.onnx"
SIZE = (640, 360)
FIRST_SEED = 200_000
VISIBLE_MIN, HEIGHT_MIN = 0.25, 20.0
SMOOTHING = range(1, 7)


class SceneTruth:
    """Who is in a scene: per person the frames, the poses and what is done; per frame whether it is unusual."""

    def __init__(self, frame_count: int):
        self.unusual = np.zeros(frame_count, bool)
        self.poses: dict[int, dict[int, np.ndarray]] = defaultdict(dict)
        self.doing: dict[int, dict[int, str]] = defaultdict(dict)

    def add(self, index: int, person: Person, keypoints: np.ndarray | None) -> None:
        self.unusual[index] |= person.unusual
        self.doing[person.id][index] = person.activity
        if keypoints is not None:
            self.poses[person.id][index] = keypoints


def watch(seed: int, network: PoseNetwork | None) -> SceneTruth:
    scene = Scene(seed, size=SIZE)
    truth = SceneTruth(scene.frame_count)
    for index in range(scene.frame_count):
        if network is None:
            for person in filter(_counted, scene.people(index)):
                truth.add(index, person, person.keypoints[:, :2])
        else:
            _look(scene, index, network, truth)
    if network is None:
        _spoil_tracks(truth, np.random.default_rng(seed))
    return truth


def _look(scene: Scene, index: int, network: PoseNetwork, truth: SceneTruth) -> None:
    frame = scene.frame(index)
    people = [person for person in frame.people if _counted(person)]
    boxes, keypoints = network.find(frame.image)
    pairs = dict(
        (true, found)
        for found, true in assign(boxes, np.array([person.box for person in people]).reshape(-1, 4))
    )
    for k, person in enumerate(people):
        truth.add(index, person, keypoints[pairs[k]] if k in pairs else None)


def _counted(person: Person) -> bool:
    return person.visible >= VISIBLE_MIN and person.box[3] - person.box[1] >= HEIGHT_MIN


def _spoil_tracks(truth: SceneTruth, rng: np.random.Generator) -> None:
    for poses in truth.poses.values():
        if len(poses) > 2:
            spoilt = spoil(rng, np.array(list(poses.values()))[None], SIZE)[0]
            poses.update(zip(list(poses), spoilt))


class Judge:
    """The anomaly network: windows to unusualness, and what it was for each activity."""

    def __init__(self, path: Path):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.by_activity: dict[str, list[float]] = defaultdict(list)

    def score(self, truth: SceneTruth) -> np.ndarray:
        """Unusualness of every frame before smoothing; -inf where nobody is judged."""
        scores = np.full(len(truth.unusual), -np.inf)
        for number, poses in truth.poses.items():
            starts, windows = track_windows(
                np.array(sorted(poses)), np.array([poses[k] for k in sorted(poses)], np.float32)
            )
            if not len(starts):
                continue
            nll = self._session.run(["nll"], {"pose": prepare(windows, SIZE)})[0]
            middles = starts + WINDOW // 2
            np.maximum.at(scores, middles, nll)
            for middle, value in zip(middles, nll):
                self.by_activity[truth.doing[number].get(int(middle), "hidden")].append(float(value))
        return scores


def frame_auc(truths: list[SceneTruth], scores: list[np.ndarray]) -> float:
    lowest = min(float(one[np.isfinite(one)].min()) for one in scores if np.isfinite(one).any())
    smooth = [_smooth(np.where(np.isfinite(one), one, lowest)) for one in scores]
    return auc(np.concatenate(smooth), np.concatenate([truth.unusual for truth in truths]))


def auc(scores: np.ndarray, unusual: np.ndarray) -> float:
    """The chance that an unusual one scores above a normal one."""
    ranks, count = rankdata(scores), int(unusual.sum())
    return float((ranks[unusual].sum() - count * (count + 1) / 2) / (count * (len(unusual) - count)))


def _smooth(scores: np.ndarray) -> np.ndarray:
    for sigma in SMOOTHING:
        scores = gaussian_filter1d(scores, sigma)
    return scores


def report(judge: Judge, truths: list[SceneTruth], scores: list[np.ndarray]) -> None:
    unusual = np.concatenate([truth.unusual for truth in truths])
    print(f"frames {len(unusual)}, unusual {unusual.mean():.1%}")
    print(f"frame AUC {frame_auc(truths, scores):.4f}")
    normal = np.concatenate(
        [judge.by_activity[name] for name in NORMAL_ACTIVITIES if judge.by_activity[name]]
    )
    for name, values in sorted(judge.by_activity.items()):
        both, labels = (
            np.concatenate([normal, values]),
            np.r_[np.zeros(len(normal), bool), np.ones(len(values), bool)],
        )
        beside = "" if name in NORMAL_ACTIVITIES else f"  window AUC {auc(both, labels):.3f}"
        print(f"  {name:12} windows {len(values):6}  nll median {np.median(values):8.3f}{beside}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model", type=Path, nargs="+", default=[MODEL], help="ONNX files of the STG-NF layout"
    )
    parser.add_argument("--scenes", type=int, default=60, help=f"held-out seeds from {FIRST_SEED}")
    parser.add_argument("--pose", type=Path, help="ONNX file of the yolo-pose layout that finds the poses")
    options = parser.parse_args()
    network = PoseNetwork(options.pose) if options.pose else None
    truths = [watch(FIRST_SEED + k, network) for k in range(options.scenes)]
    for path in options.model:
        judge = Judge(path)
        print(path.name)
        report(judge, truths, [judge.score(truth) for truth in truths])


if __name__ == "__main__":
    main()
