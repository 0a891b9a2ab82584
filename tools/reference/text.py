"""Reference vectors and scores of texts: what sentence-transformers and FlagEmbedding make of small random encoders.

Writes into crates/models/tests/fixtures/text:

- bert/, m3/, reranker/: encoders of the true architectures (BERT, XLM-RoBERTa with the three heads of BGE-M3, XLM-RoBERTa with one
  label), small and with random weights, written by torch's exporter, each with a tokenizer of its own small vocabulary and the
  configuration files as transformers and sentence-transformers save them.
- expected.json: their vectors, weights and scores by the reference packages, computed from the weights before the export.

    pip install torch transformers onnx sentence-transformers FlagEmbedding datasets peft
    python tools/reference/text.py
"""

import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import onnx
import sentence_transformers
import tokenizers
import torch
import transformers
from FlagEmbedding.inference.embedder.encoder_only.m3 import M3Embedder
from sentence_transformers import CrossEncoder, SentenceTransformer
from sentence_transformers.models import Normalize, Pooling, Transformer
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertModel,
    PreTrainedTokenizerFast,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
    XLMRobertaModel,
)

FOLDER = Path(__file__).parents[2] / "crates/models/tests/fixtures/text"
SMALL = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    # Far from the usual 0.02, so that vectors of different texts differ.
    "initializer_range": 0.5,
}
POSITIONS = 64
TEXTS = [
    "The samovar is hot.",
    "Everyone at the table drinks tea from it, and nobody has to wait for water to boil again.",
    "",
    "tea",
    "A kettle boils water once; a samovar keeps it hot. A kettle boils water once; a samovar keeps it hot. And again: hot, hot, hot.",
    "Чай и вода",
    "unknown glyphs: ☃ 漢字",
]
QUERY = "What keeps water hot?"
DOCUMENTS = TEXTS[:2] + TEXTS[3:6]


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    torch.manual_seed(7)
    versions = {m.__name__: m.__version__ for m in (torch, transformers, sentence_transformers, tokenizers, onnx)}
    expected = {"versions": versions, "texts": TEXTS, "query": QUERY, "documents": DOCUMENTS}
    expected |= {"bert": bert(), "m3": m3(), "reranker": reranker()}
    text = json.dumps(expected, indent=None, separators=(",", ":"), ensure_ascii=False)
    (FOLDER / "expected.json").write_text(text.replace('},"', '},\n"') + "\n")


def word_pieces():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(TEXTS[:5], trainers.WordPieceTrainer(vocab_size=120, special_tokens=special))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    # What a tokenizer's file says of batches must change nothing.
    tokenizer.enable_truncation(12)
    tokenizer.enable_padding(length=12)
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=POSITIONS, **names)


