"""The four tiers and the network they share: a small U-shaped segmentation network of plain 3×3 convolutions.

A strided convolution halves the picture, each level below halves it again and widens; on the way up a transposed convolution of
2×2 (no overlap, so every engine computes the same) doubles the size and the level's own features are added. Tiers differ
in the size of the input, in width and in depth, so that each costs about three times the one before.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

CLASS_COUNT = 5
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Tier:
    """One step between cheap and good."""

    name: str
    width: int
    """Pixels of the input; a multiple of 2 ** len(channels)."""
    height: int
    channels: tuple[int, ...]
    """Of each level, the finest (half the input's size) first."""
    blocks: tuple[int, ...]
    """Residual blocks of each level below the first, on the way down."""
    minutes: float
    """Time that the training takes by default, for one core that nothing else uses."""


TIERS = {
    tier.name: tier
    for tier in (
        Tier("fast", 160, 96, (8, 14, 20, 22, 24), (1, 1, 1, 1), 2),
        Tier("balanced", 224, 128, (10, 18, 26, 28, 30), (1, 1, 1, 1), 3),
        Tier("accurate", 320, 192, (14, 22, 30, 36, 40), (1, 1, 1, 1), 7),
        Tier("sota", 416, 256, (18, 28, 40, 44, 46), (1, 2, 1, 1), 12),
    )
}


class ConvAct(nn.Sequential):
    """Convolution of 3×3, batch normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        conv = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        super().__init__(conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class Block(nn.Module):
    """Two convolutions beside a straight way: [batch, channels, h, w] → the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.enter = ConvAct(channels, channels)
        self.leave = nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.leave(self.enter(x)))


class Segmenter(nn.Module):
    """Pictures [batch, 3, height, width], RGB, normalised by MEAN and STD → logits [batch, 5, height, width]."""

    def __init__(self, tier: Tier) -> None:
        super().__init__()
        channels = tier.channels
        steps = list(zip(channels, channels[1:]))
        self.stem = ConvAct(3, channels[0], stride=2)
        self.down = nn.ModuleList(
            nn.Sequential(ConvAct(fine, coarse, stride=2), *(Block(coarse) for _ in range(count)))
            for (fine, coarse), count in zip(steps, tier.blocks)
        )
        self.up = nn.ModuleList(nn.ConvTranspose2d(coarse, fine, 2, 2) for fine, coarse in steps)
        self.mix = nn.ModuleList(ConvAct(fine, fine) for fine, _ in steps)
        self.head = nn.ConvTranspose2d(channels[0], CLASS_COUNT, 2, 2)

    def forward(self, image: Tensor) -> Tensor:
        levels = [self.stem(image)]
        for down in self.down:
            levels.append(down(levels[-1]))
        x = levels.pop()
        for up, mix in zip(reversed(self.up), reversed(self.mix)):
            x = mix(up(x) + levels.pop())
        return self.head(x)


def cost(tier: Tier) -> tuple[int, int]:
    """Parameters, and multiplications with addition for one picture."""
    network = Segmenter(tier).eval()
    total = [0]

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        # A weight of a convolution works once for each output pixel, one of a transposed convolution once for each input pixel.
        pixels = inputs[0] if isinstance(layer, nn.ConvTranspose2d) else output
        total[0] += layer.weight.numel() * pixels.shape[-1] * pixels.shape[-2]

    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            layer.register_forward_hook(count)
    with torch.no_grad():
        network(torch.zeros(1, 3, tier.height, tier.width))
    return sum(parameter.numel() for parameter in network.parameters()), total[0]
