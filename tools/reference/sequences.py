"""Reference scores of pose sequences: windows of poses, what STG-NF's preparation makes of them, and what two networks say.

Writes crates/models/tests/fixtures/sequences.json (numbers only). The windows: people of a real video, found by
yolov8n-pose; the same turned until they lie, jittered, of another frame size. The preparation is written here from the
paper's published code, once dividing by 856x480 as it does and once by the frame's own size; the networks run in ONNX Runtime.

    pip install onnxruntime ultralytics opencv-python-headless
    python tools/reference/sequences.py ../shared/models
"""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

from poses import Model as PoseModel

ROOT = Path(__file__).parents[2]
OUT = ROOT / "crates/models/tests/fixtures/sequences.json"
PUBLISHED = (856, 480)
ORDER = [0, 17, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3]
NETWORKS = {"shared:stg-nf/stg_nf_shanghaitech.onnx": "shared", "starter:models/starter-stg-nf.onnx": "starter"}
WINDOW = 24


def prepared(points, divide_by):
    """Points [24, 17, 2] in pixels to [2, 24, 18]."""
    neck = (points[:, 5:6] + points[:, 6:7]) / 2
    joints = np.concatenate([points, neck], axis=1)[:, ORDER] / np.array(divide_by, np.float64)
    joints -= joints.mean(axis=(0, 1))
    return (joints / joints[..., 1].std()).transpose(2, 0, 1).astype(np.float32)


def tracked(model, video):
    """Runs of 24 consecutive frames with exactly one person in them, far apart."""
    capture, run, runs, index = cv2.VideoCapture(str(video)), [], [], 0
    while len(runs) < 3:
        ok, frame = capture.read()
        assert ok, "the video has three such runs"
        people = [p for p in model.find(frame) if p["score"] > 0.5] if index % 200 < 120 else []
        run = run + [np.array(people[0]["keypoints"])[:, :2]] if len(people) == 1 else []
        if len(run) == WINDOW:
            runs.append(np.array(run))
            run, index = [], index + 150
            for _ in range(150):
                capture.grab()
        index += 1
    return runs, (frame.shape[1], frame.shape[0])


def windows(model, video):
    runs, size = tracked(model, video)
    for name, run in zip(("first", "second", "third"), runs):
        yield f"{name} person", size, run
    centre = runs[0].mean(axis=(0, 1))
    yield "first person, lying", size, (runs[0] - centre)[..., ::-1] * [1, -1] + centre
    yield "second person, jittered", size, runs[1] + np.random.default_rng(5).normal(0, 8, runs[1].shape)
    # 856x480 and twice that: here the published numbers and the frame's own size must say the same.
    yield "third person, published size", PUBLISHED, runs[2] * (np.array(PUBLISHED) / size)
    yield "third person, twice the published size", (1712, 960), runs[2] * (np.array([1712, 960]) / size)
    yield "third person, upright frame", (480, 856), runs[2] * [0.5, 1.0]


def main(shared):
    roots = {"shared": shared, "starter": ROOT / "starter"}
    networks = {
        name: onnxruntime.InferenceSession(str(roots[root] / name.split(":")[1]), providers=["CPUExecutionProvider"])
        for name, root in NETWORKS.items()
    }
    cases = []
    video = shared / "media/one-by-one-person-detection.mp4"
    for name, size, points in windows(PoseModel(shared / "yolov8n-pose/yolov8n-pose.onnx"), video):
        points = np.round(points, 2)
        window = prepared(points, size)
        if size[0] * PUBLISHED[1] == size[1] * PUBLISHED[0]:
            assert np.abs(window - prepared(points, PUBLISHED)).max() < 1e-6
        scores = {key: round(float(net.run(["nll"], {"pose": window[None]})[0][0]), 6) for key, net in networks.items()}
        case = {"name": name, "size": size, "points": points.reshape(-1).tolist(), "nll": scores}
        if name in ("first person", "third person, upright frame"):
            case["prepared"] = [float(f"{value:.7g}") for value in window.reshape(-1)]
        cases.append(case)
        print(name, size, scores)
    versions = {m.__name__: m.__version__ for m in (onnxruntime, np)}
    lines = ",\n".join("    " + json.dumps(case) for case in cases)
    OUT.write_text(f'{{\n  "versions": {json.dumps(versions)},\n  "cases": [\n{lines}\n  ]\n}}\n')


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/models"))
