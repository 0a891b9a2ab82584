"""Trains one tier within a given time: `python starter/segment/train.py --tier sota --data FOLDER --out FOLDER`.

Most of the steps see windows of the frames, the rest whole frames. The learning rate falls as a cosine over the *time* given, so
that a busy machine ends on time with fewer steps. What is kept is the moving average of the weights. A checkpoint each minute; a run that was
broken off goes on from it.
"""

from __future__ import annotations

import argparse
import copy
import math
import os
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from batches import Batches
from network import TIERS, Segmenter, Tier

BATCH = 16
RATE = 3e-3
WARM_STEPS = 100
AVERAGE_DECAY = 0.998
PART_SHARE = 0.55
"""Of the time, at the start, windows are shown instead of whole frames."""
SAVE_EVERY_S = 60


def main() -> None:
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(arguments.threads)
    torch.manual_seed(arguments.seed)
    tier = TIERS[arguments.tier]
    arguments.out.mkdir(parents=True, exist_ok=True)
    run = Run(tier, arguments.out / f"{tier.name}.pt", 60 * (arguments.minutes or tier.minutes))
    if arguments.resume:
        run.restore()
    # A resumed run goes on with another order of the frames rather than with those that it began with.
    run.train(Batches(arguments.data, tier, arguments.seed + run.step), None if arguments.float32 else torch.bfloat16)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tier", choices=TIERS, required=True)
    parser.add_argument("--data", type=Path, required=True, help="what render.py wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder of the checkpoint TIER.pt")
    parser.add_argument("--minutes", type=float, help="time of the whole training; each tier has its own default")
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--float32", action="store_true", help="no bfloat16: for processors that lack it, at twice the time")
    parser.add_argument("--resume", action=argparse.BooleanOptionalAction, default=True, help="go on from the checkpoint")
    return parser.parse_args()


@dataclass
class Run:
    """A training and how far it has come."""

    tier: Tier
    checkpoint: Path
    budget_s: float
    step: int = 0
    elapsed_s: float = 0.0

    def __post_init__(self) -> None:
        self.network = Segmenter(self.tier).to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.network)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=RATE, weight_decay=1e-3)

    def restore(self) -> None:
        if self.checkpoint.exists():
            state = torch.load(self.checkpoint, weights_only=True)
            self.network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step, self.elapsed_s = state["step"], state["elapsed_s"]

    def save(self) -> None:
        """Through a second file, so that a broken write leaves the last checkpoint whole."""
        state = {"network": self.network.state_dict(), "average": self.average.state_dict(),
                 "optimizer": self.optimizer.state_dict(), "step": self.step, "elapsed_s": self.elapsed_s}
        part = self.checkpoint.with_suffix(".part")
        torch.save(state, part)
        os.replace(part, self.checkpoint)

    def train(self, batches: Batches, precision: torch.dtype | None) -> None:
        before, saved_at, losses = self.elapsed_s, self.elapsed_s, []
        started = time.monotonic()
        while self.elapsed_s < self.budget_s:
            self._set_rate()
            losses.append(self._update(*batches.draw(BATCH, self.elapsed_s < PART_SHARE * self.budget_s), precision))
            self.elapsed_s = before + time.monotonic() - started
            if self.elapsed_s - saved_at > SAVE_EVERY_S:
                print(f"{self.tier.name} {self.elapsed_s / 60:.1f} min, step {self.step}, loss {sum(losses) / len(losses):.4f}", flush=True)
                self.save()
                saved_at, losses = self.elapsed_s, []
        self.save()

    def _set_rate(self) -> None:
        rate = RATE * 0.5 * (1 + math.cos(math.pi * self.elapsed_s / self.budget_s)) * min(1, (self.step + 1) / WARM_STEPS)
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def _update(self, images: Tensor, shares: Tensor, precision: torch.dtype | None) -> float:
        images = images.contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", precision, enabled=precision is not None):
            logits = self.network(images)
        loss = loss_of(logits.float(), shares)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimizer.step()
        self.step += 1
        self._follow()
        return loss.item()

    @torch.no_grad()
    def _follow(self) -> None:
        decay = min(AVERAGE_DECAY, (1 + self.step) / (10 + self.step))
        for kept, new in zip(self.average.state_dict().values(), self.network.state_dict().values()):
            if kept.is_floating_point():
                kept.lerp_(new, 1 - decay)


def loss_of(logits: Tensor, shares: Tensor) -> Tensor:
    """Cross entropy against the shares, and a soft Dice loss over the batch, which gives a rare class its weight.

    The second needs sums alone, for which every fourth pixel will do at a quarter of the time.
    """
    logits = logits.contiguous()
    probability, sample = logits[:, :, ::2, ::2].softmax(1), shares[:, :, ::2, ::2]
    both = (probability * sample).sum((0, 2, 3))
    sizes = (probability.square() + sample.square()).sum((0, 2, 3))
    return F.cross_entropy(logits, shares) + (1 - (2 * both + 1) / (sizes + 1)).mean()


if __name__ == "__main__":
    main()
