"""Muon (Jordan et al., 2024): momentum whose every step is made orthogonal, which small networks learn faster from.

A convolution's weight is taken as the matrix [outputs, inputs × height × width]. Steps are scaled to the size of AdamW's
(Liu et al., 2025), so that both share one rate of learning.
"""

from __future__ import annotations

import torch
from torch import Tensor

MOMENTUM = 0.95
# The quintic Newton-Schulz iteration that drives all singular values to about one.
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5


class Muon(torch.optim.Optimizer):
    """For weights of two and more dimensions."""

    def __init__(self, weights: list[Tensor], lr: float, weight_decay: float) -> None:
        super().__init__(weights, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        for group in self.param_groups:
            for weight in group["params"]:
                momentum = self.state[weight].setdefault("momentum", torch.zeros_like(weight))
                momentum.lerp_(weight.grad, 1 - MOMENTUM)
                ahead = weight.grad.lerp(momentum, MOMENTUM)
                turned = orthogonal(ahead.flatten(1)).view(ahead.shape)
                size = 0.2 * max(turned.shape[0], turned[0].numel()) ** 0.5
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                weight.sub_(turned, alpha=group["lr"] * size)


def orthogonal(matrix: Tensor) -> Tensor:
    """The nearest matrix with orthogonal rows or columns, roughly."""
    a, b, c = COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(ITERATIONS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if tall else x
