#!/usr/bin/env python3
"""What people run today, to be measured beside Samovar: sentence embeddings behind FastAPI, in OpenAI's form.

    pip install fastapi uvicorn[standard] numpy tokenizers openvino onnxruntime sentence-transformers
    tools/baseline/embeddings.py MODEL.onnx [--engine NAME] [--port N]

`openvino` is the best that a skilled user writes: the `tokenizers` library, one compiled model in bf16 where the CPU has it, a request
for each of two threads. `onnxruntime` is the same on one session. `sentence-transformers` loads the folder of the model, which
must hold its weights, as its documentation says, on a pool of two threads. `infinity` and `infinity-optimum` are that server as it comes
(`infinity-emb`; the second takes `optimum` below 2 and the graph in the folder's `onnx/`), which batches by itself. Says where it listens
once the first sentence has been embedded.
`samovar bench service --embedding MODEL.onnx --python PYTHON` runs it beside Samovar.
"""

import argparse
import asyncio
import concurrent.futures
import pathlib
import queue
import socket
import sys

import numpy as np
import uvicorn
from fastapi import FastAPI, Request

THREADS, TOKENS_MAX = 2, 256


def tokens_of(tokenizer, texts):
    encoded = tokenizer.encode_batch(texts)
    ids = np.array([one.ids for one in encoded], np.int64)
    mask = np.array([one.attention_mask for one in encoded], np.int64)
    return ids, mask, np.zeros_like(ids)


def pooled(hidden, mask):
    weights = mask[:, :, None].astype(np.float32)
    mean = (hidden * weights).sum(axis=1) / weights.sum(axis=1)
    return mean / np.linalg.norm(mean, axis=1, keepdims=True)


def tokenizer_of(model):
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(model.parent / "tokenizer.json"))
    tokenizer.enable_truncation(TOKENS_MAX)
    tokenizer.enable_padding()
    return tokenizer


def openvino_encoder(model):
    import openvino

    compiled = openvino.Core().compile_model(
        str(model), "CPU", {"PERFORMANCE_HINT": "THROUGHPUT", "NUM_STREAMS": THREADS, "INFERENCE_NUM_THREADS": THREADS}
    )
    requests = queue.SimpleQueue()
    for _ in range(THREADS):
        requests.put(compiled.create_infer_request())
    tokenizer = tokenizer_of(model)

    def encode(texts):
        ids, mask, types = tokens_of(tokenizer, texts)
        request = requests.get()
        try:
            hidden = request.infer({"input_ids": ids, "attention_mask": mask, "token_type_ids": types})[0]
            return pooled(hidden, mask)
        finally:
            requests.put(request)

    return encode


def onnxruntime_encoder(model):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    tokenizer = tokenizer_of(model)

    def encode(texts):
        ids, mask, types = tokens_of(tokenizer, texts)
        names = ["input_ids", "attention_mask", "token_type_ids"]
        return pooled(session.run(None, dict(zip(names, [ids, mask, types])))[0], mask)

    return encode


def sentence_transformers_encoder(model):
    from sentence_transformers import SentenceTransformer

    backend = SentenceTransformer(str(model.parent), device="cpu")
    return lambda texts: backend.encode(texts, normalize_embeddings=True)


def infinity_app(model, engine):
    from infinity_emb import EngineArgs, create_server

    arguments = EngineArgs(model_name_or_path=str(model.parent), engine=engine, device="cpu", served_model_name="embedding")
    return create_server(engine_args_list=[arguments])


class Told(uvicorn.Server):
    """Says where it listens when the application has started."""

    async def startup(self, sockets=None):
        await super().startup(sockets)
        print(f"listens on http://127.0.0.1:{sockets[0].getsockname()[1]}", file=sys.stderr, flush=True)


def app_of(encode):
    app, pool = FastAPI(), concurrent.futures.ThreadPoolExecutor(THREADS)

    @app.post("/v1/embeddings")
    async def embeddings(request: Request):
        body = await request.json()
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        vectors = await asyncio.get_running_loop().run_in_executor(pool, encode, texts)
        data = [{"object": "embedding", "index": i, "embedding": v.tolist()} for i, v in enumerate(vectors)]
        return {"object": "list", "data": data, "model": body["model"], "usage": {"prompt_tokens": 0, "total_tokens": 0}}

    return app


ENCODERS = {
    "openvino": openvino_encoder,
    "onnxruntime": onnxruntime_encoder,
    "sentence-transformers": sentence_transformers_encoder,
}
ENGINES = [*ENCODERS, "infinity", "infinity-optimum"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--engine", default="openvino", choices=ENGINES)
    parser.add_argument("--port", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.engine.startswith("infinity"):
        app = infinity_app(arguments.model, "optimum" if arguments.engine.endswith("optimum") else "torch")
    else:
        encode = ENCODERS[arguments.engine](arguments.model)
        encode(["a kettle boils"])
        app = app_of(encode)
    # With its protocol named, or asyncio leaves Nagle's algorithm on and every answer waits for the client's delayed acknowledgement.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", arguments.port))
    listener.listen(128)
    server = Told(uvicorn.Config(app, log_level="warning", access_log=False))
    asyncio.run(server.serve([listener]))


if __name__ == "__main__":
    main()
