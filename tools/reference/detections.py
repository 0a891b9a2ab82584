"""Reference detections: what the models' own reference code finds on the test pictures.

Writes crates/models/tests/fixtures/detections.json and outputs.json (numbers only); the second holds, for one picture, what
the models gave and what the reference made of it, so that decoding can be compared without decoder and scaler. yolov8 goes through ultralytics' own LetterBox, suppression
and scale_boxes; yolov5 and YOLOX through the rules that their repositories describe, written here anew; every model runs
in ONNX Runtime in f32 (f16 where the file is f16).

    pip install onnxruntime ultralytics opencv-python-headless
    python tools/reference/detections.py ../shared/models
"""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import torch
import torchvision
import ultralytics
from ultralytics.data.augment import LetterBox
from ultralytics.utils import ops
from ultralytics.utils.nms import non_max_suppression

SCORE_MIN = 0.25
FIXTURES = Path(__file__).parents[2] / "crates/models/tests/fixtures"
REPLAYED = "pose/000000000110.jpg"
STILLS = ["bus.jpg", "zidane.jpg", "two_people.jpg", "pose/000000000110.jpg", "pose/000000000113.jpg"]
RECTANGLES = [(384, 640), (480, 640), (640, 384), (640, 480), (640, 640)]
VIDEO_FRAMES = [198, 397, 596]


class Model:
    def __init__(self, path):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.input = self.session.get_inputs()[0]

    def run(self, pixels):
        self.output = self.session.run(None, {self.input.name: pixels[None]})[0]
        return self.output


def ultralytics_input(picture, rect):
    boxed = LetterBox(rectangle(picture) if rect else (640, 640), auto=False, stride=32)(image=picture)
    return np.ascontiguousarray(boxed[..., ::-1].transpose(2, 0, 1)).astype(np.float32) / 255


def rectangle(picture):
    """The smallest (height, width) in use that holds ultralytics' own rectangle, and is it where that is in use."""
    own = LetterBox((640, 640), auto=True, stride=32)(image=picture).shape[:2]
    holding = [size for size in RECTANGLES if size[0] >= own[0] and size[1] >= own[1]]
    chosen = min(holding, key=lambda size: size[0] * size[1])
    assert chosen == own or own not in RECTANGLES
    return chosen


def yolov8(model, picture, rect, classes):
    """ultralytics' predict: confidence 0.25, overlap 0.7."""
    pixels = ultralytics_input(picture, rect)
    output = torch.from_numpy(model.run(pixels))
    found = non_max_suppression(output, conf_thres=SCORE_MIN, iou_thres=0.7, nc=classes)[0]
    found[:, :4] = ops.scale_boxes(pixels.shape[1:], found[:, :4], picture.shape[:2])
    return found[:, :6].numpy()


def yolov5(model, picture):
    """yolov5's detect.py: objectness times class score, confidence 0.25, overlap 0.45 within each class."""
    pixels = ultralytics_input(picture, rect=False).astype(np.float16)
    output = model.run(pixels)[0].astype(np.float32)
    output = output[output[:, 4] > SCORE_MIN]
    scores = output[:, 5:] * output[:, 4:5]
    best = scores.argmax(1)
    score = scores.max(1)
    found = suppressed(corners(output[:, :4]), score, best, overlap=0.45)
    boxes = torch.from_numpy(found[:, :4].copy())
    found[:, :4] = ops.scale_boxes(pixels.shape[1:], boxes, picture.shape[:2]).numpy()
    return found


def yolox(model, picture):
    """Megvii's ONNX demo: picture at the top left of grey 114, BGR 0-255; overlap 0.45, here within each class."""
    height, width = model.input.shape[2:]
    ratio = min(height / picture.shape[0], width / picture.shape[1])
    small = cv2.resize(picture, (int(picture.shape[1] * ratio), int(picture.shape[0] * ratio)), interpolation=cv2.INTER_LINEAR)
    pixels = np.full((height, width, 3), 114, np.uint8)
    pixels[: small.shape[0], : small.shape[1]] = small
    output = model.run(pixels.transpose(2, 0, 1).astype(np.float32))[0]
    output = decoded(output, height, width)
    scores = output[:, 4:5] * output[:, 5:]
    found = suppressed(corners(output[:, :4]) / ratio, scores.max(1), scores.argmax(1), overlap=0.45)
    found[:, [0, 2]] = found[:, [0, 2]].clip(0, picture.shape[1])
    found[:, [1, 3]] = found[:, [1, 3]].clip(0, picture.shape[0])
    return found


