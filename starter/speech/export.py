"""Writes the Whisper folder: the three ONNX graphs of the usual export convention, and the configuration.

The network's weights become what float16 holds of them.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import onnx

import graph
import tokens
from train import ALIGNMENT_HEADS, CHECKPOINTS
from whisper import Shape, Whisper, load_plain


def export(network: Whisper, folder: Path, configuration: bool = True) -> None:
    """Writes `onnx/` and, for a folder that has the tokenizer, the configuration."""
    (folder / "onnx").mkdir(parents=True, exist_ok=True)
    state = {name: value.numpy() for name, value in network.plain_state().items()}
    for build in (graph.encoder, graph.decoder, graph.decoder_with_past):
        model = build(network.shape, state)
        onnx.save(model, folder / "onnx" / f"{model.graph.name}.onnx")
    if configuration:
        _configuration(network.shape, folder)


def _configuration(shape: Shape, folder: Path) -> None:
    ids = tokens.generation_ids(folder)
    ends = {key: ids[key] for key in ("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id")}
    config = {
        "architectures": ["WhisperForConditionalGeneration"], "model_type": "whisper", "is_encoder_decoder": True,
        **asdict(shape), **ends, "num_hidden_layers": shape.encoder_layers,
        "begin_suppress_tokens": ids["begin_suppress_tokens"], "activation_function": "gelu", "scale_embedding": False,
        "dropout": 0.0, "attention_dropout": 0.0, "activation_dropout": 0.0, "encoder_layerdrop": 0.0,
        "decoder_layerdrop": 0.0, "init_std": 0.02, "median_filter_width": 7, "use_cache": True,
        "torch_dtype": "float32", "tie_word_embeddings": True,
    }
    generation = {
        **ids, "alignment_heads": [list(pair) for pair in ALIGNMENT_HEADS], "is_multilingual": True, "max_length": 448,
        "max_initial_timestamp_index": 50, "return_timestamps": False,
    }
    features = {
        "chunk_length": 30, "feature_extractor_type": "WhisperFeatureExtractor", "feature_size": 80, "hop_length": 160,
        "n_fft": 400, "n_samples": 480000, "nb_max_frames": 3000, "padding_side": "right", "padding_value": 0.0,
        "processor_class": "WhisperProcessor", "return_attention_mask": False, "sampling_rate": 16000,
    }
    for name, value in (("config", config), ("generation_config", generation), ("preprocessor_config", features)):
        (folder / f"{name}.json").write_text(json.dumps(value, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINTS / "windows.pt", help="what train.py wrote")
    parser.add_argument("--out", type=Path, default=tokens.MODEL, help="the model's folder, with its tokenizer")
    options = parser.parse_args()
    export(load_plain(options.checkpoint), options.out)
    sizes = {path.name: path.stat().st_size for path in sorted((options.out / "onnx").glob("*.onnx"))}
    print(sizes, "together", sum(sizes.values()))


if __name__ == "__main__":
    main()
