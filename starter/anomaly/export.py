"""Writes the flow as ONNX and proves that ONNX Runtime gives the same numbers, alone and in a batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

from network import PoseFlow
from windows import JOINTS, WINDOW

METADATA = {
    "author": "Samovar",
    "license": "Apache-2.0",
    "task": "pose-anomaly",
    "family": "stg-nf",
    "description": "Likelihood of a window of 24 poses; trained on drawn street scenes.",
}


def export(flow: PoseFlow, path: Path) -> None:
    flow.eval()
    example = torch.zeros(2, 2, WINDOW, JOINTS)
    torch.onnx.export(
        flow,
        (example,),
        str(path),
        input_names=["pose"],
        output_names=["nll", "z"],
        opset_version=17,
        dynamo=False,
        dynamic_axes={"pose": {0: "batch"}, "nll": {0: "batch"}, "z": {0: "batch"}},
    )
    _fold(path)
    _prove(flow, path)


def _fold(path: Path) -> None:
    """Computes what does not depend on the input, drops names that nobody reads, adds the metadata."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(path)
    onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    model = onnx.load(str(path))
    _shorten(model.graph)
    standard = [opset for opset in model.opset_import if opset.domain == ""]
    del model.opset_import[:]
    model.opset_import.extend(standard)
    onnx.helper.set_model_props(model, METADATA)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def _shorten(graph: onnx.GraphProto) -> None:
    short = {value.name: value.name for value in (*graph.input, *graph.output)} | {"": ""}
    name = lambda long: short.setdefault(long, f"t{len(short)}")
    for weight in graph.initializer:
        weight.name = name(weight.name)
    for node in graph.node:
        node.name, node.doc_string = "", ""
        node.input[:] = [name(long) for long in node.input]
        node.output[:] = [name(long) for long in node.output]
    del graph.value_info[:]


def _prove(flow: PoseFlow, path: Path) -> None:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    pose = torch.randn(3, 2, WINDOW, JOINTS, generator=torch.Generator().manual_seed(1))
    together = session.run(None, {"pose": pose.numpy()})
    alone = [session.run(None, {"pose": pose[k : k + 1].numpy()}) for k in range(3)]
    with torch.no_grad():
        expected = flow(pose)
    for output in range(2):
        assert np.allclose(together[output], np.concatenate([one[output] for one in alone]), atol=1e-4)
        assert np.allclose(together[output], expected[output].numpy(), atol=1e-4)