def decoded(output, height, width):
    """Offsets and logarithms of sizes in cells of 8, 16 and 32 pixels, row by row, to centres and sizes in pixels."""
    grids, strides = [], []
    for stride in (8, 16, 32):
        across, down = np.meshgrid(np.arange(width // stride), np.arange(height // stride))
        grids.append(np.stack((across, down), 2).reshape(-1, 2))
        strides.append(np.full((grids[-1].shape[0], 1), stride))
    grids, strides = np.concatenate(grids), np.concatenate(strides)
    output = output.copy()
    output[:, :2] = (output[:, :2] + grids) * strides
    output[:, 2:4] = np.exp(output[:, 2:4]) * strides
    return output


def corners(boxes):
    centre, size = boxes[:, :2], boxes[:, 2:4]
    return np.concatenate((centre - size / 2, centre + size / 2), 1)


def suppressed(boxes, scores, classes, overlap):
    """Boxes above the threshold, best first, suppressed within each class."""
    above = scores > SCORE_MIN
    boxes, scores, classes = boxes[above], scores[above], classes[above]
    kept = torchvision.ops.batched_nms(
        torch.from_numpy(boxes), torch.from_numpy(scores), torch.from_numpy(classes), overlap
    ).numpy()
    return np.concatenate((boxes[kept], scores[kept, None], classes[kept, None].astype(np.float32)), 1)


RUNS = [
    ("yolov8n/yolov8n.onnx", lambda model, picture: yolov8(model, picture, False, 80)),
    ("yolov8n/yolov8n_dyn.onnx", lambda model, picture: yolov8(model, picture, True, 80)),
    ("yolov8n/yolov8n_int8_dynquant.onnx", lambda model, picture: yolov8(model, picture, False, 80)),
    ("yolov8n-pose/yolov8n-pose.onnx", lambda model, picture: yolov8(model, picture, False, 1)),
    ("yolov5n/yolov5n_fp16.onnx", yolov5),
    ("yolox-nano/yolox_nano.onnx", yolox),
    ("yolox-nano/yolox_nano_dynbatch.onnx", yolox),
]


def pictures(media):
    for name in STILLS:
        yield {"media": name}, cv2.imread(str(media / name))
    video = cv2.VideoCapture(str(media / "vtest.mp4"))
    for index in range(max(VIDEO_FRAMES) + 1):
        _, frame = video.read()
        if index in VIDEO_FRAMES:
            yield {"media": "vtest.mp4", "frame": index}, frame


def sparse(output):
    """The anchors that matter, as [anchor, box values …, [class, score] …]; everything left out is far below the threshold."""
    output = output[0].astype(np.float64)
    before = 4 if output.shape[0] < output.shape[1] else 5
    rows = output.T if before == 4 else output
    scores = rows[:, before:].max(1) * (1 if before == 4 else rows[:, 4])
    lines = []
    for anchor in np.nonzero(scores > SCORE_MIN / 2)[0]:
        row = [float(f"{value:.7g}") for value in rows[anchor]]
        classes = [[index, score] for index, score in enumerate(row[before:]) if score > 0.01]
        lines.append([int(anchor), row[:before], classes])
    return {"shape": list(output.shape), "anchors": lines}


def rounded(found):
    return [[round(float(v), 2) for v in row[:4]] + [round(float(row[4]), 4), int(row[5])] for row in found]


def main(models):
    versions = {m.__name__: m.__version__ for m in (onnxruntime, ultralytics, torchvision, cv2)}
    shown = list(pictures(models / "media"))
    cases, outputs = [], []
    for name, run in RUNS:
        model = Model(models / name)
        for source, picture in shown:
            size = {"width": picture.shape[1], "height": picture.shape[0]}
            case = {"model": name, **source, **size, "found": rounded(run(model, picture))}
            cases.append(case)
            if source == {"media": REPLAYED} and "pose" not in name:
                outputs.append({**case, "output": sparse(model.output)})
    write("detections.json", versions, cases)
    write("outputs.json", versions, outputs)
    print(f"{len(cases)} cases, {sum(len(case['found']) for case in cases)} boxes")


def write(name, versions, cases):
    lines = ",\n".join("    " + json.dumps(case) for case in cases)
    text = f'{{\n  "versions": {json.dumps(versions)},\n  "score_min": {SCORE_MIN},\n  "cases": [\n{lines}\n  ]\n}}\n'
    (FIXTURES / name).write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/models"))
