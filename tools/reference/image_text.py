"""Reference towers: small CLIP and SigLIP models with random weights, and what transformers makes of pictures and texts with them.

Writes crates/models/tests/fixtures/image_text/: for each design the two graphs as tools/export_towers.py exports them, the processor's
and the tokenizer's files, and reference.json with token ids, vectors, logits and probabilities; the processor's pixels of picture.png
lie beside it as bytes (before they are scaled). Pictures are prepared by the processors that resize with Pillow; how far
those that resize with torchvision are from them is printed. Writes crates/media/tests/fixtures/resize.json, too: sha256 of what Pillow
makes of a drawn picture, for every filter.

    pip install torch transformers onnx onnxruntime pillow sentencepiece protobuf
    python tools/reference/image_text.py ../shared/models
"""

import hashlib
import io
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import sentencepiece
import torch
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import (
    CLIPConfig,
    CLIPModel,
    CLIPProcessor,
    CLIPTokenizer,
    SiglipConfig,
    SiglipModel,
    SiglipProcessor,
    SiglipTokenizer,
)
from transformers.models.clip.image_processing_clip import CLIPImageProcessor
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
from transformers.models.siglip.image_processing_siglip import SiglipImageProcessor

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
from export_towers import export_towers, write_tokenizer  # noqa: E402

OUT = ROOT / "crates/models/tests/fixtures/image_text"
RESIZED = ROOT / "crates/media/tests/fixtures/resize.json"
CAPTIONS = [
    "a photo of a bus",
    "A photo of a DOG's  bowl, on the street!",
    "two people — one of them with an umbrella, the other (perhaps) without… 3,141",
    "Ein großer Bär läuft über die Straße; ÉCLAIR à la carte",
    "bus",
    "people, " * 60,
    "",
]


