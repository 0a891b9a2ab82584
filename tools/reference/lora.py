"""Reference outputs of PEFT's merged models, and a clip of the voice that the shipped adapter is for.

Writes crates/models/tests/fixtures/lora/: adapters of several kinds for the small random Whispers of whisper_graphs.py; merged.json:
what transformers gives after PEFT's own `merge_and_unload`, for these and for the starter model with its adapter; whispering.flac and
whispering.json: held-out sentences in the whispering voice, one after the other, with their texts and where each begins and ends.

    apt-get install espeak-ng
    pip install torch transformers peft onnx scipy soundfile
    python tools/reference/lora.py
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import soundfile
import torch
from onnx import TensorProto, helper, numpy_helper
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import WhisperConfig, WhisperForConditionalGeneration

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "starter/speech"))
import adapt  # noqa: E402
import weights  # noqa: E402
from clips import Studio  # noqa: E402
from espeak import SAMPLE_RATE  # noqa: E402
from whisper_graphs import START, decoding, window  # noqa: E402

FIXTURES = ROOT / "crates/models/tests/fixtures"
OUT = FIXTURES / "lora"
STARTER = ROOT / "starter/models/starter-whisper"
ALL = ["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"]
KINDS = {
    # The usual choice.
    "attention": dict(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"]),
    # Ranks and scales of their own, by name and by expression.
    "patterns": dict(
        r=4, lora_alpha=4, target_modules=ALL, rank_pattern={"layers.1.fc1": 2, r"self_attn\..*_proj": 6, r"layers\.0\.fc1": 3},
        alpha_pattern={r"encoder\.layers\.\d+\.fc2": 12, "out_proj": 1},
    ),
    "stabilised": dict(r=9, lora_alpha=6, target_modules=ALL, use_rslora=True),
    "decoder_only": dict(r=3, lora_alpha=6, target_modules=r"model\.decoder\..*(q_proj|fc2)"),
    "encoder_only": dict(r=3, lora_alpha=6, target_modules=r"model\.encoder\..*(k_proj|fc1)"),
}
CLIP_SEED, CLIP_SECONDS = 6 * 10**12, 56.0


def base(folder):
    known = WhisperConfig.from_pretrained(folder, attn_implementation="eager")
    known.pad_token_id = known.bos_token_id = known.eos_token_id
    model = WhisperForConditionalGeneration(known).eval()
    model.load_state_dict(weights.transformers_state(weights.network(folder)))
    return model


def adapter(folder, name, mels):
    """An adapter of random numbers, large enough that the tokens differ from the base's; that of the second model is kept in bfloat16."""
    torch.manual_seed(mels + len(name))
    adapted = get_peft_model(base(folder), LoraConfig(lora_dropout=0.0, bias="none", **KINDS[name]))
    with torch.no_grad():
        for key, value in adapted.named_parameters():
            if "lora_" in key:
                value.copy_((0.4 * torch.randn_like(value)).bfloat16().float())
                if mels == 128:
                    value.data = value.data.bfloat16()
    out = OUT / f"mels_{mels}" / name
    adapted.peft_config["default"].base_model_name_or_path = f"mels_{mels}"
    adapted.save_pretrained(out)
    (out / "README.md").unlink(missing_ok=True)
    settings = out / "adapter_config.json"
    settings.write_text(settings.read_text().rstrip("\n") + "\n")
    return out


def merged(folder, adapter):
    return PeftModel.from_pretrained(base(folder), str(adapter)).merge_and_unload().eval()


def small():
    for mels in (80, 128):
        folder = FIXTURES / f"whisper_graphs/mels_{mels}"
        for name in KINDS:
            model = merged(folder, adapter(folder, name, mels))
            row = decoding(model, window(mels, 200, 1), [START, 5, 7, 9])
            yield {"model": f"mels_{mels}", "adapter": name, "seed": 1, **row}


