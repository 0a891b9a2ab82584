"""Draws a person: joints in the camera's view become limbs, clothes, a head and bags, from far to near.

First everything is laid out as outlines in pixels (`outline_figure`, which also gives the tight box); drawing is then
only filling them in order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .clothes import Clothes
from .raster import Canvas, capsule, ellipse, hull
from .skeleton import INDEX, Body

SMALL_PX = 70  # a lower figure has no eyes and no mouth
EYES = np.array([40.0, 32, 30])
LIGHT_FROM = np.array([-0.32, -0.5])  # towards the light in the picture, in radii of a limb


@dataclass(frozen=True)
class Shape:
    depth: float
    outline: np.ndarray  # float32 [n, 2] pixels
    colour: np.ndarray


class View:
    """The joints of one person in one frame as the camera sees them."""

    def __init__(self, body: Body, seen: np.ndarray, pixels: np.ndarray, focal_px: float):
        self.body, self.pixels = body, pixels
        self.depths = seen[:, 1]
        self.seen = seen
        self.unit = focal_px * body.height_m / float(np.mean(self.depths))  # the body height in pixels

    def at(self, name: str) -> np.ndarray:
        return self.pixels[INDEX[name]]

    def depth(self, *names: str) -> float:
        return float(np.mean([self.depths[INDEX[name]] for name in names]))

    def disc(self, name: str, radius: float) -> tuple[np.ndarray, float]:
        return self.at(name), radius * self.unit

    def between(self, start: str, end: str, share: float, radius: float) -> tuple[np.ndarray, float]:
        return self.at(start) * (1 - share) + self.at(end) * share, radius * self.unit

    def facing(self) -> tuple[np.ndarray, float]:
        """Where the face points: (right, down) in the picture, and how much towards the camera (-1..1)."""
        way = self.seen[INDEX["face"]] - self.seen[INDEX["head"]]
        way = way / max(float(np.linalg.norm(way)), 1e-6)
        return np.array([way[0], -way[2]]), float(-way[1])


def outline_figure(view: View, clothes: Clothes) -> list[Shape]:
    """All shapes of the figure, farthest first."""
    shapes: list[Shape] = []
    for side in ("left", "right"):
        shapes += _leg(view, clothes, side) + _arm(view, clothes, side)
    shapes += _torso(view, clothes) + _head(view, clothes) + _bag(view, clothes)
    return sorted(shapes, key=lambda shape: -shape.depth)


def extent(shapes: list[Shape]) -> np.ndarray:
    """x0, y0, x1, y1 round all shapes, pixels."""
    points = np.concatenate([shape.outline for shape in shapes])
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def draw_figure(canvas: Canvas, shapes: list[Shape], light: np.ndarray) -> None:
    """Fills the shapes in order, coloured by the light (RGB factors)."""
    for shape in shapes:
        canvas.convex(shape.outline, shape.colour * light)


def _limb(
    view: View, discs: list[tuple[np.ndarray, float]], colour: np.ndarray, depth: float, shine: float = 1.13
) -> list[Shape]:
    """A rounded piece: its outline, and a lighter strip where the light falls."""
    lit = [(centre + LIGHT_FROM * radius, radius * 0.55) for centre, radius in discs]
    shapes = [Shape(depth, hull(discs), colour * 0.9)]
    if view.unit > 55:
        shapes.append(Shape(depth - 1e-4, hull(lit), colour * shine))
    return shapes


def _leg(view: View, clothes: Clothes, side: str) -> list[Shape]:
    hip, knee, ankle, heel, toe = (f"{side}_{part}" for part in ("hip", "knee", "ankle", "heel", "toe"))
    depth = view.depth(hip, knee, ankle) + 0.12
    wide = 0.5 + 0.5 * view.body.width
    bare = clothes.bottom != "trousers"
    lower = clothes.skin if bare else clothes.legs
    slim = 0.75 if bare else 1.0
    shapes = _limb(
        view,
        [view.disc(heel, 0.019), view.disc(toe, 0.015), view.disc(ankle, 0.02)],
        clothes.shoes,
        depth + 0.002,
    )
    shapes += _limb(
        view, [view.disc(knee, 0.034 * wide * slim), view.disc(ankle, 0.025 * slim)], lower, depth + 0.001
    )
    upper = clothes.skin if clothes.bottom == "skirt" else clothes.legs
    return shapes + _limb(view, [view.disc(hip, 0.056 * wide), view.disc(knee, 0.036 * wide)], upper, depth)


def _arm(view: View, clothes: Clothes, side: str) -> list[Shape]:
    shoulder, elbow, wrist, hand = (f"{side}_{part}" for part in ("shoulder", "elbow", "wrist", "hand"))
    depth = view.depth(shoulder, elbow, wrist, hand)
    wide = 0.6 + 0.4 * view.body.width
    shade = clothes.top * 0.94
    fore = clothes.top * 0.94 if clothes.sleeves > 0.9 else clothes.skin
    shapes = _limb(view, [view.disc(wrist, 0.015), view.disc(hand, 0.018)], clothes.skin, depth + 0.002)
    shapes += _limb(view, [view.disc(elbow, 0.024 * wide), view.disc(wrist, 0.018)], fore, depth + 0.001)
    return shapes + _limb(
        view, [view.disc(shoulder, 0.034 * wide), view.disc(elbow, 0.026 * wide)], shade, depth
    )


def _torso(view: View, clothes: Clothes) -> list[Shape]:
    wide = view.body.width
    depth = view.depth("chest", "back", "left_hip", "right_hip")
    hips = [view.disc("left_hip", 0.055 * wide), view.disc("right_hip", 0.055 * wide)]
    top = [
        view.disc("left_shoulder", 0.032),
        view.disc("right_shoulder", 0.032),
        view.disc("chest", 0.05 * wide),
        view.disc("back", 0.045 * wide),
        view.disc("belly", 0.06 * wide),
        view.disc("neck", 0.03),
    ]
    shapes = _limb(view, hips, clothes.legs, depth + 0.05)
    shapes += _skirt(view, clothes, depth + 0.04)
    shapes += _limb(
        view, top + [(centre, radius * 1.02) for centre, radius in hips], clothes.top, depth, 1.06
    )
    return shapes + _stripes(view, clothes, depth - 0.001)


def _skirt(view: View, clothes: Clothes, depth: float) -> list[Shape]:
    """The cloth below the waist: a skirt, or the skirts of a coat."""
    reach = 0.85 if clothes.bottom == "skirt" else clothes.coat
    if reach < 0.1:
        return []
    colour = clothes.top if clothes.coat > 0.3 else clothes.legs if clothes.bottom == "skirt" else clothes.top
    flare = 0.05 + 0.02 * reach
    discs = [view.disc(f"{side}_hip", 0.058 * view.body.width) for side in ("left", "right")]
    discs += [view.between(f"{side}_hip", f"{side}_knee", reach, flare) for side in ("left", "right")]
    return _limb(view, discs, colour * 0.97, depth, 1.05)


def _stripes(view: View, clothes: Clothes, depth: float) -> list[Shape]:
    if not clothes.stripes or view.unit < 80:
        return []
    bands = []
    for share in (0.25, 0.5, 0.75):
        ends = [
            view.at(f"{side}_shoulder") * (1 - share) + view.at(f"{side}_hip") * share
            for side in ("left", "right")
        ]
        bands.append(
            Shape(
                depth, capsule(ends[0], 0.018 * view.unit, ends[1], 0.018 * view.unit), clothes.top * 0.6 + 30
            )
        )
    return bands


@dataclass(frozen=True)
class Head:
    """Where the head is in the picture: its middle, its axes (unit vectors), and the length unit of its parts."""

    centre: np.ndarray
    up: np.ndarray
    across: np.ndarray
    way: np.ndarray  # where the face points, right and down
    towards: float  # how much of that is towards the camera, -1..1
    unit: float
    depth: float

    def oval(self, centre: np.ndarray, tall: float, wide: float) -> np.ndarray:
        return ellipse(centre, self.up * tall * self.unit, self.across * wide * self.unit)

    def blob(self, start: np.ndarray, start_radius: float, end: np.ndarray, end_radius: float) -> np.ndarray:
        return capsule(start, start_radius * self.unit, end, end_radius * self.unit)


def _head(view: View, clothes: Clothes) -> list[Shape]:
    head = _head_frame(view)
    hair = clothes.skin * 0.96 if clothes.bald else clothes.hair
    neck = [view.disc("neck", 0.028), (head.centre, 0.025 * head.unit)]
    shapes = _limb(view, neck, clothes.skin * 0.92, head.depth + 0.03)
    if clothes.long_hair:
        fall = view.at("neck") - head.way * 0.035 * head.unit
        behind = 0.25 if head.towards > -0.2 else -0.03
        shapes.append(Shape(head.depth + behind, head.blob(head.centre, 0.056, fall, 0.045), hair * 0.9))
    shapes.append(Shape(head.depth, head.oval(head.centre + head.up * 0.008 * head.unit, 0.068, 0.052), hair))
    if head.towards > -0.55:
        shapes += _face(view, clothes, head)
    return shapes + _hat(clothes, head)


def _head_frame(view: View) -> Head:
    up = view.at("crown") - view.at("neck")
    up = up / max(float(np.linalg.norm(up)), 1e-6)
    across = np.array([-up[1], up[0]])
    way, towards = view.facing()
    return Head(view.at("head"), up, across, way, towards, view.unit * view.body.head, view.depth("head"))


def _face(view: View, clothes: Clothes, head: Head) -> list[Shape]:
    depth = head.depth - 0.01
    slim = 0.55 + 0.45 * max(head.towards, 0)
    middle = head.centre + head.way * 0.022 * head.unit - head.up * 0.010 * head.unit
    nose = view.at("nose")
    shapes = [
        Shape(depth, head.oval(middle, 0.054, 0.045 * slim), clothes.skin),
        Shape(depth - 0.001, head.blob(nose, 0.008, middle, 0.014), clothes.skin * 0.93),
    ]
    if view.unit < SMALL_PX:
        return shapes
    for eye in ("left_eye", "right_eye"):
        if view.depth(eye) < view.depth("head") + 0.01:
            shapes.append(Shape(depth - 0.002, head.oval(view.at(eye), 0.006, 0.008), EYES))
    mouth = nose - head.up * 0.026 * head.unit - head.way * 0.008 * head.unit
    return shapes + [Shape(depth - 0.002, head.oval(mouth, 0.004, 0.014 * slim), clothes.skin * 0.62)]


def _hat(clothes: Clothes, head: Head) -> list[Shape]:
    if not clothes.hat:
        return []
    depth, unit = head.depth - 0.02, head.unit
    turns = np.linspace(0, np.pi, 14)[:, None]
    base = head.centre + head.up * 0.03 * unit
    dome = base + np.cos(turns) * head.across * 0.056 * unit + np.sin(turns) * head.up * 0.052 * unit
    shapes = [Shape(depth, dome.astype(np.float32), clothes.hat_colour)]
    if clothes.hat == "cap":
        peak = head.blob(base, 0.012, base + head.way * 0.085 * unit, 0.01)
        shapes.append(Shape(depth - 0.001, peak, clothes.hat_colour * 0.8))
    if clothes.hat == "brim":
        shapes.append(Shape(depth - 0.001, head.oval(base, 0.013, 0.095), clothes.hat_colour * 0.8))
    return shapes


def _bag(view: View, clothes: Clothes) -> list[Shape]:
    match clothes.bag:
        case "backpack":
            return _backpack(view, clothes.bag_colour)
        case "hand":
            return _handbag(view, clothes.bag_hand, clothes.bag_colour)
        case "shoulder":
            return _shoulder_bag(view, clothes.bag_colour)
    return []


def _backpack(view: View, colour: np.ndarray) -> list[Shape]:
    behind = view.at("back") + (view.at("back") - view.at("chest")) * 1.1
    low = behind + (view.at("belly") - view.at("chest")) * 0.9
    depth = 2 * view.depth("back") - view.depth("chest")
    return _limb(view, [(behind, 0.055 * view.unit), (low, 0.06 * view.unit)], colour, depth)


def _handbag(view: View, side: str, colour: np.ndarray) -> list[Shape]:
    hand = view.at(f"{side}_hand")
    low = hand + np.array([0, 0.12 * view.unit])
    wide = np.array([0.05 * view.unit, 0])
    discs = [(low - wide, 0.03 * view.unit), (low + wide, 0.03 * view.unit), (hand, 0.012 * view.unit)]
    return _limb(view, discs, colour, view.depth(f"{side}_hand") - 0.03)


def _shoulder_bag(view: View, colour: np.ndarray) -> list[Shape]:
    width = 0.008 * view.unit
    strap = capsule(view.at("left_shoulder"), width, view.at("right_hip"), width)
    discs = [view.disc("right_hip", 0.045), view.between("right_hip", "right_knee", 0.35, 0.045)]
    bag = _limb(view, discs, colour, view.depth("right_hip") - 0.06)
    return bag + [Shape(view.depth("chest") - 0.08, strap, colour * 0.8)]
