"""Reference decodings of small random Whispers in the layouts of the usual exports.

Writes crates/models/tests/fixtures/whisper_graphs/: for each configuration (80 and 128 mels) the configuration files, the split export
and, for one, the merged one (an `If` around both forms, as optimum writes it); and decodings.json: transformers' greedy tokens and some of
the logits for made-up windows.

    pip install torch transformers onnx
    python tools/reference/whisper_graphs.py
    python tools/reference/whisper_graphs.py --shapes OUT     # random weights of tiny and base shape, for `samovar bench speech`; about 1.4 GB
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration
from transformers.convert_slow_tokenizer import bytes_to_unicode
from transformers.models.whisper.tokenization_whisper import LANGUAGES

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "starter/speech"))
import graph  # noqa: E402
from whisper import Shape  # noqa: E402

OUT = ROOT / "crates/models/tests/fixtures/whisper_graphs"
STEPS = 24
SIZES = dict(
    vocab_size=1_600, d_model=16, encoder_layers=1, encoder_attention_heads=2, encoder_ffn_dim=24, decoder_layers=2,
    decoder_attention_heads=2, decoder_ffn_dim=24, max_source_positions=100, max_target_positions=80,
)
END, START = 60, 61


def config(mels, **sizes):
    ids = dict(bos_token_id=END, eos_token_id=END, pad_token_id=END, decoder_start_token_id=START)
    return WhisperConfig(num_mel_bins=mels, attn_implementation="eager", suppress_tokens=[], begin_suppress_tokens=[], **ids, **sizes)


def network(config, scale):
    torch.manual_seed(config.num_mel_bins)
    model = WhisperForConditionalGeneration(config).eval()
    with torch.no_grad():
        for name, value in model.named_parameters():
            # What float16 holds, and large enough that the tokens differ; positions stay as they are made.
            if "encoder.embed_positions" not in name:
                value.copy_((value + scale * torch.randn_like(value)).half().float())
    return model


def exports(model):
    shape = Shape(**{key: getattr(model.config, key) for key in Shape.__dataclass_fields__})
    state = {name: value.detach().numpy() for name, value in model.state_dict().items()}
    return [build(shape, state) for build in (graph.encoder, graph.decoder, graph.decoder_with_past)]


def merged(prompt, step):
    """Both decoders in one: shared weights outside, and the branches give the same outputs."""
    prompt, step = prompt.graph, step.graph
    weights = {tensor.name: tensor for tensor in [*prompt.initializer, *step.initializer]}
    names = [output.name for output in prompt.output]
    branches = []
    for kind, source in (("then", step), ("else", prompt)):
        nodes, inside = list(source.node), {output.name for output in source.output}
        # The sound's keys and values are not made again: they go through as they came.
        past = [name for name in names if name not in inside]
        nodes += [helper.make_node("Identity", [name.replace("present", "past_key_values")], [name], name=f"{name}/Identity") for name in past]
        renamed = {output: f"{kind}_{output}" for node in nodes for output in node.output}
        for node in nodes:
            node.input[:] = [renamed.get(name, name) for name in node.input]
            node.output[:] = [renamed[name] for name in node.output]
            node.name = f"{kind}_{node.name}"
        outputs = [helper.make_tensor_value_info(renamed[o.name], TensorProto.FLOAT, [None] * len(o.type.tensor_type.shape.dim)) for o in prompt.output]
        branches.append(helper.make_graph(nodes, kind, [], outputs))
    inputs = {port.name: port for port in [*step.input, *prompt.input]}
    inputs["use_cache_branch"] = helper.make_tensor_value_info("use_cache_branch", TensorProto.BOOL, [1])
    choice = helper.make_node("If", ["use_cache_branch"], names, name="choice", then_branch=branches[0], else_branch=branches[1])
    whole = helper.make_graph([choice], "merged", list(inputs.values()), list(prompt.output), list(weights.values()))
    model = helper.make_model(whole, opset_imports=[helper.make_opsetid("", graph.OPSET)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def write(model, folder, with_merged=False):
    (folder / "onnx").mkdir(parents=True, exist_ok=True)
    parts = exports(model)
    for part in parts:
        onnx.save(part, folder / "onnx" / f"{part.graph.name}.onnx")
    if with_merged:
        onnx.save(merged(*parts[1:]), folder / "onnx/decoder_model_merged.onnx")
    known = json.loads(json.dumps(model.config.to_dict(), default=str))
    keys = [*SIZES, "num_mel_bins", "model_type", "eos_token_id", "decoder_start_token_id"]
    (folder / "config.json").write_text(json.dumps({key: known[key] for key in keys}, indent=2) + "\n")
    generation = {"no_timestamps_token_id": START + 8, "is_multilingual": False, "alignment_heads": [[0, 1], [1, 0]]}
    (folder / "generation_config.json").write_text(json.dumps(generation, indent=2) + "\n")


def window(mels, frames, seed):
    """Numbers that any language makes alike: a window of the form of a log-mel spectrogram."""
    mel, frame = np.arange(mels)[:, None], np.arange(frames)[None]
    return np.sin(0.37 * mel * (1 + seed) + 0.011 * frame * (mel + 3 * seed + 1)).astype(np.float32)


def decoding(model, features, prompt, steps=STEPS):
    """Greedy, with the cache; the logits of the prompt's last token and of the last step, the attention of the alignment heads."""
    with torch.no_grad():
        heard = model.model.encoder(torch.from_numpy(features)[None]).last_hidden_state
        ids, past, tokens, kept = torch.tensor([prompt]), None, [], []
        for _ in range(steps):
            out = model(encoder_outputs=(heard,), decoder_input_ids=ids, past_key_values=past, use_cache=True)
            past, logits = out.past_key_values, out.logits[0, -1]
            kept.append(logits)
            tokens.append(int(logits.argmax()))
            ids = torch.tensor([[tokens[-1]]])
        whole = model(encoder_outputs=(heard,), decoder_input_ids=torch.tensor([[*prompt, *tokens[:-1]]]), output_attentions=True)
        attention = [whole.cross_attentions[layer][0, head, -1].numpy() for layer, head in ((0, 1), (1, 0))]
    tops = [sorted(row.tolist())[-2:] for row in kept]
    return {
        "prompt": prompt, "tokens": tokens, "margin": round(min(high - low for low, high in tops), 4),
        "hidden": [round(x, 6) for x in heard[0, 50, :8].tolist()],
        "first_logits": [round(x, 5) for x in kept[0][:16].tolist()],
        "last_logits": [round(x, 5) for x in kept[-1][:16].tolist()],
        "attention": [[round(float(x), 6) for x in row[:12]] for row in attention],
    }


