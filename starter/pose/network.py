"""The network: a small one-stage person detector with a key point head, in the layout of the YOLO v8 family.

A plain convolutional backbone, a top-down feature pyramid with strides 8, 16 and 32, and heads whose weights the three
levels share. Raw predictions are in units of the level's stride; `Detect` and `Pose` wrap the network for export and turn
them into the pixels and scores of the exported layout.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STRIDES = (8, 16, 32)
CLOSE_STRIDE = 4
KEYPOINTS = 17

# Sides of a box and offsets of key points are predicted in this many strides per unit.
SIDE_UNIT = 2.0
POINT_UNIT = 4.0
# How often the exported pose model moves the points.
REFINEMENTS = 2


class Raw(NamedTuple):
    """Predictions of all anchors, finest level first: row by row within a level."""

    sides: Tensor
    """[batch, anchors, 4]: distances left, top, right, bottom from the anchor, in strides, not negative."""
    logit: Tensor
    """[batch, anchors]: person or not, before the sigmoid."""
    points: Tensor
    """[batch, anchors, 17, 2]: offsets of the key points from the anchor, in strides."""
    seen: Tensor
    """[batch, anchors, 17]: visible or not, before the sigmoid."""
    nearby: Tensor
    """[batch, 17, 2, rows, columns]: from each cell of stride 4, in such cells, to the key point near it."""
    heat: Tensor
    """[batch, 17, rows, columns]: whether a key point is seen in the cell, before the sigmoid. Only training has a use for
    it: it teaches the features what a left knee looks like, long before the offsets would."""


class ConvAct(nn.Sequential):
    """Convolution, batch normalisation, SiLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> None:
        conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        super().__init__(conv, nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.03), nn.SiLU(inplace=True))


