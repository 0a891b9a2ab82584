"""Reads the network's weights back from its ONNX files: adapters and checks need nothing but the shipped folder."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

from whisper import Shape, Whisper, plain, sinusoids


def network(folder: Path) -> Whisper:
    """The network of a folder, in torch."""
    config = json.loads((folder / "config.json").read_text())
    shape = Shape(**{field.name: config[field.name] for field in fields(Shape)})
    state = _read(folder / "onnx" / "encoder_model.onnx", "model.encoder.")
    state |= _read(folder / "onnx" / "decoder_model.onnx", "")
    state["model.encoder.embed_positions.weight"] = sinusoids(shape.max_source_positions, shape.d_model)
    return plain(shape, state)


def transformers_state(made: Whisper) -> dict[str, Tensor]:
    """The state that transformers' WhisperForConditionalGeneration loads."""
    state = made.plain_state()
    return {**state, "proj_out.weight": state["model.decoder.embed_tokens.weight"]}


def _read(path: Path, prefix: str) -> dict[str, Tensor]:
    found = {}
    for tensor in onnx.load(path).graph.initializer:
        name = tensor.name.removesuffix(".f16")
        value = torch.from_numpy(numpy_helper.to_array(tensor).copy()).float()
        if name.endswith(".weight.T"):
            found[prefix + name.removesuffix(".T")] = value.T.contiguous()
        elif name.endswith((".weight", ".bias")):
            found[prefix + name] = value
    return found