def small():
    found = []
    for mels in (80, 128):
        model = network(config(mels, **SIZES), 0.25)
        write(model, OUT / f"mels_{mels}", with_merged=mels == 80)
        for seed, prompt in enumerate(([START, 5, 7, 9], [START, 5, 7, 8], [3, 4, START, 5, 9, 11, 2], [START])):
            found.append({"model": f"mels_{mels}", "seed": seed, **decoding(model, window(mels, 200, seed), prompt)})
    return found


def vocabulary(out):
    """A tokenizer of as many tokens as the multilingual checkpoints have, its words made up."""
    letters = list(bytes_to_unicode().values())
    words = letters + [f"\u0120w{number}" for number in range(TEXT - len(letters))]
    codes = list(LANGUAGES)[:99]
    special = ["<|endoftext|>", "<|startoftranscript|>", *(f"<|{code}|>" for code in codes), "<|translate|>", "<|transcribe|>"]
    special += ["<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
    special += [f"<|{0.02 * step:.2f}|>" for step in range(1_501)]
    tokenizer = Tokenizer(models.BPE({word: index for index, word in enumerate(words)}, []))
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(name, normalized=False, special=True) for name in special])
    tokenizer.save(str(out / "tokenizer.json"))
    (out / "vocab.json").write_text(json.dumps({word: index for index, word in enumerate(words)}))
    (out / "merges.txt").write_text("#version: 0.2\n")
    (out / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "WhisperTokenizer"}) + "\n")
    return special


TEXT = 50_257


def shapes(out):
    """The exports, and the checkpoints in Hugging Face's layout beside them, for the programs that Samovar is measured beside."""
    for name, width, layers, heads in (("tiny", 384, 4, 6), ("base", 512, 6, 8)):
        sizes = dict(d_model=width, encoder_layers=layers, encoder_attention_heads=heads, encoder_ffn_dim=4 * width)
        sizes |= dict(decoder_layers=layers, decoder_attention_heads=heads, decoder_ffn_dim=4 * width)
        ids = dict(bos_token_id=TEXT, eos_token_id=TEXT, pad_token_id=TEXT, decoder_start_token_id=TEXT + 1)
        made = WhisperConfig(num_mel_bins=80, vocab_size=51_865, suppress_tokens=[], begin_suppress_tokens=[], **ids, **sizes)
        torch.manual_seed(7)
        model = WhisperForConditionalGeneration(made).eval()
        folder = out / name
        (folder / "onnx").mkdir(parents=True, exist_ok=True)
        for part in exports(model):
            onnx.save(part, folder / "onnx" / f"{part.graph.name}.onnx")
        special = vocabulary(folder)
        token = {name: TEXT + index for index, name in enumerate(special)}
        known = dict(
            _from_model_config=False, is_multilingual=True, no_timestamps_token_id=token["<|notimestamps|>"], max_initial_timestamp_index=50,
            lang_to_id={name: token[name] for name in special[2:101]}, return_timestamps=False,
            task_to_id={task: token[f"<|{task}|>"] for task in ("translate", "transcribe")}, max_length=448,
            alignment_heads=[[layers - 1, head] for head in range(heads)], suppress_tokens=[], begin_suppress_tokens=[],
        )
        for key, value in known.items():
            setattr(model.generation_config, key, value)
        model.save_pretrained(folder)
        WhisperFeatureExtractor().save_pretrained(folder)
        print(folder, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", type=Path, help="write random weights of true shapes there instead")
    options = parser.parse_args()
    if options.shapes:
        shapes(options.shapes)
        return
    OUT.mkdir(parents=True, exist_ok=True)
    found = small()
    for row in found:
        print(row["model"], row["seed"], row["margin"], row["tokens"])
    (OUT / "decodings.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
