"""What the network is trained to do: which anchors answer for which person, and how far their predictions are off.

Anchors are assigned by task alignment (Feng et al., TOOD, 2021): those whose score and overlap are best, among those of a
fitting level that lie in the box. Boxes are compared by CIoU (Zheng et al., 2020), key points by the object key point
similarity of COCO, together with a logarithmic distance that still pulls where the similarity is flat.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from geometry import AREA_SHARE, SIGMAS
from network import CLOSE_STRIDE, Raw, anchors

# Longest side of the boxes, in pixels, that the level of each stride answers for.
SIZES = {8: (0.0, 52.0), 16: (38.0, 116.0), 32: (86.0, 1e5)}
ANCHORS_PER_PERSON = 8
# How far round a key point cells point to it, relative to the root of the person's area.
NEARBY = 0.6
DEVIATIONS = 2.0 * torch.from_numpy(SIGMAS)
# What the visibility is trained towards: outside the frame, occluded, visible.
SEEN = (0.0, 0.6, 1.0)


class Targets(NamedTuple):
    """The people of a batch, padded to the same number."""

    boxes: Tensor
    """[batch, people, 4]: x0, y0, x1, y1 in pixels."""
    points: Tensor
    """[batch, people, 17, 3]: x, y in pixels, visibility 0, 1 or 2."""
    kind: Tensor
    """[batch, people]: 1 a person to find, -1 one to ignore, 0 padding."""


class Losses(NamedTuple):
    """Means over the batch; `total` is what is minimised."""

    total: Tensor
    score: Tensor
    box: Tensor
    points: Tensor
    seen: Tensor
    nearby: Tensor
    heat: Tensor


class Assignment(NamedTuple):
    """Which person each anchor answers for."""

    person: Tensor
    """[batch, anchors]: index of the person."""
    quality: Tensor
    """[batch, anchors]: score to be predicted; 0 for anchors without a person."""
    ignore: Tensor
    """[batch, anchors]: anchors that are not judged."""


class Loss:
    """The loss for an input of (width, height)."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.centres, self.strides = anchors(size)
        limits = torch.tensor([SIZES[int(stride)] for stride in self.strides])
        self.smallest, self.largest = limits.unbind(1)

    def __call__(self, raw: Raw, targets: Targets) -> Losses:
        boxes = self.boxes(raw.sides)
        found = self.assign(raw.logit.detach().sigmoid(), boxes.detach(), targets)
        weight_sum = found.quality.sum().clamp(min=1.0)
        score = F.binary_cross_entropy_with_logits(raw.logit, found.quality, reduction="none")
        score = (score * ~found.ignore).sum() / weight_sum

        image, anchor = found.quality.nonzero(as_tuple=True)
        person, weight = found.person[image, anchor], found.quality[image, anchor] / weight_sum
        box_target, point_target = targets.boxes[image, person], targets.points[image, person]
        box = ((1.0 - ciou(boxes[image, anchor], box_target)) * weight).sum()
        points = self.centres[anchor, None] + raw.points[image, anchor] * self.strides[anchor, None, None]
        points = (point_error(points, point_target, box_target) * weight).sum()
        seen = (seen_error(raw.seen[image, anchor], point_target) * weight).sum()
        nearby, heat = nearby_error(raw.nearby, targets), heat_error(raw.heat, targets)
        total = 0.5 * score + 3.0 * box + 6.0 * points + 0.25 * seen + 8.0 * nearby + 2.0 * heat
        return Losses(total, score, box, points, seen, nearby, heat)

    def boxes(self, sides: Tensor) -> Tensor:
        sides = sides * self.strides[:, None]
        return torch.cat([self.centres - sides[..., :2], self.centres + sides[..., 2:]], -1)

    @torch.no_grad()
    def assign(self, scores: Tensor, boxes: Tensor, targets: Targets) -> Assignment:
        wanted, size = targets.kind > 0, targets.boxes[..., 2:] - targets.boxes[..., :2]
        middle = (targets.boxes[..., :2] + targets.boxes[..., 2:]) / 2
        away = (self.centres - middle[:, :, None]).abs()
        half = size[:, :, None] / 2
        inside = (away <= half.clamp(min=0.5 * self.strides[:, None])).all(-1)
        longest = size.amax(-1)[..., None]
        fitting = inside & wanted[..., None] & (longest >= self.smallest) & (longest < self.largest)

        overlap = iou(targets.boxes[:, :, None], boxes[:, None]).clamp(min=0)
        prior = torch.exp(-2.0 * (away / half.clamp(min=1.0)).square().sum(-1))
        align = scores[:, None].sqrt() * (overlap + 0.01).pow(4) * prior * fitting
        best, index = align.topk(ANCHORS_PER_PERSON, -1)
        align = torch.zeros_like(align).scatter_(-1, index, best)
        align, person = align.max(1)

        top_align = torch.zeros_like(targets.kind, dtype=torch.float32).scatter_reduce(1, person, align, "amax")
        taken = overlap.gather(1, person[:, None]).squeeze(1) * (align > 0)
        top_overlap = torch.zeros_like(top_align).scatter_reduce(1, person, taken, "amax")
        quality = align / top_align.gather(1, person).clamp(min=1e-12) * top_overlap.gather(1, person)
        ignored = (inside & (targets.kind < 0)[..., None]).any(1) & (align == 0)
        return Assignment(person, quality.clamp(max=1.0), ignored)


