"""Writes the two ONNX files of a training: the detector and the pose model, which share every weight but the last head's."""

from __future__ import annotations

import argparse
import copy
import os
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

from geometry import INPUT_SIZE
from network import STRIDES, Detect, Pose, StreetNet

OPSET = 17
TOLERANCE = 1e-4
BORDER_SHARE = 1e-3


def main() -> None:
    options = arguments()
    net = StreetNet()
    net.load_state_dict(torch.load(options.checkpoint)["mean"])
    options.out.mkdir(parents=True, exist_ok=True)
    for task, model in (("detect", Detect), ("pose", Pose)):
        write(model(copy.deepcopy(net), INPUT_SIZE).eval(), task, options.out / f"starter-{task}.onnx")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True, help="checkpoint.pt of train.py")
    parser.add_argument("--out", type=Path, required=True, help="the folder for starter-detect.onnx and starter-pose.onnx")
    return parser.parse_args()


def write(model: Detect, task: str, path: Path) -> None:
    """Exports, checks against the network, and only then puts the file in its place."""
    part = path.with_suffix(".part")
    width, height = INPUT_SIZE
    example = torch.rand(3, 3, height, width, generator=torch.Generator().manual_seed(0))
    torch.onnx.export(
        model,
        (example,),
        str(part),
        input_names=["images"],
        output_names=["output0"],
        dynamic_axes={"images": {0: "batch"}, "output0": {0: "batch"}},
        opset_version=OPSET,
        dynamo=False,
    )
    describe(part, task)
    check(model, part, example)
    os.replace(part, path)
    print(f"{path}: {path.stat().st_size} bytes")


def describe(path: Path, task: str) -> None:
    """Names the open axis and writes the metadata that the family's exporters write."""
    model = onnx.load(path)
    fix_output(model, 5 if task == "detect" else 56)
    metadata = {
        "description": f"Samovar starter-{task}: people in drawn street scenes",
        "author": "Samovar",
        "license": "Apache-2.0",
        "task": task,
        "stride": str(STRIDES[-1]),
        "imgsz": str(list(INPUT_SIZE[::-1])),
        "names": "{0: 'person'}",
    }
    if task == "pose":
        metadata["kpt_shape"] = "[17, 3]"
    onnx.helper.set_model_props(model, metadata)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def fix_output(model: onnx.ModelProto, channels: int) -> None:
    cells = sum(INPUT_SIZE[0] // stride * (INPUT_SIZE[1] // stride) for stride in STRIDES)
    dims = model.graph.output[0].type.tensor_type.shape.dim
    for dim, size in zip(dims[1:], (channels, cells)):
        dim.dim_value = size


def check(model: Detect, path: Path, images: torch.Tensor) -> None:
    """The file gives what the network gives, and the same for three pictures at once as for each alone."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    together = session.run(None, {"images": images.numpy()})[0]
    alone = np.concatenate([session.run(None, {"images": images[i : i + 1].numpy()})[0] for i in range(len(images))])
    with torch.no_grad():
        expected = model(images).numpy()
    for other in (alone, expected):
        off = np.abs(together - other) > TOLERANCE * np.maximum(np.abs(other), 1.0)
        # A key point on the border of two cells may be refined by either.
        if off[:, :5].any() or off.mean() > BORDER_SHARE:
            raise SystemExit(f"{path}: {off.sum()} values differ from the network's, or between batches")


if __name__ == "__main__":
    main()