def stored_otherwise():
    """The encoder of mels_80 as other exporters store it: weights beside the graph, weights turned round behind a Transpose and known by
    their names alone, and float16 all the way."""
    folder = FIXTURES / "whisper_graphs/mels_80/onnx"
    out = OUT / "stored"
    out.mkdir(exist_ok=True)
    beside = onnx.load(folder / "encoder_model.onnx")
    onnx.save(beside, out / "beside.onnx", save_as_external_data=True, location="beside.onnx.data", size_threshold=100)
    turned = onnx.load(folder / "encoder_model.onnx")
    for tensor in list(turned.graph.initializer):
        if tensor.name.endswith(".weight.T.f16"):
            name = tensor.name.removesuffix(".T.f16")
            turned.graph.initializer.append(numpy_helper.from_array(numpy_helper.to_array(tensor).T.copy(), f"encoder.{name}"))
            cast = next(node for node in turned.graph.node if tensor.name in node.input)
            cast.input[:] = [f"encoder.{name}"]
            turn = helper.make_node("Transpose", [f"{name}.wide"], list(cast.output), perm=[1, 0])
            cast.output[:] = [f"{name}.wide"]
            turned.graph.node.insert(list(turned.graph.node).index(cast) + 1, turn)
            turned.graph.initializer.remove(tensor)
    for node in turned.graph.node:
        node.name = ""
    onnx.checker.check_model(turned)
    onnx.save(turned, out / "turned.onnx")
    half = onnx.load(folder / "encoder_model.onnx")
    keep = [node for node in half.graph.node if not node.name.endswith(".f16.Cast") and not node.name.endswith(".Cast")]
    renamed = {node.output[0]: node.input[0] for node in half.graph.node if node not in keep}
    for node in keep:
        node.input[:] = [renamed.get(name, name) for name in node.input]
    for tensor in half.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name))
    ends = [helper.make_node("Cast", ["input_features"], ["features.f16"], to=TensorProto.FLOAT16)]
    for node in keep:
        node.input[:] = ["features.f16" if name == "input_features" else name for name in node.input]
        node.output[:] = ["hidden.f16" if name == "last_hidden_state" else name for name in node.output]
    ends.append(helper.make_node("Cast", ["hidden.f16"], ["last_hidden_state"], to=TensorProto.FLOAT))
    del half.graph.node[:]
    half.graph.node.extend([ends[0], *keep, ends[1]])
    onnx.checker.check_model(half, full_check=True)
    onnx.save(half, out / "half.onnx")


def starter():
    model = merged(STARTER, STARTER / "adapters" / adapt.NAME)
    prompt = [601, 602, 607, 611]
    with torch.no_grad():
        features = torch.from_numpy(window(80, 3000, 1))[None]
        hidden = model.model.encoder(features).last_hidden_state
        logits = model(encoder_outputs=(hidden,), decoder_input_ids=torch.tensor([prompt])).logits[0, -1]
    numbers = lambda row: [round(float(x), 6) for x in row]  # noqa: E731
    return {"model": "starter", "prompt": prompt, "seed": 1, "hidden": numbers(hidden[0, 50, :32]), "logits": numbers(logits[:64])}


def whispering():
    """Clips as the adapter's own measure draws them, in the order in which they are drawn."""
    studio, wish = Studio(), replace(adapt.LESSON.wish, held_out=True)
    audio, spans, index = [], [], 0
    while True:
        clip = studio.clip(CLIP_SEED + index, wish)
        begun = sum(map(len, audio)) / SAMPLE_RATE
        if begun + len(clip.audio) / SAMPLE_RATE > CLIP_SECONDS:
            break
        audio.append(clip.audio)
        text = " ".join(segment.text for segment in clip.segments)
        spans.append({"start": begun, "end": begun + len(clip.audio) / SAMPLE_RATE, "text": text})
        index += 1
    soundfile.write(OUT / "whispering.flac", np.concatenate(audio), SAMPLE_RATE, subtype="PCM_16")
    (OUT / "whispering.json").write_text(json.dumps(spans, indent=1) + "\n")


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    found = {"small": list(small()), "starter": starter()}
    for row in found["small"]:
        print(row["model"], row["adapter"], row["margin"], row["tokens"][:8])
    stored_otherwise()
    (OUT / "merged.json").write_text(json.dumps(found, indent=1) + "\n")
    whispering()


if __name__ == "__main__":
    main()
