#!/usr/bin/env python3
"""What people run today, to be measured beside Samovar: a Whisper on windows of 30 s, alone and by several callers at once.

    pip install faster-whisper transformers torch
    tools/baseline/whisper.py FOLDER [--program faster-whisper-f32|faster-whisper-int8|transformers-f32|transformers-bf16] [--callers 1,8]

FOLDER is a checkpoint in Hugging Face's layout (`model.safetensors`), as `tools/reference/whisper_graphs.py --shapes` makes them.
`faster-whisper` is converted once and kept under `--work`; alone it runs with all cores for a window, at once with a worker for each core
and a thread for each caller. `transformers` generates for all callers in one batch, which somebody would have to collect. Every window is
`--steps` greedy tokens, log-mel included; that there are as many is checked. Prints the figures as JSON, as
`samovar bench speech --python PYTHON` takes them.
"""

import argparse
import json
import os
import resource
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import numpy as np

TURNS, CORES = 5, len(os.sched_getaffinity(0))


def sound(caller):
    return (0.3 * np.sin(np.arange(480_000) * (caller + 3) * 0.0137)).astype(np.float32)


class FasterWhisper:
    """CTranslate2's Whisper behind the front end of faster-whisper. One call a caller."""

    def __init__(self, folder, work, compute, steps):
        from faster_whisper import WhisperModel

        out = work / f"ct2-{compute}"
        if not out.exists():
            # It brings torch, whose memory is none of faster-whisper's where the model was converted before.
            from ctranslate2.converters import TransformersConverter

            TransformersConverter(str(folder), copy_files=["tokenizer.json", "preprocessor_config.json"]).convert(str(out), quantization=compute)
        # Alone a window has all cores; at once each worker has one.
        self.make = lambda workers: WhisperModel(
            str(out), device="cpu", compute_type=compute, cpu_threads=max(1, CORES // workers), num_workers=workers
        )
        self.steps, self.model, self.workers = steps, self.make(1), 1

    def prepare(self, callers):
        workers = min(callers, CORES)
        if workers != self.workers:
            self.model, self.workers = None, workers
            self.model = self.make(workers)

    def window(self, samples):
        from faster_whisper.tokenizer import Tokenizer

        model = self.model
        features = model.feature_extractor(samples)[:, :3_000]
        encoded = model.encode(features)
        tokenizer = Tokenizer(model.hf_tokenizer, True, task="transcribe", language="en")
        prompt = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
        # It stops at half of `max_length`.
        result = model.model.generate(encoded, [prompt], beam_size=1, max_length=2 * self.steps, suppress_tokens=None, suppress_blank=False)
        assert len(result[0].sequences_ids[0]) == self.steps, len(result[0].sequences_ids[0])

    def run(self, sounds):
        with ThreadPoolExecutor(len(sounds)) as callers:
            list(callers.map(self.window, sounds))


class Transformers:
    """One generate call for all."""

    def __init__(self, folder, _work, compute, steps):
        import torch
        from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration

        self.torch, self.steps = torch, steps
        self.type = {"float32": torch.float32, "bfloat16": torch.bfloat16}[compute]
        self.model = WhisperForConditionalGeneration.from_pretrained(folder, dtype=self.type).eval()
        self.extractor = WhisperFeatureExtractor.from_pretrained(folder)

    def prepare(self, _callers):
        pass

    def run(self, sounds):
        features = self.extractor(sounds, sampling_rate=16_000, return_tensors="pt").input_features.to(self.type)
        with self.torch.inference_mode():
            out = self.model.generate(
                features, language="en", task="transcribe", max_new_tokens=self.steps, min_new_tokens=self.steps, num_beams=1, do_sample=False
            )
        assert out.shape[1] >= self.steps, out.shape


PROGRAMS = {
    "faster-whisper-f32": (FasterWhisper, "float32"),
    "faster-whisper-int8": (FasterWhisper, "int8"),
    "transformers-f32": (Transformers, "float32"),
    "transformers-bf16": (Transformers, "bfloat16"),
}


def timed(program, sounds):
    began = time.perf_counter()
    program.run(sounds)
    return time.perf_counter() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--program", choices=list(PROGRAMS), default="faster-whisper-f32")
    parser.add_argument("--callers", default="1,8")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--work", type=Path, default=Path("."), help="where a converted model is kept")
    options = parser.parse_args()
    make, compute = PROGRAMS[options.program]
    began = time.perf_counter()
    program = make(options.folder, options.work, compute, options.steps)
    load = time.perf_counter() - began
    alone = [timed(program, [sound(0)]) for _ in range(10)]
    window = {}
    for callers in map(int, options.callers.split(",")):
        program.prepare(callers)
        sounds = [sound(caller) for caller in range(callers)]
        program.run(sounds)
        window[callers] = median(timed(program, sounds) for _ in range(TURNS)) / callers
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1_024
    figures = {"engine": options.program.rsplit("-", 1)[0], "precision": compute, "load_s": load, "first_s": alone[0]}
    print(json.dumps({**figures, "tenth_s": alone[9], "window_s": window, "peak_bytes": peak}))


if __name__ == "__main__":
    main()