def pieces():
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    trainer = trainers.UnigramTrainer(vocab_size=120, special_tokens=special, unk_token="<unk>")
    tokenizer.train_from_iterator(TEXTS[:6] * 4, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    names = {"bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "pad_token": "<pad>"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=POSITIONS, unk_token="<unk>", **names)


def bert():
    tokenizer = word_pieces()
    config = BertConfig(vocab_size=len(tokenizer), max_position_embeddings=POSITIONS, **SMALL)
    model = BertModel(config).eval()
    folder = FOLDER / "bert"
    with tempfile.TemporaryDirectory() as saved:
        model.save_pretrained(saved)
        tokenizer.save_pretrained(saved)
        encoder = Transformer(saved, max_seq_length=32)
        sentences = SentenceTransformer(
            modules=[encoder, Pooling(SMALL["hidden_size"], pooling_mode="mean"), Normalize()],
            prompts={"query": "what is: "},
            device="cpu",
        )
        sentences.save(str(folder))
    names = ["input_ids", "attention_mask", "token_type_ids"]
    export(Tokens(model), folder, names, ["last_hidden_state"])
    keep_small(folder)
    found = {"vectors": rows(sentences.encode(TEXTS))}
    found["query"] = rows(sentences.encode(TEXTS, prompt_name="query"))
    found["eight"] = rows(sentences.encode(TEXTS, truncate_dim=8, normalize_embeddings=True))
    for mode in ["cls", "lasttoken"]:
        pooled = SentenceTransformer(modules=[encoder, Pooling(SMALL["hidden_size"], pooling_mode=mode)], device="cpu")
        found[mode] = rows(pooled.encode(TEXTS))
    found["ids"] = [tokenizer(text, truncation=False, padding=False)["input_ids"] for text in TEXTS]
    return found


def m3():
    tokenizer = pieces()
    config = XLMRobertaConfig(
        vocab_size=len(tokenizer), max_position_embeddings=POSITIONS + 2, type_vocab_size=1, pad_token_id=1, **SMALL
    )
    folder = FOLDER / "m3"
    with tempfile.TemporaryDirectory() as saved:
        XLMRobertaModel(config).save_pretrained(saved)
        tokenizer.save_pretrained(saved)
        for name, width in [("colbert", SMALL["hidden_size"]), ("sparse", 1)]:
            torch.save(torch.nn.Linear(SMALL["hidden_size"], width).state_dict(), f"{saved}/{name}_linear.pt")
        embedder = M3Embedder(saved, use_fp16=False, devices="cpu", normalize_embeddings=True)
        found = embedder.encode(
            TEXTS, max_length=POSITIONS, return_dense=True, return_sparse=True, return_colbert_vecs=True
        )
        pairs = [(QUERY, document) for document in DOCUMENTS]
        scores = embedder.compute_score(pairs, max_passage_length=POSITIONS, weights_for_different_modes=[1, 1, 1])
    config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    heads = ThreeHeads(embedder.model).eval()
    export(heads, folder, ["input_ids", "attention_mask"], ["dense_vecs", "sparse_vecs", "colbert_vecs"])
    keep_small(folder)
    weights = [sorted((int(token), float(weight)) for token, weight in text.items()) for text in found["lexical_weights"]]
    embeddings = [
        {"dense": rows(dense), "sparse": sparse, "colbert": rows(colbert)}
        for dense, sparse, colbert in zip(found["dense_vecs"], weights, found["colbert_vecs"])
    ]
    keys = {"dense": "dense", "sparse": "sparse", "colbert": "colbert", "all": "colbert+sparse+dense"}
    return {"embeddings": embeddings, "scores": {key: rows(scores[theirs]) for key, theirs in keys.items()}}


def reranker():
    tokenizer = pieces()
    config = XLMRobertaConfig(
        vocab_size=len(tokenizer), max_position_embeddings=POSITIONS + 2, type_vocab_size=1, pad_token_id=1,
        num_labels=1, **SMALL,
    )
    model = XLMRobertaForSequenceClassification(config).eval()
    folder = FOLDER / "reranker"
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    scorer = CrossEncoder(str(folder), device="cpu", max_length=48)
    pairs = [(QUERY, document) for document in DOCUMENTS]
    scores = scorer.predict(pairs)
    logits = scorer.predict(pairs, activation_fn=torch.nn.Identity())
    export(Logits(model), folder, ["input_ids", "attention_mask"], ["logits"])
    keep_small(folder)
    return {"scores": rows(scores), "logits": rows(logits)}


class Tokens(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, token_type_ids):
        found = self.model(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids)
        return found.last_hidden_state


class Logits(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask):
        return self.model(input_ids=input_ids, attention_mask=attention_mask).logits


class ThreeHeads(torch.nn.Module):
    """FlagEmbedding's model, its three results one after the other."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask):
        inputs = {"input_ids": input_ids, "attention_mask": attention_mask}
        found = self.model(inputs, return_dense=True, return_sparse=True, return_colbert_vecs=True)
        return found["dense_vecs"], found["sparse_vecs"], found["colbert_vecs"]


def export(model, folder, inputs, outputs):
    tokens = torch.tensor([[0, 5, 6, 2], [0, 7, 2, 1]])
    arguments = {"input_ids": tokens, "attention_mask": (tokens != 1).long(), "token_type_ids": tokens * 0}
    axes = {name: {0: "batch", 1: "sequence"} for name in inputs}
    path = folder / "model.onnx"
    with torch.no_grad():
        torch.onnx.export(
            model, tuple(arguments[name] for name in inputs), str(path), input_names=inputs, output_names=outputs,
            dynamic_axes=axes, opset_version=17, dynamo=False,
        )
    graph = onnx.load(path)
    for output in graph.graph.output:
        name_axes(output, "sequence" if len(output.type.tensor_type.shape.dim) == 3 else None)
    shorten(graph.graph)
    onnx.checker.check_model(graph)
    onnx.save(graph, path)


def shorten(graph):
    """Names of what is between input and output are half of so small a file."""
    outside = {port.name for port in [*graph.input, *graph.output]}
    short = {}
    name = lambda long: long if long in outside or not long else short.setdefault(long, f"t{len(short)}")
    for tensor in graph.initializer:
        tensor.name = name(tensor.name)
    for node in graph.node:
        node.name, node.doc_string = "", ""
        node.input[:] = [name(long) for long in node.input]
        node.output[:] = [name(long) for long in node.output]
    del graph.value_info[:]


def name_axes(output, second):
    dims = output.type.tensor_type.shape.dim
    dims[0].dim_param = "batch"
    if second:
        dims[1].dim_param = second


def keep_small(folder):
    """What Samovar does not read is not kept."""
    for path in folder.rglob("*"):
        if path.suffix == ".safetensors" or path.name in ("README.md", "vocab.txt"):
            path.unlink()


def rows(values):
    return np.round(np.asarray(values, dtype=np.float64), 7).tolist()


if __name__ == "__main__":
    main()