def drawn(width, height):
    """The same numbers as in the tests: edges, gradients and a grain."""
    y, x = np.mgrid[0:height, 0:width].astype(np.uint32)
    grain = ((x * np.uint32(0x9E3779B1)) ^ (y * np.uint32(0x85EBCA6B))) * np.uint32(0xC2B2AE35) >> np.uint32(27)
    blocks = ((x // 7 + y // 5) % 2) * 150
    red = (blocks + grain) % 256
    green = (x * 255 // max(width - 1, 1) + grain) % 256
    blue = (y * 255 // max(height - 1, 1) ^ grain) % 256
    return np.stack([red, green, blue], -1).astype(np.uint8)


def resize_cases():
    filters = {"lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}
    sources = [(810, 1080), (37, 53), (640, 480), (1, 2000), (2000, 3), (224, 224), (1920, 1080)]
    for name, number in filters.items():
        for source in sources:
            picture = Image.fromarray(drawn(*source))
            for side in (224, 384, 17):
                stretched = np.array(picture.resize((side, side), number))
                yield {"source": source, "side": side, "filter": name, "crop": False, "sha256": sha(stretched)}
                short = min(source)
                whole = [int(side * edge / short) for edge in source]
                left, top = (whole[0] - side) // 2, (whole[1] - side) // 2
                if whole[0] * whole[1] > 40_000_000:
                    continue
                middle = np.array(picture.resize(whole, number))[top : top + side, left : left + side]
                yield {"source": source, "side": side, "filter": name, "crop": True, "sha256": sha(middle)}


def sha(pixels):
    return hashlib.sha256(np.ascontiguousarray(pixels.transpose(2, 0, 1)).tobytes()).hexdigest()


def clip_tokenizer():
    """Byte-level BPE with CLIP's ends of words, trained on the captions."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trained = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    trained.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.ByteLevel(False)])
    trainer = trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, end_of_word_suffix="</w>", show_progress=False)
    trained.train_from_iterator([caption.lower() for caption in CAPTIONS], trainer)
    merges = [tuple(merge) for merge in json.loads(trained.to_str())["model"]["merges"]]
    tokens = [*alphabet, *(token + "</w>" for token in alphabet), *("".join(merge) for merge in merges)]
    tokens = list(dict.fromkeys(tokens)) + ["<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={token: index for index, token in enumerate(tokens)}, merges=merges, model_max_length=77)


def siglip_tokenizer(folder):
    """A sentencepiece model as SigLIP's, trained on the captions."""
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([caption.lower() for caption in CAPTIONS] * 4),
        model_writer=written,
        vocab_size=150,
        model_type="unigram",
        pad_id=-1,
        bos_id=-1,
        eos_id=1,
        unk_id=2,
        character_coverage=1.0,
        normalization_rule_name="identity",
        hard_vocab_limit=False,
        minloglevel=2,
    )
    path = folder / "spiece.model"
    path.write_bytes(written.getvalue())
    return SiglipTokenizer(str(path), model_max_length=64)


def clip(folder):
    torch.manual_seed(7)
    tokenizer = clip_tokenizer()
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    layers = {"num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32, "initializer_range": 0.5}
    text = {"hidden_size": 16, "vocab_size": len(tokenizer), "max_position_embeddings": 77, **layers, **ends}
    vision = {"hidden_size": 16, "image_size": 32, "patch_size": 8, **layers}
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=20, initializer_factor=8.0)
    config._attn_implementation = "eager"
    model = CLIPModel(config)
    with torch.no_grad():
        model.logit_scale.fill_(3.2)
    sizes = {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}}
    pictures = CLIPImageProcessorPil(**sizes)
    CLIPProcessor(image_processor=pictures, tokenizer=tokenizer).save_pretrained(folder)
    pictures.save_pretrained(folder)
    return model, pictures, CLIPImageProcessor(**sizes), tokenizer, {"padding": "max_length", "truncation": True, "max_length": 77}


def siglip(folder):
    torch.manual_seed(8)
    tokenizer = siglip_tokenizer(folder)
    layers = {"num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    text = {"hidden_size": 16, "vocab_size": len(tokenizer), "max_position_embeddings": 64, "projection_size": 16, **layers}
    vision = {"hidden_size": 16, "image_size": 40, "patch_size": 8, **layers}
    config = SiglipConfig(text_config=text, vision_config=vision)
    config._attn_implementation = "eager"
    model = SiglipModel(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.copy_(torch.randn_like(parameter) * 0.7)
        model.logit_scale.fill_(2.1)
        model.logit_bias.fill_(-3.5)
    sizes = {"size": {"height": 40, "width": 40}, "resample": 2}
    pictures = SiglipImageProcessorPil(**sizes)
    SiglipProcessor(image_processor=pictures, tokenizer=tokenizer).save_pretrained(folder)
    pictures.save_pretrained(folder)
    write_tokenizer(tokenizer, folder)
    return model, pictures, SiglipImageProcessor(**sizes), tokenizer, {"padding": "max_length", "truncation": True, "max_length": 64}


def shorten(path):
    """The same graph without the names of its values, which are most of so small a file."""
    proto = onnx.load(path)
    graph = proto.graph
    kept = {port.name for port in (*graph.input, *graph.output)}
    names = {}
    for node in graph.node:
        node.name = ""
        for values in (node.input, node.output):
            for index, value in enumerate(values):
                if value and value not in kept:
                    values[index] = names.setdefault(value, f"v{len(names)}")
    for tensor in graph.initializer:
        tensor.name = names.get(tensor.name, tensor.name)
    del graph.value_info[:]
    onnx.checker.check_model(proto)
    onnx.save(proto, path)


def levels(pixels, processor):
    mean, std = (np.array(value)[:, None, None] for value in (processor.image_mean, processor.image_std))
    exact = (np.asarray(pixels) * std + mean) * 255
    assert np.abs(exact - exact.round()).max() < 1e-3
    return exact.round().astype(np.uint8)


def reference(folder, make, pictures):
    folder.mkdir(parents=True, exist_ok=True)
    model, pil, fast, tokenizer, padding = make(folder)
    model.eval()
    export_towers(model, folder)
    for name in ("vision_model", "text_model"):
        shorten(folder / f"{name}.onnx")
    for name in ("spiece.model", "processor_config.json"):
        (folder / name).unlink(missing_ok=True)
    texts = tokenizer(CAPTIONS, return_tensors="pt", **padding)
    found = {"captions": CAPTIONS, "input_ids": texts["input_ids"].tolist(), "pictures": {}}
    for name, picture in pictures.items():
        pixels = pil(picture, return_tensors="pt")["pixel_values"]
        other = levels(fast(picture, return_tensors="pt")["pixel_values"][0], pil).astype(int)
        own = levels(pixels[0], pil)
        print(f"{folder.name} {name}: torchvision differs by {np.abs(other - own).max()} levels, in {(other != own).mean():.1%} of them")
        (folder / f"{name}.pixels").write_bytes(own.tobytes())
        found["pictures"][name] = outputs(model, pixels, texts)
    check_export(folder, model, pixels, texts)
    (folder / "reference.json").write_text(json.dumps(found, ensure_ascii=False) + "\n")


def outputs(model, pixels, texts):
    with torch.no_grad():
        both = model(pixel_values=pixels, input_ids=texts["input_ids"], attention_mask=mask(model, texts))
    logits = both.logits_per_image[0]
    probabilities = logits.sigmoid() if hasattr(model, "logit_bias") else logits.softmax(-1)
    unit = {"image": both.image_embeds[0], "texts": both.text_embeds}
    return {
        **{name: rounded(value / value.norm(dim=-1, keepdim=True)) for name, value in unit.items()},
        "logits": rounded(logits),
        "probabilities": rounded(probabilities),
    }


def mask(model, texts):
    """SigLIP was trained without one, and its tokenizer gives none by default."""
    return None if hasattr(model, "logit_bias") else texts["attention_mask"]


def rounded(values):
    return np.round(values.double().numpy(), 7).tolist()


def check_export(folder, model, pixels, texts):
    """The graphs in ONNX Runtime against the model in torch."""
    with torch.no_grad():
        both = model(pixel_values=pixels, input_ids=texts["input_ids"], attention_mask=mask(model, texts))
    inputs = {"vision_model": {"pixel_values": pixels}, "text_model": dict(texts)}
    for (name, feed), expected in zip(inputs.items(), (both.image_embeds, both.text_embeds)):
        session = onnxruntime.InferenceSession(folder / f"{name}.onnx")
        taken = {port.name: feed[port.name].numpy() for port in session.get_inputs()}
        vectors = torch.from_numpy(session.run(None, taken)[0])
        vectors /= vectors.norm(dim=-1, keepdim=True)
        print(folder.name, name, list(taken), "differs by", (vectors - expected).abs().max().item())


def main(media):
    pictures = {"picture": Image.fromarray(drawn(150, 90)), "bus": Image.open(media / "media/bus.jpg").convert("RGB")}
    reference(OUT / "clip", clip, pictures)
    reference(OUT / "siglip", siglip, pictures)
    RESIZED.parent.mkdir(parents=True, exist_ok=True)
    RESIZED.write_text("[\n" + ",\n".join(json.dumps(case) for case in resize_cases()) + "\n]\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
