"""The normalising flow: how likely a window of poses is among normal ones.

After STG-NF (Hirschorn and Avidan, "Normalizing Flows for Human Pose Anomaly Detection", ICCV 2023), with the same input,
outputs and prior, but a network of its own: scales are learned per joint, the graph is learned from that of the body,
and couplings take turns between the axes and between even and odd frames, so that movement in time is seen as well.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from windows import JOINTS, WINDOW

PRIOR_MEAN = 3.0
SCALE_MAX = 2.5  # of the logarithm
BONES = (
    (0, 1),
    (1, 2),
    (2, 3),
    (3, 4),
    (1, 5),
    (5, 6),
    (6, 7),
    (1, 8),
    (8, 9),
    (9, 10),
    (1, 11),
    (11, 12),
    (12, 13),
    (0, 14),
    (14, 16),
    (0, 15),
    (15, 17),
)


class PoseFlow(nn.Module):
    """`pose` [batch, 2, 24, 18] to `nll` [batch] (bits per number; higher is more unusual) and `z` [batch, 2, 24, 18]."""

    def __init__(self, steps: int = 8, width: int = 8):
        super().__init__()
        self.steps = nn.ModuleList(Step(number, width) for number in range(steps))

    def forward(self, pose: Tensor) -> tuple[Tensor, Tensor]:
        z, gain = pose, torch.zeros(())
        for step in self.steps:
            z, step_gain = step(z)
            gain = gain + step_gain
        likelihood = (-0.5 * (z - PRIOR_MEAN) ** 2).sum(dim=(1, 2, 3)) - pose[0].numel() * 0.5 * math.log(
            2 * math.pi
        )
        return -(gain + likelihood) / (math.log(2) * 2 * WINDOW * JOINTS), z

    @torch.no_grad()
    def start_from(self, pose: Tensor) -> None:
        """Sets every step's scale and shift so that these windows come out with mean 0 and spread 1."""
        for step in self.steps:
            step.norm.start_from(pose)
            pose, _ = step(pose)
        self.steps[-1].norm.bias += PRIOR_MEAN * torch.exp(-self.steps[-1].norm.log_scale)


class Step(nn.Module):
    """Scale and shift per joint and axis, then an affine coupling: the kept half says how the other half moves."""

    def __init__(self, number: int, width: int):
        super().__init__()
        self.norm = ActNorm()
        self.conditioner = Conditioner(width)
        self.register_buffer("kept", _mask(number))

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        z, norm_gain = self.norm(z)
        shift, scale = self.conditioner(z * self.kept).split(2, dim=1)
        moved = 1 - self.kept
        log_scale = moved * SCALE_MAX * torch.tanh(scale / SCALE_MAX)
        z = (z + moved * shift) * torch.exp(log_scale)
        return z, log_scale.sum(dim=(1, 2, 3)) + norm_gain


class ActNorm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1, 2, 1, JOINTS))
        self.log_scale = nn.Parameter(torch.zeros(1, 2, 1, JOINTS))

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return (z + self.bias) * torch.exp(self.log_scale), self.log_scale.sum() * WINDOW

    def start_from(self, z: Tensor) -> None:
        self.bias.copy_(-z.mean(dim=(0, 2), keepdim=True))
        self.log_scale.copy_(-torch.log(z.std(dim=(0, 2), keepdim=True) + 1e-4))


class Conditioner(nn.Module):
    """One spatio-temporal graph block, two axes in, shift and scale of two axes out; it starts as "leave all as it is"."""

    def __init__(self, width: int):
        super().__init__()
        self.spread = nn.Conv2d(2, 3 * width, 1)
        self.near = nn.Parameter(_near())
        self.all = nn.Parameter(torch.full((JOINTS, JOINTS), 1 / JOINTS))
        self.along = nn.Conv2d(width, width, (13, 1), padding=(6, 0))
        self.out = nn.Conv2d(width, 4, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, z: Tensor) -> Tensor:
        own, near, far = self.spread(z).split(self.along.in_channels, dim=1)
        joined = torch.relu(own + near @ self.near + far @ self.all)
        return self.out(torch.relu(self.along(joined)) + joined)


def _mask(number: int) -> Tensor:
    """What is kept in a step: x, y, even frames, odd frames, in turn."""
    if number % 4 < 2:
        return torch.tensor([1.0, 0.0] if number % 4 == 0 else [0.0, 1.0]).view(1, 2, 1, 1)
    even = (torch.arange(WINDOW) % 2 == 0).float()
    return (even if number % 4 == 2 else 1 - even).view(1, 1, WINDOW, 1)


def _near() -> Tensor:
    """Joints that a bone connects, every column adding up to one."""
    links = torch.eye(JOINTS)
    for one, other in BONES:
        links[one, other] = links[other, one] = 1
    return links / links.sum(dim=0, keepdim=True)
