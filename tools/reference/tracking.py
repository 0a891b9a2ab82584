"""Reference tracks: what ultralytics' ByteTrack makes of a real clip, and what motmetrics says of made-up tracks.

Writes under crates/pipelines/tests/fixtures (numbers only): byte_track.json, the people that yolov8n sees on every frame of
vtest.mp4 with the number that the reference tracker gives each (0: none), the number that it gives where a wall wanders over
the picture and hides who is behind it (-1: hidden), and, of every 20th frame, its smoothed boxes without the wall; and clear_mot.json, truth and hypotheses of small made-up scenes with the counts, MOTA and IDF1 of motmetrics.

    pip install onnxruntime ultralytics opencv-python-headless lap motmetrics
    python tools/reference/tracking.py ../shared/models
"""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import lap
import motmetrics
import numpy as np
import onnxruntime
import torch
import ultralytics
from detections import Model, ultralytics_input
from ultralytics.engine.results import Boxes
from ultralytics.trackers.byte_tracker import BYTETracker
from ultralytics.utils import YAML, ops
from ultralytics.utils.checks import check_yaml
from ultralytics.utils.nms import non_max_suppression

FIXTURES = Path(__file__).parents[2] / "crates/pipelines/tests/fixtures"
SMOOTHED_EVERY = 20
SCENES = 12
np.asfarray = lambda values: np.asarray(values, float)  # motmetrics 1.4 still asks NumPy 2 for it


def people(model, picture):
    """ultralytics' predict as its tracking calls it: confidence 0.1, overlap 0.7, persons alone; tenths of pixels, thousandths."""
    pixels = ultralytics_input(picture, rect=False)
    output = torch.from_numpy(model.run(pixels))
    found = non_max_suppression(output, conf_thres=0.1, iou_thres=0.7, nc=80, classes=[0])[0]
    found[:, :4] = ops.scale_boxes(pixels.shape[1:], found[:, :4], picture.shape[:2])
    return np.rint(found[:, :5].numpy().astype(np.float64) * [10, 10, 10, 10, 1000]).astype(int)


def tracked(tracker, rows, shape):
    """The tracker's rows for boxes that have been through the same rounding as the fixture."""
    data = np.zeros((len(rows), 6), np.float32)
    data[:, :5] = rows / [10, 10, 10, 10, 1000]
    return tracker.update(Boxes(data, shape[:2]))


def is_hidden(frame, row):
    """Whether the left edge is behind the wall: 160 pixels wide, 2 pixels a frame to the right, around and around the 480."""
    return (row[0] - 20 * frame) % 4800 < 1600


def ids_of(tracks, rows, places):
    ids = np.full((len(rows), 1), -1)
    ids[places] = 0
    for track in tracks:
        ids[places[int(track[7])]] = int(track[4])
    return ids


def follow(models):
    model = Model(models / "yolov8n/yolov8n.onnx")
    options = YAML.load(check_yaml("bytetrack.yaml"))
    tracker, walled = (BYTETracker(SimpleNamespace(**options)) for _ in range(2))
    video = cv2.VideoCapture(str(models / "media/vtest.mp4"))
    frames, smoothed = [], {}
    while True:
        there, picture = video.read()
        if not there:
            break
        rows = people(model, picture)
        tracks = tracked(tracker, rows, picture.shape)
        ids = ids_of(tracks, rows, list(range(len(rows))))
        seen = [place for place, row in enumerate(rows) if not is_hidden(len(frames), row)]
        walled_ids = ids_of(tracked(walled, rows[seen], picture.shape), rows, seen)
        if len(frames) % SMOOTHED_EVERY == 0:
            smoothed[len(frames)] = [[int(t[4]), *np.rint(t[:4].astype(np.float64) * 100).astype(int).tolist()] for t in tracks]
        frames.append(np.hstack((rows, ids, walled_ids)).tolist())
    return {"options": options, "frames": frames, "smoothed": smoothed}


def made_up(rng):
    """People on lines who cross, and finds of them that jitter, go missing, swap their numbers or are nobody."""
    count, length = int(rng.integers(2, 5)), int(rng.integers(5, 25))
    start, speed = rng.uniform(0, 100, (count, 2)), rng.uniform(-8, 8, (count, 2))
    names = list(range(1, count + 1))
    truth, found = [], []
    for frame in range(length):
        boxes = [[*(start[i] + frame * speed[i]), 20.0, 40.0] for i in range(count)]
        truth.append([[i + 1, *b] for i, b in enumerate(boxes) if rng.random() < 0.9])
        if rng.random() < 0.1:
            one, other = rng.choice(count, 2, replace=False)
            names[one], names[other] = names[other], names[one]
        if rng.random() < 0.1:
            names[int(rng.integers(count))] = max(names) + 1
        seen = [[names[i], *(np.array(b) + rng.normal(0, 2, 4))] for i, b in enumerate(boxes) if rng.random() < 0.85]
        if rng.random() < 0.2:
            seen.append([99, *rng.uniform(0, 100, 2), 20.0, 40.0])
        found.append(seen)
    return rounded(truth), rounded(found)


def rounded(frames):
    return [[[int(row[0]), *(round(float(v), 2) for v in row[1:])] for row in frame] for frame in frames]


def judged(truth, found):
    """motmetrics over boxes (x, y, width, height); pairs below an overlap of 0.5 are no matches."""
    judge = motmetrics.MOTAccumulator(auto_id=True)
    for there, seen in zip(truth, found):
        distances = motmetrics.distances.iou_matrix([r[1:] for r in there], [r[1:] for r in seen], max_iou=0.5)
        judge.update([r[0] for r in there], [r[0] for r in seen], distances)
    names = ["num_objects", "num_misses", "num_false_positives", "num_switches", "mota", "idtp", "idf1"]
    summary = motmetrics.metrics.create().compute(judge, metrics=names, name="scene")
    return {name: float(summary[name].iloc[0]) for name in names}


def score():
    rng = np.random.default_rng(11)
    cases = []
    for _ in range(SCENES):
        truth, found = made_up(rng)
        cases.append({"truth": truth, "found": found, "expected": judged(truth, found)})
    return cases


def lines(name, head, key, items):
    body = ",\n".join(json.dumps(item, separators=(",", ":")) for item in items)
    text = json.dumps(head)[:-1] + f', "{key}": [\n{body}\n]}}\n'
    FIXTURES.mkdir(parents=True, exist_ok=True)
    (FIXTURES / name).write_text(text)


def main(models):
    versions = {m.__name__: m.__version__ for m in (onnxruntime, ultralytics, cv2, lap, motmetrics)}
    lines("clear_mot.json", {"versions": versions}, "scenes", score())
    clip = follow(models)
    head = {"versions": versions, "options": clip["options"], "smoothed": clip["smoothed"]}
    lines("byte_track.json", head, "frames", clip["frames"])
    rows = [row for frame in clip["frames"] for row in frame]
    print(f"{len(clip['frames'])} frames, {len(rows)} boxes, {sum(r[5] > 0 for r in rows)} tracked, {len({r[5] for r in rows})} ids, {len({r[6] for r in rows})} with the wall")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/models"))
