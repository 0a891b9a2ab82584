"""Painting: the fixed part of a scene is drawn once; each frame lays on it whoever moves.

Order of drawing: backdrop, shadows, then all that stands or moves from far to near (`order.py`). Fixed things are part
of the backdrop already and are laid on again only where something moving was drawn behind them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable

import numpy as np

from . import shadows
from .actor import Actor
from .figure import draw_figure
from .furniture import Standing, furnish
from .ground import Backdrop
from .layout import Layout
from .light import Light, drop_shadow
from .order import Item, far_to_near
from .raster import Canvas, Sprite, clip_rect, overlap, paste
from .sensor import random_sensor
from .truth import PERSON, VEHICLE
from .vehicles import Vehicle, corners, draw_vehicle

NEAREST_VEHICLE_M = 1.2
Rect = tuple[int, int, int, int]


@dataclass(frozen=True)
class Planes:
    """What a frame is painted on: colours, class of each pixel, and the number of the person it belongs to."""

    picture: np.ndarray  # uint8 [h, w, 3]
    mask: np.ndarray  # uint8 [h, w]
    owner: np.ndarray  # int32 [h, w], 0: nobody
    whole: dict[int, int] = field(default_factory=dict)  # by number: pixels painted, hidden later or not

    def stamp(self, sprite: Sprite, kind: int, number: int = 0) -> None:
        covered = paste(self.picture, sprite)
        x0, y0, x1, y1 = sprite.rect
        self.mask[y0:y1, x0:x1][covered] = kind
        self.owner[y0:y1, x0:x1][covered] = number
        if number:
            self.whole[number] = int(np.count_nonzero(covered))


@dataclass(frozen=True)
class Set:
    """What the seed decided about a scene, people apart."""

    layout: Layout
    light: Light
    lamps: list[tuple[float, float]]
    vehicles: list[Vehicle]


class Stage:
    def __init__(self, plan: Set, rng: Callable[[int], np.random.Generator]):
        self._plan, self._camera, self._light = plan, plan.layout.camera, plan.light
        self._backdrop = Backdrop(rng(5), plan.layout, plan.light)
        self.sensor = random_sensor(rng(6), *self._size, plan.light.kind == "night")
        self._standing = furnish(rng(7), plan.layout, plan.light, plan.lamps)
        self._fixed = self._paint_fixed()

    @property
    def _size(self) -> tuple[int, int]:
        return self._camera.width, self._camera.height

    def paint(self, time_s: float, actors: list[Actor]) -> Planes:
        planes = Planes(self._fixed.picture.copy(), self._fixed.mask.copy(), np.zeros_like(self._fixed.owner))
        moving = [one for one in self._plan.vehicles if one.speed and self._vehicle_rect(one, time_s)]
        outlines = [shadows.of_person(actor, self._camera, self._light) for actor in actors]
        touched = [self._shade(planes, outline, self._light.shadow) for outline in outlines]
        touched += [self._shade_vehicle(planes, one, time_s) for one in moving]
        touched = [rect for rect in touched if rect]
        items = [_standing_item(thing) for thing in self._standing] + [
            self._actor_item(one) for one in actors
        ]
        items += [self._vehicle_item(one, time_s) for one in moving]
        for item in far_to_near(items):
            self._lay(item, planes, touched, time_s)
        return planes

    def _lay(self, item: Item, planes: Planes, touched: list[Rect], time_s: float) -> None:
        match item.thing:
            case Standing() as thing:
                if any(overlap(item.rect, rect) for rect in touched):
                    planes.stamp(thing.sprite, thing.kind)
                return
            case Vehicle() as vehicle:
                planes.stamp(self._vehicle_sprite(vehicle, time_s), VEHICLE)
            case Actor() as actor:
                planes.stamp(self._figure_sprite(actor, item.rect), PERSON, actor.number)
        touched.append(item.rect)

    def _paint_fixed(self) -> Planes:
        backdrop = self._backdrop
        planes = Planes(
            backdrop.picture.copy(), backdrop.mask.copy(), np.zeros(backdrop.mask.shape, np.int32)
        )
        parked = [one for one in self._plan.vehicles if not one.speed and self._vehicle_rect(one, 0.0)]
        for one in parked:
            self._shade_vehicle(planes, one, 0.0)
        for thing in self._standing:
            self._shade(planes, [shadows.spot(thing.foot, thing.radius_m, self._camera)], self._light.shadow)
        self._standing += [self._parked(one) for one in parked]
        for item in far_to_near([_standing_item(thing) for thing in self._standing]):
            planes.stamp(item.thing.sprite, item.thing.kind)
        return planes

    def _parked(self, vehicle: Vehicle) -> Standing:
        sprite, foot = self._vehicle_sprite(vehicle, 0.0), (vehicle.u_start, vehicle.v)
        return Standing(vehicle.depth(self._camera, 0.0), VEHICLE, sprite, foot, 1.0)

    def _actor_item(self, actor: Actor) -> Item:
        return Item(actor, actor.depth, abs(actor.foot[1]), actor.rect(self._size), False)

    def _vehicle_item(self, vehicle: Vehicle, time_s: float) -> Item:
        rect = self._vehicle_rect(vehicle, time_s)
        return Item(vehicle, vehicle.depth(self._camera, time_s), abs(vehicle.v), rect, True)

    def _figure_sprite(self, actor: Actor, rect: Rect) -> Sprite:
        canvas = Canvas(rect)
        draw_figure(canvas, actor.shapes, self._light.at(*actor.foot))
        return canvas.sprite()

    def _vehicle_rect(self, vehicle: Vehicle, time_s: float) -> Rect | None:
        box = corners(vehicle, time_s)
        if self._camera.to_camera(box)[:, 1].min() < NEAREST_VEHICLE_M:
            return None
        return clip_rect(self._camera.project(box), *self._size)

    def _vehicle_sprite(self, vehicle: Vehicle, time_s: float) -> Sprite:
        canvas = Canvas(self._vehicle_rect(vehicle, time_s))
        light = self._light.at(vehicle.u_at(time_s) + vehicle.model.length / 2, vehicle.v)
        draw_vehicle(canvas, self._camera, vehicle, time_s, light)
        return canvas.sprite()

    def _shade_vehicle(self, planes: Planes, vehicle: Vehicle, time_s: float) -> Rect | None:
        outline = shadows.of_vehicle(vehicle, self._camera, time_s)
        return self._shade(planes, [outline], shadows.VEHICLE_SHADE)

    def _shade(self, planes: Planes, outlines: list[np.ndarray], strength: float) -> Rect | None:
        rect = clip_rect(np.concatenate(outlines), *self._size)
        if rect:
            drop_shadow(planes.picture, self._backdrop.ground, rect, outlines, strength)
        return rect


def _standing_item(thing: Standing) -> Item:
    return Item(thing, thing.depth, abs(thing.foot[1]), thing.sprite.rect, thing.kind == VEHICLE)
