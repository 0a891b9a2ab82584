"""Reference faces: what OpenCV's FaceDetectorYN finds, how faces are brought upright, and what a small network says of them.

Writes crates/models/tests/fixtures/faces.json (numbers only), face_random.onnx and yunet_random.onnx. Pictures are laid into 640x640 as Samovar does (scaled down
by INTER_LINEAR where they are larger, at the top left of black) before FaceDetectorYN gets them. The similarity is Umeyama's by its
own formula (singular values), the warp cv2.warpAffine; both on a picture that is drawn by formula, so that no picture of the test set is told.
The embedding network is random, of ArcFace's layout. So is yunet_random.onnx, which has
YuNet's outputs and takes any size: FaceDetectorYN runs it on the rectangle that Samovar chooses.

    pip install onnx onnxruntime opencv-python-headless
    python tools/reference/faces.py ../shared/models
"""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

OUT = Path(__file__).parents[2] / "crates/models/tests/fixtures"
STILLS = ["zidane.jpg", "bus.jpg", "two_people.jpg"]
SIDE, SCORE_MIN, IOU_MAX, TOP_K = 640, 0.7, 0.3, 5000
# OpenCV suppresses boxes of whole pixels, which says nothing of boxes of some eight pixels: here nothing is suppressed.
ANY_SCORE_MIN, ANY_IOU_MAX = 0.95, 1.0
# arcface_dst of InsightFace, for 112x112.
TEMPLATE = np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]])


def detector(model, size):
    return cv2.FaceDetectorYN.create(str(model), "", size, SCORE_MIN, IOU_MAX, TOP_K)


def letterboxed(picture):
    height, width = picture.shape[:2]
    scale = min(1.0, SIDE / width, SIDE / height)
    size = (int(width * scale), int(height * scale))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR) if scale < 1 else picture
    return cv2.copyMakeBorder(small, 0, SIDE - size[1], 0, SIDE - size[0], cv2.BORDER_CONSTANT), scale


def faces(found, scale, shape):
    """Rows of x, y, w, h, five points and score: as edges clipped to the picture, points, score."""
    listed = []
    for row in [] if found is None else found:
        x, y, width, height = row[:4] / scale
        edges = np.clip([x, y, x + width, y + height], 0, [shape[1], shape[0]] * 2)
        points = (row[4:14] / scale).reshape(5, 2)
        listed.append({"box": np.round(edges, 3).tolist(), "points": np.round(points, 3).tolist(), "score": round(float(row[14]), 6)})
    return sorted(listed, key=lambda face: -face["score"])


def still(model, path):
    picture = cv2.imread(str(path))
    boxed, scale = letterboxed(picture)
    found = faces(detector(model, (SIDE, SIDE)).detect(boxed)[1], scale, picture.shape)
    whole = faces(detector(model, picture.shape[1::-1]).detect(picture)[1], 1, picture.shape)
    print(path.name, [face["score"] for face in found], "at its own size", [face["score"] for face in whole])
    return {"media": path.name, "faces": found, "whole": whole}


def umeyama(source, target):
    """Umeyama 1991, equations 34 to 43."""
    source_mean, target_mean = source.mean(0), target.mean(0)
    covariance = (target - target_mean).T @ (source - source_mean) / len(source)
    left, singular, right = np.linalg.svd(covariance)
    sign = np.diag([1, np.sign(np.linalg.det(left) * np.linalg.det(right))])
    scale = np.trace(np.diag(singular) @ sign) / source.var(0).sum()
    turn = scale * left @ sign @ right
    return np.column_stack([turn, target_mean - turn @ source_mean])


