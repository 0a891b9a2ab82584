"""Reference poses: whom and which key points ultralytics' own code finds on the test pictures and on the starter's stills.

Writes crates/models/tests/fixtures/poses.json (numbers only): LetterBox, suppression, scale_boxes and scale_coords are
ultralytics'; the models run in ONNX Runtime. For one picture it holds what the model gave for the anchors that matter, so that decoding
can be compared without decoder and scaler. Key points are clipped to the picture, as ultralytics does it.

    pip install onnxruntime ultralytics opencv-python-headless
    python tools/reference/poses.py ../shared/models
"""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import torch
import ultralytics
from ultralytics.data.augment import LetterBox
from ultralytics.utils import ops
from ultralytics.utils.nms import non_max_suppression

SCORE_MIN = 0.25
ROOT = Path(__file__).parents[2]
OUT = ROOT / "crates/models/tests/fixtures/poses.json"
REPLAYED = "shared:media/pose/000000000113.jpg"
RUNS = [
    (
        "shared:yolov8n-pose/yolov8n-pose.onnx",
        ["bus.jpg", "zidane.jpg", "two_people.jpg", "pose/000000000110.jpg", "pose/000000000113.jpg"],
    ),
    ("starter:models/starter-pose.onnx", ["still-1.jpg", "still-2.jpg", "still-3.jpg"]),
]


class Model:
    def __init__(self, path):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.size = tuple(self.session.get_inputs()[0].shape[2:])

    def find(self, picture):
        boxed = LetterBox(self.size, auto=False, stride=32)(image=picture)
        pixels = np.ascontiguousarray(boxed[..., ::-1].transpose(2, 0, 1)).astype(np.float32) / 255
        self.output = self.session.run(None, {self.session.get_inputs()[0].name: pixels[None]})[0]
        found = non_max_suppression(torch.from_numpy(self.output), conf_thres=SCORE_MIN, iou_thres=0.7, nc=1)[0]
        found[:, :4] = ops.scale_boxes(self.size, found[:, :4], picture.shape[:2])
        points = ops.scale_coords(self.size, found[:, 6:].view(len(found), 17, 3), picture.shape[:2])
        return [person(row, point) for row, point in zip(found.numpy(), points.numpy())]


def person(row, points):
    box = [round(float(value), 2) for value in row[:4]]
    points = [[round(float(x), 2), round(float(y), 2), round(float(score), 4)] for x, y, score in points]
    return {"bbox": box, "score": round(float(row[4]), 4), "keypoints": points}


def sparse(output):
    """The anchors that matter, as [anchor, 56 values]; everything left out is far below the threshold."""
    rows = output[0].T
    anchors = np.nonzero(rows[:, 4] > SCORE_MIN / 2)[0]
    anchors = [[int(anchor), [float(f"{value:.7g}") for value in rows[anchor]]] for anchor in anchors]
    return {"shape": list(output[0].shape), "anchors": anchors}


def main(shared):
    folders = {"shared": (shared, "media"), "starter": (ROOT / "starter", "samples")}
    cases = []
    for name, pictures in RUNS:
        folder, (root, media) = name.split(":")[0], folders[name.split(":")[0]]
        model = Model(root / name.split(":")[1])
        for file in pictures:
            picture = cv2.imread(str(root / media / file))
            size = {"width": picture.shape[1], "height": picture.shape[0]}
            case = {"model": name, "picture": f"{folder}:{media}/{file}", **size, "found": model.find(picture)}
            if case["picture"] == REPLAYED:
                case["output"] = sparse(model.output)
            cases.append(case)
    versions = {m.__name__: m.__version__ for m in (onnxruntime, ultralytics, cv2)}
    lines = ",\n".join("    " + json.dumps(case) for case in cases)
    head = f'  "versions": {json.dumps(versions)},\n  "score_min": {SCORE_MIN},\n'
    OUT.write_text(f'{{\n{head}  "cases": [\n{lines}\n  ]\n}}\n')
    print(f"{len(cases)} cases, {sum(len(case['found']) for case in cases)} people")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/models"))
