"""Trains starter-stg-nf on normal walks of the street's training seeds: `python starter/anomaly/train.py`.

Nothing is drawn; keypoints are spoilt anew in every batch as a pose network would spoil them. A checkpoint is written
every 500 steps beside `--out`; an interrupted run goes on from it, a finished one removes it.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch

from export import export
from jitter import spoil
from network import PoseFlow
from tracks import SIZE, normal_tracks
from windows import prepare

MODEL = Path(__file__).resolve().parents[1] / "models" / "starter-stg-nf.onnx"
RATE = 2e-3
WARM_STEPS = 200
# Noise on the prepared windows (shares of the spread of y): likelihood shall tell poses apart, not good pose networks
# from bad ones, so nothing finer than this is learned.
FLOOR = 0.08
SAVE_STEPS = 500


def train(options: argparse.Namespace) -> PoseFlow:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    tracks = normal_tracks(range(options.scenes))
    print(f"{len(tracks.points)} poses, {len(tracks.starts)} windows", flush=True)
    flow = PoseFlow()
    batch = lambda step: _batch(tracks, step, options.batch)
    flow.start_from(batch(0))
    optimiser = torch.optim.AdamW(flow.parameters(), lr=RATE, weight_decay=1e-5)
    checkpoint = _checkpoint(options.out)
    first = _resume(checkpoint, flow, optimiser) if options.resume else 1
    began, losses = time.time(), []
    for step in range(first, options.steps + 1):
        losses.append(_learn(flow, optimiser, batch(step), _rate(step, options.steps)))
        if step % SAVE_STEPS == 0 or step == options.steps:
            torch.save(
                {"flow": flow.state_dict(), "optimiser": optimiser.state_dict(), "step": step}, checkpoint
            )
            print(
                f"step {step}  nll {np.mean(losses[-SAVE_STEPS:]):.4f}  {time.time() - began:.0f} s",
                flush=True,
            )
    return flow


def _batch(tracks, step: int, count: int) -> torch.Tensor:
    rng = np.random.default_rng([7, step])
    pose = prepare(spoil(rng, tracks.sample(rng, count), SIZE), SIZE)
    return torch.from_numpy(pose + FLOOR * rng.standard_normal(pose.shape, dtype=np.float32))


def _learn(flow: PoseFlow, optimiser: torch.optim.Optimizer, pose: torch.Tensor, rate: float) -> float:
    for group in optimiser.param_groups:
        group["lr"] = rate
    loss = flow(pose)[0].mean()
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(flow.parameters(), 1.0)
    optimiser.step()
    return float(loss.detach())


def _rate(step: int, steps: int) -> float:
    warm = min(step / WARM_STEPS, 1.0)
    return RATE * warm * 0.5 * (1 + math.cos(math.pi * step / steps))


def _resume(checkpoint: Path, flow: PoseFlow, optimiser: torch.optim.Optimizer) -> int:
    if not checkpoint.exists():
        return 1
    state = torch.load(checkpoint, weights_only=True)
    flow.load_state_dict(state["flow"])
    optimiser.load_state_dict(state["optimiser"])
    return state["step"] + 1


def _checkpoint(out: Path) -> Path:
    return out.with_suffix(".checkpoint")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=MODEL, help="the ONNX file to write")
    parser.add_argument("--scenes", type=int, default=1500, help="training seeds 0 to this")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=128, help="windows per step")
    parser.add_argument(
        "--resume", action=argparse.BooleanOptionalAction, default=True, help="go on from a checkpoint"
    )
    options = parser.parse_args()
    export(train(options), options.out)
    _checkpoint(options.out).unlink(missing_ok=True)


if __name__ == "__main__":
    main()
