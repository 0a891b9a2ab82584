#!/usr/bin/env python3
"""What people run today, to be measured beside `samovar run detect`: YOLOv8 over a video, by hand, in Python.

    pip install opencv-python-headless numpy onnxruntime openvino ultralytics
    tools/baseline/video.py MODEL.onnx VIDEO [--engine onnxruntime|ultralytics|openvino] [--frames N] [--json]

`onnxruntime` is the usual loop: read a frame, prepare it, run, suppress, one after the other on all cores. `ultralytics` is
`YOLO(model).predict(video, stream=True)`. `openvino` is the best that a skilled user writes: bf16 where the CPU has it, two
asynchronous requests, OpenCV's own threads off. Prints frames per second without loading, CPU time, peak memory, and the number of
detections, so that all sides can be seen to do the same work. `samovar bench video --python PYTHON` runs it beside Samovar.
"""

import argparse
import json
import resource
import time

import cv2
import numpy as np

SIDE, SCORE_MIN, IOU_MAX = 640, 0.25, 0.7


def prepare(frame):
    height, width = frame.shape[:2]
    scale = min(SIDE / height, SIDE / width)
    size = round(width * scale), round(height * scale)
    canvas = np.full((SIDE, SIDE, 3), 114, np.uint8)
    top, left = round((SIDE - size[1]) / 2 - 0.1), round((SIDE - size[0]) / 2 - 0.1)
    canvas[top : top + size[1], left : left + size[0]] = cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR)
    return cv2.dnn.blobFromImage(canvas, 1 / 255, swapRB=True)


def finish(output):
    """Counts the boxes of one picture that survive class-aware suppression."""
    output = output[0]
    scores = output[4:].max(axis=0)
    keep = scores > SCORE_MIN
    if not keep.any():
        return 0
    classes, scores = output[4:, keep].argmax(axis=0), scores[keep]
    centre_x, centre_y, width, height = output[:4, keep]
    boxes = np.stack([centre_x - width / 2, centre_y - height / 2, width, height], axis=1)
    return len(cv2.dnn.NMSBoxesBatched(boxes.tolist(), scores.tolist(), classes.tolist(), SCORE_MIN, IOU_MAX))


def frames(path, limit):
    video = cv2.VideoCapture(path)
    for _ in range(limit):
        read, frame = video.read()
        if not read:
            return
        yield frame


def onnxruntime_loop(model):
    import onnxruntime

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def run(source):
        counts = [finish(session.run(None, {name: prepare(frame)})[0]) for frame in source]
        return len(counts), sum(counts)

    return run


def openvino_loop(model):
    import openvino

    core = openvino.Core()
    network = core.read_model(model)
    network.reshape([1, 3, SIDE, SIDE])
    settings = {"PERFORMANCE_HINT": "THROUGHPUT", "NUM_STREAMS": "2", "INFERENCE_PRECISION_HINT": "bf16"}
    queue = openvino.AsyncInferQueue(core.compile_model(network, "CPU", settings), 2)
    counts = []
    queue.set_callback(lambda request, _: counts.append(finish(request.get_output_tensor(0).data)))

    def run(source):
        counts.clear()
        for frame in source:
            queue.start_async({0: prepare(frame)})
        queue.wait_all()
        return len(counts), sum(counts)

    return run


def ultralytics_loop(model):
    from ultralytics import YOLO

    network = YOLO(model, task="detect")

    def run(source, stop):
        count = found = 0
        options = {"conf": SCORE_MIN, "iou": IOU_MAX, "imgsz": SIDE, "rect": False, "verbose": False}
        for result in network.predict(source, stream=True, **options):
            count, found = count + 1, found + len(result.boxes)
            if count == stop:
                break
        return count, found

    return run


LOOPS = {"onnxruntime": onnxruntime_loop, "openvino": openvino_loop}


def load(engine, model, video):
    """Loads the model; the answer takes a number of frames, and gives how many were looked at and what was found."""
    if engine == "openvino":
        cv2.setNumThreads(1)
    if engine == "ultralytics":
        run = ultralytics_loop(model)
        return lambda limit: run(video, limit)
    run = LOOPS[engine](model)
    return lambda limit: run(frames(video, limit))


def cpu_s():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("video")
    parser.add_argument("--engine", choices=[*LOOPS, "ultralytics"], default="onnxruntime")
    parser.add_argument("--frames", type=int, default=1 << 30)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    began = time.perf_counter()
    run = load(arguments.engine, arguments.model, arguments.video)
    run(5)
    started, cpu_before = time.perf_counter(), cpu_s()
    count, found = run(arguments.frames)
    took = time.perf_counter() - started
    figures = {
        "engine": arguments.engine,
        "frames": count,
        "seconds": took,
        "cpu_s": cpu_s() - cpu_before,
        "detections": found,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "load_s": started - began,
    }
    if arguments.json:
        print(json.dumps(figures))
        return
    peak_mb = figures["peak_bytes"] / 1e6
    print(f"{arguments.engine}: {count} frames, {count / took:.1f} a second, {found} detections, peak {peak_mb:.0f} MB")


if __name__ == "__main__":
    main()
