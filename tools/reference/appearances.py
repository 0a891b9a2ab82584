"""Reference appearances: what OSNet says of people in pictures, and how alike they are.

Writes crates/models/tests/fixtures/appearances.json (numbers only). A crop is resized by OpenCV (INTER_LINEAR) to 256x128 and
normalised as for ImageNet, as torchreid's models want it; the network runs in ONNX Runtime. Boxes are yolov8n's, rounded to even pixels, so that
nobody's rounding matters. Frames of the video come from ffmpeg as YUV; the three planes of a crop are resized each, then become RGB. Of the stills it holds the vectors, of two frames of a video how alike everybody is.

    pip install onnxruntime ultralytics opencv-python-headless
    python tools/reference/appearances.py ../shared/models
"""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

from detections import Model as Detector
from detections import yolov8

OUT = Path(__file__).parents[2] / "crates/models/tests/fixtures/appearances.json"
MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
STILLS = ["bus.jpg", "zidane.jpg", "two_people.jpg"]
FRAMES = (300, 310)


def people(detector, picture, score_min=0.5):
    found = yolov8(detector, picture, False, 80)
    boxes = found[(found[:, 5] == 0) & (found[:, 4] > score_min), :4]
    size = np.array([picture.shape[1], picture.shape[0]] * 2)
    return np.minimum((boxes / 2).round().astype(int) * 2, size // 2 * 2).tolist()


def resized(plane):
    return cv2.resize(plane, (128, 256), interpolation=cv2.INTER_LINEAR)


def vectors(network, crops):
    """Crops are RGB, 0 to 1, [256, 128, 3]."""
    rows = [((crop - MEAN) / STD).transpose(2, 0, 1).astype(np.float32) for crop in crops]
    found = np.concatenate([network.run(None, {"images": row[None]})[0] for row in rows])
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def still_crops(picture, boxes):
    return [resized(picture[y1:y2, x1:x2])[..., ::-1] / 255 for x1, y1, x2, y2 in boxes]


SIZE = (480, 360)


def planes(video, index):
    """Luma, blue and red difference as floats, the latter two at half the size."""
    command = ["ffmpeg", "-v", "error", "-i", str(video), "-vf", f"select=eq(n\\,{index})", "-frames:v", "1"]
    raw = subprocess.run([*command, "-f", "rawvideo", "-pix_fmt", "yuv420p", "-"], capture_output=True, check=True).stdout
    width, height = SIZE
    samples = np.frombuffer(raw, np.uint8).astype(np.float32)
    luma, chroma = samples[: width * height], samples[width * height :]
    return luma.reshape(height, width), *chroma.reshape(2, height // 2, width // 2)


def rgb(luma, blue, red):
    """BT.709, limited range, as the file says; 0 to 1."""
    luma, blue, red = (luma - 16) / 219, (blue - 128) / 224, (red - 128) / 224
    mixed = (luma + 1.5748 * red, luma - 0.187324 * blue - 0.468124 * red, luma + 1.8556 * blue)
    return np.clip(np.stack(mixed, -1), 0, 1)


def video_crops(planes, boxes):
    crops = []
    for x1, y1, x2, y2 in boxes:
        luma, *chroma = planes
        halves = [half[y1 // 2 : (y2 + 1) // 2, x1 // 2 : (x2 + 1) // 2] for half in chroma]
        crops.append(rgb(*(resized(plane) for plane in (luma[y1:y2, x1:x2], *halves))))
    return crops


def whole(planes):
    """The frame for the detector."""
    luma, *chroma = planes
    halves = (cv2.resize(half, SIZE, interpolation=cv2.INTER_LINEAR) for half in chroma)
    return (rgb(luma, *halves)[..., ::-1] * 255).round().astype(np.uint8)


def main(shared):
    detector = Detector(shared / "yolov8n/yolov8n.onnx")
    network = onnxruntime.InferenceSession(
        str(shared / "osnet-x0.25/osnet_x0_25_msmt17.onnx"), providers=["CPUExecutionProvider"]
    )
    stills = []
    for name in STILLS:
        picture = cv2.imread(str(shared / "media" / name))
        boxes = people(detector, picture)
        stills.append({"media": name, "boxes": boxes, "vectors": np.round(vectors(network, still_crops(picture, boxes)), 4).tolist()})
    kept = {index: planes(shared / "media/vtest.mp4", index) for index in FRAMES}
    boxes = {index: people(detector, whole(kept[index]), 0.25) for index in FRAMES}
    one, other = (vectors(network, video_crops(kept[index], boxes[index])) for index in FRAMES)
    video = {"media": "vtest.mp4", "frames": FRAMES, "boxes": [boxes[index] for index in FRAMES]}
    video["similarity"] = np.round(one @ other.T, 4).tolist()
    print(*(f"{len(still['boxes'])} people in {still['media']}" for still in stills), sep=", ")
    print(np.round(one @ other.T, 2))
    versions = {m.__name__: m.__version__ for m in (onnxruntime, cv2)}
    lines = ",\n".join("    " + json.dumps(still) for still in stills)
    head = f'  "versions": {json.dumps(versions)},\n  "video": {json.dumps(video)},\n'
    OUT.write_text(f'{{\n{head}  "stills": [\n{lines}\n  ]\n}}\n')


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/models"))
