"""Exports the towers of a CLIP or SigLIP checkpoint, each as a graph of its own, with all that Samovar needs beside them.

    pip install torch transformers onnx pillow sentencepiece
    python tools/export_towers.py openai/clip-vit-base-patch32 clip
    python tools/export_towers.py google/siglip-so400m-patch14-384 siglip

Writes to the folder: vision_model.onnx (pixel_values -> image_embeds, or pooler_output for SigLIP), text_model.onnx (input_ids and, for CLIP,
attention_mask -> text_embeds, or pooler_output), the processor's and the tokenizer's files, config.json, and pairing.json with the scale
and the bias that make probabilities out of similarities: they belong to neither tower, so that no other export holds them.
"""

import json
import sys
from pathlib import Path

import onnx
import torch
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import AutoModel, AutoProcessor


class ImageTower(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.tower = model.vision_model
        self.projection = getattr(model, "visual_projection", torch.nn.Identity())

    def forward(self, pixel_values):
        return self.projection(self.tower(pixel_values=pixel_values).pooler_output)


class TextTower(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.tower = model.text_model
        self.projection = getattr(model, "text_projection", torch.nn.Identity())

    def forward(self, input_ids, attention_mask=None):
        return self.projection(self.tower(input_ids=input_ids, attention_mask=attention_mask).pooler_output)


def pairing(model):
    numbers = {name: getattr(model, name, None) for name in ("logit_scale", "logit_bias")}
    return {name: value.item() for name, value in numbers.items() if value is not None}


def export(tower, inputs, output, path, numbers):
    axes = {name: {0: "batch", **({1: "sequence"} if value.ndim == 2 else {})} for name, value in inputs.items()}
    torch.onnx.export(
        tower.eval(),
        tuple(inputs.values()),
        str(path),
        input_names=list(inputs),
        output_names=[output],
        dynamic_axes={**axes, output: {0: "batch"}},
        opset_version=17,
        dynamo=False,
    )
    graph = onnx.load(path)
    for name, value in numbers.items():
        graph.metadata_props.add(key=name, value=repr(value))
    size = sum(len(tensor.raw_data) for tensor in graph.graph.initializer)
    # A protobuf holds 2 GiB.
    onnx.save(graph, path, save_as_external_data=size > 1 << 30, location=f"{path.name}.data")


def export_towers(model, folder):
    folder.mkdir(parents=True, exist_ok=True)
    model = model.float().eval()
    is_clip = hasattr(model, "visual_projection")
    numbers = pairing(model)
    side = model.config.vision_config.image_size
    length = model.config.text_config.max_position_embeddings
    ids = torch.ones((2, length), dtype=torch.long)
    ids[:, -1] = model.config.text_config.eos_token_id if is_clip else 1
    texts = {"input_ids": ids, **({"attention_mask": torch.ones_like(ids)} if is_clip else {})}
    pictures = {"pixel_values": torch.zeros((2, 3, side, side))}
    names = ("image_embeds", "text_embeds") if is_clip else ("pooler_output", "pooler_output")
    with torch.no_grad():
        export(ImageTower(model), pictures, names[0], folder / "vision_model.onnx", numbers)
        export(TextTower(model), texts, names[1], folder / "text_model.onnx", numbers)
    (folder / "pairing.json").write_text(json.dumps(numbers) + "\n")
    model.config.save_pretrained(folder)


def write_tokenizer(tokenizer, folder):
    """tokenizer.json for SigLIP's tokenizer, which is sentencepiece alone. Its spelling of texts (lower case, no punctuation) is Samovar's to do."""
    if (folder / "tokenizer.json").exists():
        return
    spm = sentencepiece_model_pb2.ModelProto.FromString((folder / "spiece.model").read_bytes())
    pieces = [(piece.piece, piece.score) for piece in spm.pieces]
    made = Tokenizer(models.Unigram(pieces, unk_id=spm.trainer_spec.unk_id, byte_fallback=spm.trainer_spec.byte_fallback))
    charsmap = spm.normalizer_spec.precompiled_charsmap
    spaces = normalizers.Replace(Regex(" {2,}"), " ")
    made.normalizer = normalizers.Sequence([normalizers.Precompiled(charsmap), spaces] if charsmap else [spaces])
    made.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    made.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    end = tokenizer.eos_token
    made.post_processor = processors.TemplateProcessing(single=f"$A {end}", special_tokens=[(end, tokenizer.eos_token_id)])
    made.add_special_tokens([AddedToken(token, special=True) for token in (end, tokenizer.unk_token)])
    made.save(str(folder / "tokenizer.json"))


def main(checkpoint, folder):
    export_towers(AutoModel.from_pretrained(checkpoint, attn_implementation="eager"), folder)
    processor = AutoProcessor.from_pretrained(checkpoint)
    processor.save_pretrained(folder)
    write_tokenizer(processor.tokenizer, folder)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