def point_error(points: Tensor, target: Tensor, boxes: Tensor) -> Tensor:
    """The mean over the labelled points of each person."""
    square = (points - target[..., :2]).square().sum(-1)
    labelled = (target[..., 2] > 0).float()
    error = distance(square / (reach(boxes)[:, None] * DEVIATIONS).square())
    return (error * labelled).sum(-1) / labelled.sum(-1).clamp(min=1.0)


def distance(square: Tensor) -> Tensor:
    """What is lost by points that are off, by the square of that in COCO's unit for the point and the person."""
    return 1.0 - torch.exp(-square / 2.0) + 0.5 * torch.log1p((square + 1e-4).sqrt())


def reach(boxes: Tensor) -> Tensor:
    """The root of the area that a person covers, in pixels."""
    return (boxes[..., 2:] - boxes[..., :2]).prod(-1).mul(AREA_SHARE).clamp(min=1.0).sqrt()


def nearby_error(nearby: Tensor, targets: Targets) -> Tensor:
    """How far off the cells point that have a key point near them; those next to it count the most."""
    size = reach(targets.boxes)
    away = square_to_cells(targets.points, nearby.shape[-2:]).sqrt()
    away = away / (NEARBY * size).clamp(min=2.5 * CLOSE_STRIDE)[..., None, None, None]
    labelled = (targets.points[..., 2] > 0) & (targets.kind > 0)[..., None]
    away, person = away.masked_fill(~labelled[..., None, None], 9.0).min(1)

    image, point, row, column = (away < 1.0).nonzero(as_tuple=True)
    person, weight = person[image, point, row, column], 1.0 - away[image, point, row, column]
    cell = (torch.stack([column, row], -1) + 0.5) * CLOSE_STRIDE
    found = cell + nearby[image, point, :, row, column] * CLOSE_STRIDE
    square = (found - targets.points[image, person, point, :2]).square().sum(-1)
    error = distance(square / (size[image, person] * DEVIATIONS[point]).square())
    return (error * weight).sum() / weight.sum().clamp(min=1.0)


def heat_error(logit: Tensor, targets: Targets) -> Tensor:
    """How far the map is from bells over the visible points, by quality focal loss (Li et al., 2020)."""
    spread = (reach(targets.boxes)[..., None] * 0.6 * DEVIATIONS).clamp(min=0.7 * CLOSE_STRIDE)[..., None, None]
    away = square_to_cells(targets.points, logit.shape[-2:]) / spread.square()
    visible = targets.points[..., 2] > 1.5
    wanted = torch.exp(-0.5 * away.masked_fill(~visible[..., None, None], 1e3).amin(1))
    error = F.binary_cross_entropy_with_logits(logit, wanted, reduction="none")
    focus = (wanted - logit.detach().sigmoid()).square()
    return (error * focus).sum() / visible.sum().clamp(min=1)


def square_to_cells(points: Tensor, shape: tuple[int, int]) -> Tensor:
    """Squared distances [batch, people, 17, rows, columns] of points to the centres of the cells of stride 4."""
    rows, columns = ((torch.arange(count) + 0.5) * CLOSE_STRIDE for count in shape)
    across, down = (columns - points[..., 0, None]).square(), (rows - points[..., 1, None]).square()
    return down[..., :, None] + across[..., None, :]


def seen_error(logit: Tensor, target: Tensor) -> Tensor:
    wanted = torch.tensor(SEEN)[target[..., 2].long()]
    return F.binary_cross_entropy_with_logits(logit, wanted, reduction="none").mean(-1)


def iou(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union of boxes x0, y0, x1, y1, element by element."""
    low, high = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    area_a, area_b = (a[..., 2:] - a[..., :2]).prod(-1), (b[..., 2:] - b[..., :2]).prod(-1)
    return shared / (area_a + area_b - shared + 1e-6)


def ciou(a: Tensor, b: Tensor) -> Tensor:
    """Complete IoU: less what the centres are apart and the aspects differ."""
    overlap = iou(a, b)
    hull = torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])
    apart = (a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:]).square().sum(-1) / 4
    (wa, ha), (wb, hb) = ((x[..., 2:] - x[..., :2]).clamp(min=1e-3).unbind(-1) for x in (a, b))
    aspect = 4 / math.pi**2 * (torch.atan(wa / ha) - torch.atan(wb / hb)).square()
    with torch.no_grad():
        share = aspect / (1 - overlap + aspect + 1e-6)
    return overlap - apart / (hull.square().sum(-1) + 1e-6) - share * aspect