class Split(nn.Module):
    """A cross-stage block: half of the channels pass through residual pairs of convolutions, all steps are kept."""

    def __init__(self, channels: int, depth: int) -> None:
        super().__init__()
        half = channels // 2
        self.half = half
        self.enter = ConvAct(channels, channels, 1)
        self.pairs = nn.ModuleList(nn.Sequential(ConvAct(half, half), ConvAct(half, half)) for _ in range(depth))
        self.leave = ConvAct(channels + depth * half, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        parts = list(self.enter(x).split(self.half, 1))
        for pair in self.pairs:
            parts.append(parts[-1] + pair(parts[-1]))
        return self.leave(torch.cat(parts, 1))


class Backbone(nn.Module):
    """Features at strides 4, 8, 16 and 32."""

    def __init__(self, widths: tuple[int, int, int, int, int]) -> None:
        super().__init__()
        c2, c4, c8, c16, c32 = widths
        self.stem = nn.Sequential(ConvAct(3, c2, stride=2), ConvAct(c2, c4, stride=2), ConvAct(c4, c4))
        self.to8 = nn.Sequential(ConvAct(c4, c8, stride=2), Split(c8, 2))
        self.to16 = nn.Sequential(ConvAct(c8, c16, stride=2), Split(c16, 2))
        self.to32 = nn.Sequential(ConvAct(c16, c32, stride=2), Split(c32, 1))

    def forward(self, x: Tensor) -> list[Tensor]:
        x4 = self.stem(x)
        x8 = self.to8(x4)
        x16 = self.to16(x8)
        return [x4, x8, x16, self.to32(x16)]


class Pyramid(nn.Module):
    """Top-down pyramid: coarse features are doubled and added to the finer ones."""

    def __init__(self, inputs: tuple[int, ...], channels: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(ConvAct(width, channels, 1) for width in inputs)
        self.smooth = nn.ModuleList(Split(channels, 1) for _ in inputs[:2])

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        x8, x16, x32 = (lateral(x) for lateral, x in zip(self.lateral, features[1:]))
        x16 = self.smooth[1](x16 + double(x32))
        x8 = self.smooth[0](x8 + double(x16))
        return [x8, x16, x32]


class Closeup(nn.Module):
    """Where key points are, seen from nearby, at stride 4: fine features, told by the pyramid what they belong to.

    Gives 17 × (x, y) offsets in cells and, for training alone, 17 maps of where points are seen.
    """

    def __init__(self, fine: int, coarse: int, width: int) -> None:
        super().__init__()
        self.fine, self.coarse = ConvAct(fine, width, 1), ConvAct(coarse, width, 1)
        self.mix = ConvAct(width, width)
        self.offsets, self.heat = nn.Conv2d(width, KEYPOINTS * 2, 1), nn.Conv2d(width, KEYPOINTS, 1)
        nn.init.constant_(self.heat.bias, -4.6)

    def forward(self, x4: Tensor, x8: Tensor) -> Tensor:
        return self.mix(self.fine(x4) + double(self.coarse(x8)))


class Head(nn.Sequential):
    """Convolutions shared by the levels and the last one that predicts."""

    def __init__(self, inputs: int, widths: tuple[int, ...], outputs: int) -> None:
        steps = zip((inputs, *widths), widths)
        last = nn.Conv2d(widths[-1], outputs, 1)
        super().__init__(*(ConvAct(before, after) for before, after in steps), last)
        nn.init.zeros_(last.bias)


class StreetNet(nn.Module):
    """The whole network. Input [batch, 3, height, width], RGB, 0–1; sides are multiples of 32."""

    def __init__(self) -> None:
        super().__init__()
        widths = (16, 24, 48, 64, 64)
        channels = 48
        self.backbone = Backbone(widths)
        self.pyramid = Pyramid(widths[2:], channels)
        self.box = Head(channels, (48,), 5)
        self.pose = Head(channels, (48, 48), KEYPOINTS * 3)
        self.close = Closeup(widths[1], channels, 32)
        nn.init.constant_(self.box[-1].bias[4:], -4.6)

    def forward(self, x: Tensor) -> Raw:
        features = self.backbone(x)
        levels = self.pyramid(features)
        box = flat([self.box(level) for level in levels])
        sides, logit = F.softplus(box[..., :4]) * SIDE_UNIT, box[..., 4]
        pose = flat([self.pose(level) for level in levels]).unflatten(-1, (KEYPOINTS, 3))
        close = self.close(features[0], levels[0])
        nearby = self.close.offsets(close).float().unflatten(1, (KEYPOINTS, 2))
        return Raw(sides, logit, pose[..., :2] * POINT_UNIT, pose[..., 2], nearby, self.close.heat(close).float())


class Detect(nn.Module):
    """The detector as it is exported: [batch, 5, anchors] = cx, cy, w, h in input pixels, score 0–1."""

    def __init__(self, net: StreetNet, size: tuple[int, int]) -> None:
        super().__init__()
        self.net = net
        centres, strides = anchors(size)
        self.register_buffer("centres", centres.T[None].contiguous())
        self.register_buffer("strides", strides[None, None].contiguous())
        self.cells = [size[0] // stride * (size[1] // stride) for stride in STRIDES]

    def forward(self, images: Tensor) -> Tensor:
        return self.boxes(self.net.pyramid(self.net.backbone(images)))

    def boxes(self, levels: list[Tensor]) -> Tensor:
        raw = self.gather(self.net.box, levels, 5)
        sides = F.softplus(raw[:, :4]) * (self.strides * SIDE_UNIT)
        low, high = sides[:, :2], sides[:, 2:]
        return torch.cat([self.centres + (high - low) * 0.5, low + high, raw[:, 4:].sigmoid()], 1)

    def gather(self, head: nn.Module, levels: list[Tensor], channels: int) -> Tensor:
        """[batch, channels, anchors]. Sizes are written as constants, which leaves only the batch open in the graph."""
        maps = [head(level).reshape(-1, channels, cells) for level, cells in zip(levels, self.cells)]
        return torch.cat(maps, 2)


class Pose(Detect):
    """The pose model as it is exported: [batch, 56, anchors], the detector's 5 and 17 × (x, y in pixels, visibility 0–1).

    Each anchor says roughly where its person's points are; the cells of stride 4 say, from nearby, where exactly.
    """

    def __init__(self, net: StreetNet, size: tuple[int, int]) -> None:
        super().__init__(net, size)
        self.columns, self.rows = size[0] // CLOSE_STRIDE, size[1] // CLOSE_STRIDE

    def forward(self, images: Tensor) -> Tensor:
        features = self.net.backbone(images)
        levels = self.net.pyramid(features)
        count = sum(self.cells)
        raw = self.gather(self.net.pose, levels, KEYPOINTS * 3).reshape(-1, KEYPOINTS, 3, count)
        points = self.centres[:, None] + raw[:, :, :2] * (self.strides[:, None] * POINT_UNIT)
        nearby = self.net.close.offsets(self.net.close(features[0], levels[0]))
        nearby = nearby.reshape(-1, KEYPOINTS, 2, self.columns * self.rows)
        for _ in range(REFINEMENTS):
            points = self.refine(points, nearby)
        points = torch.cat([points, raw[:, :, 2:].sigmoid()], 2).reshape(-1, KEYPOINTS * 3, count)
        return torch.cat([self.boxes(levels), points], 1)

    def refine(self, points: Tensor, nearby: Tensor) -> Tensor:
        """Moves points [batch, 17, 2, anchors] to where the cells in which they lie point to."""
        stride = float(CLOSE_STRIDE)
        column = (points[:, :, :1] / stride).floor().clamp(0, self.columns - 1)
        row = (points[:, :, 1:] / stride).floor().clamp(0, self.rows - 1)
        index = (row * self.columns + column).long()
        towards = nearby.gather(3, torch.cat([index, index], 2))
        return (torch.cat([column, row], 2) + 0.5 + towards) * stride


def anchors(size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Centres [anchors, 2] in pixels and strides [anchors] for an input of (width, height)."""
    centres, strides = [], []
    for stride in STRIDES:
        xs = (torch.arange(size[0] // stride) + 0.5) * stride
        ys = (torch.arange(size[1] // stride) + 0.5) * stride
        grid = torch.stack(torch.meshgrid(xs, ys, indexing="xy"), -1).reshape(-1, 2)
        centres.append(grid)
        strides.append(torch.full((len(grid),), float(stride)))
    return torch.cat(centres), torch.cat(strides)


def double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


def flat(levels: list[Tensor]) -> Tensor:
    """Maps [batch, channels, h, w] of all levels as [batch, anchors, channels], in full precision."""
    return torch.cat([level.flatten(2) for level in levels], 2).transpose(1, 2).float()