def drawn(width, height):
    """Waves of another length in each channel, RGB."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    waves = [128 + 60 * np.sin(x / (7 + c)) + 60 * np.cos(y / (9 - c) + x * y / 9000) for c in range(3)]
    return np.floor(np.stack(waves, -1)).astype(np.uint8)


# As found in pictures: upright, turned a lot, mirrored, over the edge, tiny and huge.
LANDMARKS = [
    [[120, 90], [180, 92], [152, 130], [128, 160], [176, 161]],
    [[200.5, 60.2], [230.1, 110.7], [190.3, 110.2], [160.8, 100.1], [185.6, 140.4]],
    [[180, 92], [120, 90], [152, 130], [176, 161], [128, 160]],
    [[-10, 20], [30, 15], [8, 40], [-4, 62], [28, 60]],
    [[100, 100], [108, 100.5], [104, 105], [101, 109], [107.5, 109]],
    [[40, 30], [280, 50], [150, 130], [60, 200], [250, 215]],
]
DRAWN = (320, 240)


def crops():
    picture = drawn(*DRAWN)
    for points in LANDMARKS:
        matrix = umeyama(np.array(points, float), TEMPLATE)
        yield points, matrix, cv2.warpAffine(picture, matrix, (112, 112), flags=cv2.INTER_LINEAR, borderValue=0)


def plain(stride):
    """Not every engine takes the defaults of a convolution as said."""
    return {"strides": [stride] * 2, "dilations": [1, 1], "pads": [0] * 4, "kernel_shape": [stride] * 2}


def any_size():
    """Means of each cell, mixed into its sixteen values."""
    chance = np.random.default_rng(5)
    nodes, outputs, weights = [], [], [numpy_helper.from_array(np.array([0, -1, 16], np.int64), "rows")]
    weights.append(numpy_helper.from_array(np.array([1, 1, 4, 10], np.int64), "parts"))
    for stride in (8, 16, 32):
        mix = chance.normal(0, 0.004, (16, 3, 1, 1))
        mix[:2] = 2 * np.abs(mix[:2])
        weights.append(numpy_helper.from_array(mix.astype(np.float32), f"mix_{stride}"))
        parts = [f"raw_cls_{stride}", f"raw_obj_{stride}", f"bbox_{stride}", f"kps_{stride}"]
        nodes += [
            helper.make_node("AveragePool", ["input"], [f"mean_{stride}"], kernel_shape=[stride] * 2, strides=[stride] * 2, pads=[0] * 4),
            helper.make_node("Conv", [f"mean_{stride}", f"mix_{stride}"], [f"mixed_{stride}"], **plain(1)),
            helper.make_node("Transpose", [f"mixed_{stride}"], [f"last_{stride}"], perm=[0, 2, 3, 1]),
            helper.make_node("Reshape", [f"last_{stride}", "rows"], [f"flat_{stride}"]),
            helper.make_node("Split", [f"flat_{stride}", "parts"], parts, axis=2),
            helper.make_node("Sigmoid", parts[:1], [f"cls_{stride}"]),
            helper.make_node("Sigmoid", parts[1:2], [f"obj_{stride}"]),
        ]
    value = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    for name, values in [("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)]:
        outputs += [value(f"{name}_{stride}", ["batch", f"cells_{stride}", values]) for stride in (8, 16, 32)]
    graph = helper.make_graph(nodes, "faces", [value("input", ["batch", 3, "height", "width"])], outputs, weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), OUT / "yunet_random.onnx")


# Sizes of drawn pictures, and the rectangles that they run in.
ANY = [((320, 240), (640, 480)), ((200, 360), (384, 640))]


def at_any_size():
    any_size()
    for (width, height), size in ANY:
        picture = drawn(width, height)[..., ::-1]
        boxed = cv2.copyMakeBorder(picture, 0, size[1] - height, 0, size[0] - width, cv2.BORDER_CONSTANT)
        finder = cv2.FaceDetectorYN.create(str(OUT / "yunet_random.onnx"), "", size, ANY_SCORE_MIN, ANY_IOU_MAX, TOP_K)
        found = faces(finder.detect(boxed)[1], 1, (height, width))
        # What lies in the padding alone is none of the picture's.
        found = [face for face in found if face["box"][0] < face["box"][2] and face["box"][1] < face["box"][3]]
        print((width, height), size, len(found), [face["score"] for face in found[:4]])
        yield {"size": [width, height], "input": size, "score_min": ANY_SCORE_MIN, "iou_max": ANY_IOU_MAX, "faces": found}


def network():
    """Convolution and one matrix: every part of the crop moves the vector."""
    chance = np.random.default_rng(7)
    tensor = lambda name, shape, scale: numpy_helper.from_array((chance.normal(0, scale, shape)).astype(np.float32), name)
    weights = [tensor("kernel", (4, 3, 16, 16), 0.05), tensor("matrix", (4 * 7 * 7, 128), 0.1)]
    nodes = [
        helper.make_node("Conv", ["input", "kernel"], ["cells"], **plain(16)),
        helper.make_node("Tanh", ["cells"], ["bent"]),
        helper.make_node("Flatten", ["bent"], ["flat"]),
        helper.make_node("MatMul", ["flat", "matrix"], ["embedding"]),
    ]
    value = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    graph = helper.make_graph(
        nodes, "face", [value("input", ["batch", 3, 112, 112])], [value("embedding", ["batch", 128])], weights
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), OUT / "face_random.onnx")


def aligned():
    network()
    session = onnxruntime.InferenceSession(OUT / "face_random.onnx", providers=["CPUExecutionProvider"])
    cases = []
    for points, matrix, crop in crops():
        row = ((crop.astype(np.float32) - 127.5) / 127.5).transpose(2, 0, 1)[None]
        vector = session.run(None, {"input": row})[0][0]
        unit = vector / np.linalg.norm(vector)
        sampled = crop[3::7, 3::7].reshape(-1, 3)
        cases.append({
            "points": points, "matrix": matrix.round(9).tolist(), "pixels": sampled.tolist(), "vector": unit.round(6).tolist(),
        })
    return cases


def main():
    shared = Path(sys.argv[1])
    model = shared / "yunet/face_detection_yunet_2023mar.onnx"
    stills = [still(model, shared / "media" / name) for name in STILLS]
    OUT.joinpath("faces.json").write_text(
        json.dumps({"stills": stills, "drawn": DRAWN, "aligned": aligned(), "any_size": list(at_any_size())}, separators=(",", ":")) + "\n"
    )


main()
