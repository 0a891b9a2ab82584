"""Trains the network on rendered frames (`render.py`) and keeps the mean of its weights for export.

Most of the time it sees parts of frames about people, at the end whole frames as a camera would give them. The rate of
learning follows a cosine down to nothing over the steps, or over the minutes where those run out first. An interrupted
training goes on where its last checkpoint was.
"""

from __future__ import annotations

import argparse
import copy
import math
import os
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from batches import Batches, Frames
from geometry import INPUT_SIZE
from loss import Loss, Losses
from muon import Muon
from network import StreetNet

# Width, height and number of the parts in a step, and of the whole frames.
PARTS = ((128, 160), 32)
WHOLES = (INPUT_SIZE, 8)
WHOLE_FROM = 0.8
WARM_UP_STEPS = 300
CLIP_NORM = 10.0
CHECKPOINT_EVERY = 250


class Training:
    """The state of a training: what a checkpoint holds."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.net = StreetNet().to(memory_format=torch.channels_last)
        self.mean = copy.deepcopy(self.net).eval()
        weights = [p for p in self.net.parameters() if p.ndim > 1]
        others = [p for p in self.net.parameters() if p.ndim <= 1]
        self.optimizers = [
            Muon(weights, lr=options.rate, weight_decay=0.02),
            torch.optim.AdamW(others, lr=options.rate, betas=(0.9, 0.99), weight_decay=0.0),
        ]
        self.step, self.minutes, self.cpu_s = 0, 0.0, 0.0

    def progress(self) -> float:
        """0–1: by steps or by minutes, whichever is further."""
        return max(self.step / self.options.steps, self.minutes / self.options.minutes)

    def save(self) -> None:
        path = self.options.out / "checkpoint.pt"
        state = {
            "net": self.net.state_dict(),
            "mean": self.mean.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "counts": (self.step, self.minutes, self.cpu_s),
        }
        torch.save(state, path.with_suffix(".part"))
        os.replace(path.with_suffix(".part"), path)

    def resume(self) -> None:
        path = self.options.out / "checkpoint.pt"
        if not self.options.resume or not path.exists():
            return
        state = torch.load(path)
        self.net.load_state_dict(state["net"])
        self.mean.load_state_dict(state["mean"])
        for optimizer, kept in zip(self.optimizers, state["optimizers"]):
            optimizer.load_state_dict(kept)
        self.step, self.minutes, self.cpu_s = state["counts"]
        print(f"goes on at step {self.step}", flush=True)

    def average(self) -> None:
        """Moves the mean weights towards the present ones, faster at the beginning."""
        decay = 0.999 * (1 - math.exp(-(self.step + 1) / 800))
        with torch.no_grad():
            for mean, now in zip(self.mean.state_dict().values(), self.net.state_dict().values()):
                if mean.is_floating_point():
                    mean.lerp_(now, 1 - decay)
                else:
                    mean.copy_(now)


def main() -> None:
    options = arguments()
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(1)
    torch.manual_seed(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    training = Training(options)
    training.resume()
    run(training, Frames(options.data))
    training.save()
    print(f"done: {training.step} steps, {training.minutes:.1f} min, {training.cpu_s / 3600:.2f} cpu-hours", flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder that render.py wrote")
    parser.add_argument("--out", type=Path, required=True, help="where the checkpoint goes")
    parser.add_argument("--steps", type=int, default=18000, help="steps of the whole training")
    parser.add_argument("--minutes", type=float, default=math.inf, help="minutes after which it ends in any case")
    parser.add_argument("--rate", type=float, default=1.5e-3, help="highest rate of learning")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--resume", action=argparse.BooleanOptionalAction, default=True)
    return parser.parse_args()


def run(training: Training, frames: Frames) -> None:
    options = training.options
    seed = options.seed + training.step
    parts, wholes = ((Batches(frames, size, count, seed), Loss(size)) for size, count in (PARTS, WHOLES))
    seen, began = [], (time.monotonic(), time.process_time(), training.minutes, training.cpu_s)
    while (progress := training.progress()) < 1:
        batches, loss = parts if progress < WHOLE_FROM else wholes
        seen.append(step(training, batches, loss, progress))
        training.minutes = began[2] + (time.monotonic() - began[0]) / 60
        training.cpu_s = began[3] + time.process_time() - began[1]
        if training.step % 50 == 0:
            report(training, np.array(seen))
            seen.clear()
        if training.step % CHECKPOINT_EVERY == 0:
            training.save()


def step(training: Training, batches: Batches, loss: Loss, progress: float) -> list[float]:
    rate = training.options.rate * (0.01 + 0.99 * (1 + math.cos(math.pi * progress)) / 2)
    for group in (group for optimizer in training.optimizers for group in optimizer.param_groups):
        group["lr"] = rate * min(1.0, (training.step + 1) / WARM_UP_STEPS)
    images, targets = batches.next()
    with torch.autocast("cpu", torch.bfloat16):
        raw = training.net(images)
    losses: Losses = loss(raw, targets)
    training.net.zero_grad(set_to_none=True)
    losses.total.backward()
    nn.utils.clip_grad_norm_(training.net.parameters(), CLIP_NORM)
    for optimizer in training.optimizers:
        optimizer.step()
    training.step += 1
    training.average()
    return [value.item() for value in losses]


def report(training: Training, seen: np.ndarray) -> None:
    values = " ".join(f"{name} {value:.3f}" for name, value in zip(Losses._fields, seen.mean(0)))
    spent = f"{training.minutes:.1f} min, cpu {training.cpu_s / 60:.1f} min"
    print(f"step {training.step}, {100 * training.progress():.1f} %, {spent}: {values}", flush=True)


if __name__ == "__main__":
    main()
