#!/usr/bin/env python3
"""Makes models of the true size with random weights in f16, to see what one process holds: they understand nothing.

    pip install torch transformers onnx tokenizers
    tools/reference/true_size.py OUT [--shape bge-m3] [--shape siglip-so400m] [--shape whisper-medium]

`OUT/bge-m3/` has the three heads of BGE-M3 and a tokenizer of as many made-up words; `OUT/siglip-so400m/` the two towers, 384 pixels,
patches of 14; `OUT/whisper-medium/` encoder and decoder. Each graph computes from f16 weights to f32 outputs. About 4.4 GB on disk; making
one takes a few minutes and up to 8 GB of memory.
"""

import argparse
import pathlib

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    SiglipTextConfig,
    SiglipTextModel,
    SiglipVisionConfig,
    SiglipVisionModel,
    WhisperConfig,
    WhisperModel,
    XLMRobertaConfig,
    XLMRobertaModel,
)


class Heads(torch.nn.Module):
    """BGE-M3: one pass, a dense vector, a weight for each token, a vector for each token."""

    def __init__(self, backbone):
        super().__init__()
        width = backbone.config.hidden_size
        self.backbone, self.sparse, self.multi = backbone, torch.nn.Linear(width, 1), torch.nn.Linear(width, width)

    def forward(self, input_ids, attention_mask):
        hidden = self.backbone(input_ids, attention_mask).last_hidden_state
        return hidden[:, 0].float(), self.sparse(hidden).relu().float(), self.multi(hidden[:, 1:]).float()


class Tower(torch.nn.Module):
    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbone

    def forward(self, x):
        x = x.half() if x.is_floating_point() else x
        return self.backbone(x).pooler_output.float()


class Hidden(torch.nn.Module):
    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbone

    def forward(self, *inputs):
        inputs = [x.half() if x.is_floating_point() else x for x in inputs]
        if len(inputs) == 1:
            return self.backbone(inputs[0]).last_hidden_state.float()
        ids, heard = inputs
        hidden = self.backbone(ids, attention_mask=torch.ones_like(ids), encoder_hidden_states=heard, use_cache=False)
        return hidden.last_hidden_state.float()


def export(model, inputs, path, names, outputs, axes):
    path.parent.mkdir(parents=True, exist_ok=True)
    with torch.inference_mode():
        torch.onnx.export(
            model.eval(), inputs, str(path), input_names=names, output_names=outputs, dynamic_axes=axes, opset_version=17,
            dynamo=False, do_constant_folding=False,
        )
    print(f"{path}: {path.stat().st_size / 1e6:.0f} MB", flush=True)


def words(count, special):
    """A tokenizer whose words are numbers, as many as the table of embeddings has rows."""
    names = [*special, *(f"▁{number}" for number in range(count - len(special)))]
    tokenizer = Tokenizer(models.Unigram([(name, -10.0) for name in names], unk_id=3))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return tokenizer


def bge_m3(out):
    config = XLMRobertaConfig(
        vocab_size=250_002, hidden_size=1_024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4_096,
        max_position_embeddings=8_194, type_vocab_size=1, pad_token_id=1, attn_implementation="eager",
    )
    model = Heads(XLMRobertaModel(config, add_pooling_layer=False)).half()
    ids = torch.randint(4, 1_000, (2, 16))
    axes = {"input_ids": {0: "batch", 1: "sequence"}, "attention_mask": {0: "batch", 1: "sequence"}, "dense_vecs": {0: "batch"}}
    axes |= {"sparse_vecs": {0: "batch", 1: "sequence"}, "colbert_vecs": {0: "batch", 1: "rest"}}
    names = ["dense_vecs", "sparse_vecs", "colbert_vecs"]
    export(model, (ids, torch.ones_like(ids)), out / "model.onnx", ["input_ids", "attention_mask"], names, axes)
    config.save_pretrained(out)
    words(250_002, ["<s>", "<pad>", "</s>", "<unk>"]).save(str(out / "tokenizer.json"))


def siglip(out):
    common = dict(hidden_size=1_152, num_hidden_layers=27, num_attention_heads=16, intermediate_size=4_304)
    vision = SiglipVisionConfig(image_size=384, patch_size=14, attn_implementation="eager", **common)
    picture = torch.zeros(1, 3, 384, 384)
    axes = {"pixel_values": {0: "batch"}, "pooler_output": {0: "batch"}}
    tower = Tower(SiglipVisionModel(vision).half())
    export(tower, (picture,), out / "vision_model.onnx", ["pixel_values"], ["pooler_output"], axes)
    text = SiglipTextConfig(vocab_size=32_000, max_position_embeddings=64, attn_implementation="eager", **common)
    axes = {"input_ids": {0: "batch"}, "pooler_output": {0: "batch"}}
    ids = torch.ones(1, 64, dtype=torch.int64)
    export(Tower(SiglipTextModel(text).half()), (ids,), out / "text_model.onnx", ["input_ids"], ["pooler_output"], axes)
    words(32_000, ["<s>", "</s>", "<pad>", "<unk>"]).save(str(out / "tokenizer.json"))


def whisper(out):
    config = WhisperConfig(
        d_model=1_024, encoder_layers=24, decoder_layers=24, encoder_attention_heads=16, decoder_attention_heads=16,
        encoder_ffn_dim=4_096, decoder_ffn_dim=4_096, vocab_size=51_865, attn_implementation="eager",
    )
    model = WhisperModel(config).half()
    axes = {"input_features": {0: "batch"}, "last_hidden_state": {0: "batch"}}
    mel = torch.zeros(1, 80, 3_000)
    export(Hidden(model.encoder), (mel,), out / "encoder_model.onnx", ["input_features"], ["last_hidden_state"], axes)
    axes = {"input_ids": {0: "batch", 1: "sequence"}, "encoder_hidden_states": {0: "batch"}, "last_hidden_state": {0: "batch", 1: "sequence"}}
    inputs = (torch.ones(1, 4, dtype=torch.int64), torch.zeros(1, 1_500, 1_024))
    names = ["input_ids", "encoder_hidden_states"]
    export(Hidden(model.decoder), inputs, out / "decoder_model.onnx", names, ["last_hidden_state"], axes)


def main():
    makers = {"bge-m3": bge_m3, "siglip-so400m": siglip, "whisper-medium": whisper}
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--shape", action="append", choices=list(makers))
    arguments = parser.parse_args()
    torch.manual_seed(7)
    for name in arguments.shape or makers:
        makers[name](arguments.out / name)


if __name__ == "__main__":
    main()
