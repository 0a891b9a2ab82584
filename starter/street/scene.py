"""A scene: everything that its seed decides, drawn frame by frame in any order.

Order of drawing: backdrop, shadows, then all that stands or moves from far to near (`order.py`). Fixed things are part of the
backdrop already and are laid on again only where something moving was drawn behind them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .clothes import Clothes, random_clothes
from .figure import Shape, View, draw_figure, extent, outline_figure
from .furniture import Standing, furnish, lamp_places
from .ground import Backdrop
from .layout import random_layout
from .light import drop_shadow, random_light
from .order import Item, far_to_near
from .raster import Canvas, Sprite, capsule, clip_rect, ellipse, overlap, paste
from .sensor import random_sensor
from .skeleton import INDEX
from .truth import PERSON, VEHICLE, Frame, Person
from .vehicles import Vehicle, corners, draw_vehicle, random_vehicles, shadow_outline
from .walker import Walker, random_walker

BONES = (
    ("neck", "left_hip", 0.09),
    ("neck", "right_hip", 0.09),
    ("neck", "head", 0.06),
    *(
        (f"{side}_{a}", f"{side}_{b}", 0.045)
        for side in ("left", "right")
        for a, b in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
    ),
)


@dataclass(frozen=True)
class _Actor:
    """A person as laid out for one frame."""

    walker: Walker
    shapes: list[Shape]
    joints: np.ndarray  # [J, 3] street metres
    pixels: np.ndarray  # [J, 2]
    away: np.ndarray  # bool [17]: on the far side of the head
    depth: float
    foot: tuple[float, float]
    box: np.ndarray  # not yet clipped


class Scene:
    """`frame(index)` and `people(index)` for any index below `frame_count`; the same seed and arguments, the same scene.

    `size` is (width, height) in pixels with 16:9 proportions, `crowd` the least and most people at a time, `unusual_share`
    the share of people who do something unusual. Seeds: training 0.., validation 100_000.., held-out test 200_000...
    """

    def __init__(
        self,
        seed: int,
        *,
        size: tuple[int, int] = (640, 360),
        fps: float = 12.0,
        seconds: float = 20.0,
        unusual_share: float = 0.15,
        crowd: tuple[int, int] = (1, 7),
    ):
        self.seed, self.size, self.fps = seed, size, fps
        self.frame_count = int(round(seconds * fps))
        self._seconds = seconds
        self._layout = random_layout(self._rng(0), *size)
        self.camera = self._layout.camera
        self.walkers, self._clothes = self._populate(unusual_share, crowd)
        self._lamps = lamp_places(self._rng(2), self._layout)
        self.light = random_light(self._rng(3), self._lamps)
        self._vehicles = random_vehicles(self._rng(4), self._layout, seconds)
        self._stage: _Stage | None = None

    def frame(self, index: int) -> Frame:
        """Draws one frame with its truth."""
        self._check(index)
        if self._stage is None:
            self._stage = _Stage(self)
        actors = self._actors(index)
        picture, mask, owner = self._stage.paint(index, actors)
        people = [self._seen(actor, index, owner) for actor in actors]
        return Frame(
            index,
            index / self.fps,
            self._stage.sensor.shoot(picture, index),
            mask,
            [one for one in people if one],
        )

    def people(self, index: int) -> list[Person]:
        """The truth of a frame without drawing it; what is hidden is judged by the boxes of those in front."""
        self._check(index)
        actors = self._actors(index)
        people = [self._guessed(k, actors, index) for k in range(len(actors))]
        return [one for one in people if one]

    def _check(self, index: int) -> None:
        if not 0 <= index < self.frame_count:
            raise IndexError(f"frame {index} of a scene with {self.frame_count}")

    def _rng(self, stream: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, stream])

    def _populate(self, unusual_share: float, crowd: tuple[int, int]) -> tuple[list[Walker], list[Clothes]]:
        rng = self._rng(1)
        walkers, clothes = [], []
        for _ in range(int(rng.integers(crowd[0], crowd[1] + 1))):
            start_s = 0.0
            while start_s < self._seconds - 1:
                wear = random_clothes(rng)
                walker, gone_s = random_walker(
                    rng,
                    len(walkers) + 1,
                    self._layout,
                    start_s,
                    (self.fps, self.frame_count),
                    bool(rng.random() < unusual_share),
                    wear.bag_hand,
                )
                walkers.append(walker)
                clothes.append(wear)
                start_s = max(gone_s + rng.uniform(-0.5, 0.7), start_s + 0.5)
        return walkers, clothes

    def _actors(self, index: int) -> list[_Actor]:
        """Everyone with anything in the picture, farthest first."""
        actors = [self._actor(walker, index) for walker in self.walkers if index in walker]
        inside = [actor for actor in actors if clip_rect(actor.box.reshape(2, 2), *self.size, margin=0)]
        return sorted(inside, key=lambda actor: -actor.depth)

    def _actor(self, walker: Walker, index: int) -> _Actor:
        joints = walker.at(index)
        seen = self.camera.to_camera(joints)
        pixels = self.camera.to_pixels(seen)
        shapes = outline_figure(
            View(walker.body, seen, pixels, self.camera.focal_px), self._clothes[walker.number - 1]
        )
        hips = joints[[INDEX["left_hip"], INDEX["right_hip"]], :2].mean(axis=0)
        return _Actor(
            walker,
            shapes,
            joints,
            pixels,
            _far_side(seen),
            float(seen[:, 1].mean()),
            (float(hips[0]), float(hips[1])),
            extent(shapes),
        )

    def _seen(self, actor: _Actor, index: int, owner: np.ndarray) -> Person | None:
        box = self._clip(actor.box)
        whole = self._stage.coverage.get(actor.walker.number, 0)
        if whole == 0:
            return None
        x0, y0, x1, y1 = clip_rect(actor.box.reshape(2, 2), *self.size)
        own = owner[y0:y1, x0:x1] == actor.walker.number
        hidden = lambda x, y: (
            not (owner[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2] == actor.walker.number).any()
        )
        return self._person(actor, index, box, float(np.count_nonzero(own)) / whole, hidden)

    def _guessed(self, k: int, actors: list[_Actor], index: int) -> Person | None:
        box = self._clip(actors[k].box)
        nearer = [self._clip(actor.box) for actor in actors[k + 1 :]]
        hidden = lambda x, y: any(b[0] < x < b[2] and b[1] < y < b[3] for b in nearer)
        grid = [
            (x, y) for x in np.linspace(box[0], box[2], 5)[1:-1] for y in np.linspace(box[1], box[3], 9)[1:-1]
        ]
        visible = 1 - sum(hidden(x, y) for x, y in grid) / len(grid)
        return self._person(actors[k], index, box, visible, hidden)

    def _person(self, actor: _Actor, index: int, box: np.ndarray, visible: float, hidden) -> Person:
        width, height = self.size
        points = np.zeros((17, 3), np.float32)
        points[:, :2] = actor.pixels[:17]
        for point, away in zip(points, actor.away):
            inside = 0 <= point[0] < width and 0 <= point[1] < height
            point[2] = 0 if not inside else 1 if away or hidden(int(point[0]), int(point[1])) else 2
        walker = actor.walker
        return Person(
            walker.number, box, points, min(visible, 1.0), walker.unusual(index), walker.doing(index)
        )

    def _clip(self, box: np.ndarray) -> np.ndarray:
        return np.clip(box, 0, (*self.size, *self.size)).astype(np.float32)


class _Stage:
    """All that is drawn once for a scene, and the painting of a frame on top."""

    def __init__(self, scene: Scene):
        self.scene = scene
        self.backdrop = Backdrop(scene._rng(5), scene._layout, scene.light)
        self.sensor = random_sensor(scene._rng(6), *scene.size, scene.light.kind == "night")
        self.standing = furnish(scene._rng(7), scene._layout, scene.light, scene._lamps)
        self.coverage: dict[int, int] = {}
        self.picture, self.mask = self._with_standing()

    def paint(self, index: int, actors: list[_Actor]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Picture, class mask, and the number of the person each pixel belongs to (0: nobody)."""
        picture, mask = self.picture.copy(), self.mask.copy()
        owner = np.zeros(mask.shape, np.int32)
        time_s = index / self.scene.fps
        moving = [one for one in self.scene._vehicles if one.speed and self._vehicle_rect(one, time_s)]
        dirty = [self._shadow(picture, actor) for actor in actors]
        dirty += [self._vehicle_shadow(picture, one, time_s) for one in moving]
        dirty = [rect for rect in dirty if rect]
        items = [self._standing_item(thing) for thing in self.standing]
        items += [
            Item(
                actor,
                actor.depth,
                abs(actor.foot[1]),
                clip_rect(actor.box.reshape(2, 2), *self.scene.size),
                False,
            )
            for actor in actors
        ]
        items += [
            Item(one, one.depth(self.scene.camera, time_s), abs(one.v), self._vehicle_rect(one, time_s), True)
            for one in moving
        ]
        self.coverage = {}
        for item in far_to_near(items):
            self._lay(item.thing, picture, mask, owner, dirty, time_s)
        return picture, mask, owner

    def _lay(
        self, job, picture: np.ndarray, mask: np.ndarray, owner: np.ndarray, dirty: list, time_s: float
    ) -> None:
        match job:
            case Standing():
                if any(overlap(job.sprite.rect, rect) for rect in dirty):
                    _stamp(picture, mask, owner, job.sprite, job.kind, 0)
            case Vehicle():
                sprite = self._vehicle_sprite(job, time_s)
                _stamp(picture, mask, owner, sprite, VEHICLE, 0)
                dirty.append(sprite.rect)
            case _:
                sprite = self._figure_sprite(job)
                if sprite:
                    self.coverage[job.walker.number] = _stamp(
                        picture, mask, owner, sprite, PERSON, job.walker.number
                    )
                    dirty.append(sprite.rect)

    def _with_standing(self) -> tuple[np.ndarray, np.ndarray]:
        scene = self.scene
        picture, mask = self.backdrop.picture.copy(), self.backdrop.mask.copy()
        parked = [one for one in scene._vehicles if not one.speed and self._vehicle_rect(one, 0.0)]
        for one in parked:
            self._vehicle_shadow(picture, one, 0.0)
        for thing in self.standing:
            self._fixed_shadow(picture, thing)
        self.standing += [
            Standing(
                one.depth(scene.camera, 0.0),
                VEHICLE,
                self._vehicle_sprite(one, 0.0),
                (one.u_start, one.v),
                1.0,
            )
            for one in parked
        ]
        owner = np.zeros(mask.shape, np.int32)
        for item in far_to_near([self._standing_item(thing) for thing in self.standing]):
            _stamp(picture, mask, owner, item.thing.sprite, item.thing.kind, 0)
        return picture, mask

    def _standing_item(self, thing: Standing) -> Item:
        return Item(thing, thing.depth, abs(thing.foot[1]), thing.sprite.rect, thing.kind == VEHICLE)

    def _figure_sprite(self, actor: _Actor) -> Sprite | None:
        rect = clip_rect(actor.box.reshape(2, 2), *self.scene.size)
        if rect is None:
            return None
        canvas = Canvas(rect)
        draw_figure(canvas, actor.shapes, self.scene.light.at(*actor.foot))
        return canvas.sprite()

    def _vehicle_rect(self, vehicle: Vehicle, time_s: float) -> tuple[int, int, int, int] | None:
        camera = self.scene.camera
        box = corners(vehicle, time_s)
        if camera.to_camera(box)[:, 1].min() < 1.2:
            return None
        return clip_rect(camera.project(box), *self.scene.size)

    def _vehicle_sprite(self, vehicle: Vehicle, time_s: float) -> Sprite:
        canvas = Canvas(self._vehicle_rect(vehicle, time_s))
        light = self.scene.light.at(vehicle.u_at(time_s) + vehicle.model.length / 2, vehicle.v)
        draw_vehicle(canvas, self.scene.camera, vehicle, time_s, light)
        return canvas.sprite()

    def _shadow(self, picture: np.ndarray, actor: _Actor) -> tuple[int, int, int, int] | None:
        camera, light = self.scene.camera, self.scene.light
        if light.sun is None:
            scale = camera.scale(*actor.foot)
            spot = camera.project(np.array([*actor.foot, 0.0]))
            flat = camera.height_m / max(camera.depth(*actor.foot), 1)
            outlines = [ellipse(spot, np.array([0.38 * scale, 0]), np.array([0, 0.38 * scale * flat]))]
        else:
            outlines = self._cast(actor)
        rect = clip_rect(np.concatenate(outlines), *self.scene.size)
        if rect:
            drop_shadow(picture, self.backdrop.ground, rect, outlines, light.shadow)
        return rect

    def _cast(self, actor: _Actor) -> list[np.ndarray]:
        """The body's bones thrown on the ground by the sun."""
        camera = self.scene.camera
        thrown = actor.joints.copy()
        thrown[:, :2] += thrown[:, 2:] * self.scene.light.sun
        thrown[:, 2] = 0
        spots, scale = camera.project(thrown), camera.scale(*actor.foot)
        return [
            capsule(spots[INDEX[a]], width * scale, spots[INDEX[b]], width * scale) for a, b, width in BONES
        ]

    def _vehicle_shadow(
        self, picture: np.ndarray, vehicle: Vehicle, time_s: float
    ) -> tuple[int, int, int, int] | None:
        outline = shadow_outline(self.scene.camera, vehicle, time_s)
        rect = clip_rect(outline, *self.scene.size)
        if rect:
            drop_shadow(picture, self.backdrop.ground, rect, [outline], 0.45)
        return rect

    def _fixed_shadow(self, picture: np.ndarray, thing: Standing) -> None:
        camera, (u, v) = self.scene.camera, thing.foot
        spot, scale = camera.project(np.array([u, v, 0.0])), camera.scale(u, v)
        flat = camera.height_m / max(camera.depth(u, v), 1)
        outline = ellipse(
            spot, np.array([thing.radius_m * scale, 0]), np.array([0, thing.radius_m * scale * flat])
        )
        rect = clip_rect(outline, *self.scene.size)
        if rect:
            drop_shadow(picture, self.backdrop.ground, rect, [outline], self.scene.light.shadow)


def _stamp(
    picture: np.ndarray, mask: np.ndarray, owner: np.ndarray, sprite: Sprite, kind: int, number: int
) -> int:
    """Lays a sprite on all three planes and counts its pixels."""
    covered = paste(picture, sprite)
    x0, y0, x1, y1 = sprite.rect
    mask[y0:y1, x0:x1][covered] = kind
    owner[y0:y1, x0:x1][covered] = number
    return int(np.count_nonzero(covered))


def _far_side(seen: np.ndarray) -> np.ndarray:
    """Which keypoints [17] the head itself hides."""
    away = np.zeros(17, bool)
    away[:5] = seen[:5, 1] > seen[INDEX["head"], 1] + 0.02
    return away
