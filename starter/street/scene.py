"""A scene: everything that its seed decides, told frame by frame in any order."""

from __future__ import annotations

import numpy as np

from .actor import Actor, lay_out
from .clothes import Clothes, random_clothes
from .furniture import lamp_places
from .layout import random_layout
from .light import random_light
from .stage import Planes, Set, Stage
from .truth import Frame, Person
from .vehicles import random_vehicles
from .walker import Clip, Entry, Walker, random_walker


class Scene:
    """`frame(index)` and `people(index)` for any index below `frame_count`; the same arguments, the same scene.

    `size` is (width, height) in pixels with 16:9 proportions, `crowd` the least and most people at a time,
    `unusual_share` the share of people who do something unusual. Seeds: training 0.., validation 100_000..,
    held-out test 200_000...
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
        layout = random_layout(self._rng(0), *size)
        self.camera = layout.camera
        lamps = lamp_places(self._rng(2), layout)
        self.light = random_light(self._rng(3), lamps)
        self._set = Set(layout, self.light, lamps, random_vehicles(self._rng(4), layout, seconds))
        self.walkers, self._clothes = self._populate(unusual_share, crowd)
        self._stage: Stage | None = None

    def frame(self, index: int) -> Frame:
        """Draws one frame with its truth."""
        actors, time_s = self._actors(index), index / self.fps
        if self._stage is None:
            self._stage = Stage(self._set, self._rng)
        planes = self._stage.paint(time_s, actors)
        people = [self._seen(actor, index, planes) for actor in actors if planes.whole.get(actor.number)]
        return Frame(index, time_s, self._stage.sensor.shoot(planes.picture, index), planes.mask, people)

    def people(self, index: int) -> list[Person]:
        """The truth of a frame without drawing it; what is hidden is judged by the boxes of those in front."""
        actors = self._actors(index)
        return [self._guessed(actor, index, actors[k + 1 :]) for k, actor in enumerate(actors)]

    def _rng(self, stream: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, stream])

    def _populate(self, unusual_share: float, crowd: tuple[int, int]) -> tuple[list[Walker], list[Clothes]]:
        """So many places in the crowd; as one leaves, another enters."""
        rng, clip = self._rng(1), Clip(self.fps, self.frame_count)
        walkers, clothes = [], []
        for _ in range(int(rng.integers(crowd[0], crowd[1] + 1))):
            start_s = 0.0
            while start_s < clip.seconds - 1:
                wear = random_clothes(rng)
                unusual = bool(rng.random() < unusual_share)
                entry = Entry(start_s, unusual, wear.bag_hand)
                walker = random_walker(rng, len(walkers) + 1, self._set.layout, clip, entry)
                walkers.append(walker)
                clothes.append(wear)
                start_s = max(walker.gone_s + rng.uniform(-0.5, 0.7), start_s + 0.5)
        return walkers, clothes

    def _actors(self, index: int) -> list[Actor]:
        """Everyone with anything in the picture, farthest first."""
        if not 0 <= index < self.frame_count:
            raise IndexError(f"frame {index} of a scene with {self.frame_count}")
        here = [walker for walker in self.walkers if index in walker]
        actors = [lay_out(walker, self._clothes[walker.number - 1], self.camera, index) for walker in here]
        inside = [actor for actor in actors if actor.rect(self.size, margin=0)]
        return sorted(inside, key=lambda actor: -actor.depth)

    def _seen(self, actor: Actor, index: int, planes: Planes) -> Person:
        x0, y0, x1, y1 = actor.rect(self.size)
        own = planes.owner == actor.number
        hidden = lambda x, y: not own[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].any()
        visible = float(np.count_nonzero(own[y0:y1, x0:x1])) / planes.whole[actor.number]
        return actor.person(index, self.size, visible, hidden)

    def _guessed(self, actor: Actor, index: int, nearer: list[Actor]) -> Person:
        boxes = [one.clipped(self.size) for one in nearer]
        hidden = lambda x, y: any(box[0] < x < box[2] and box[1] < y < box[3] for box in boxes)
        x0, y0, x1, y1 = actor.clipped(self.size)
        grid = [(x, y) for x in np.linspace(x0, x1, 5)[1:-1] for y in np.linspace(y0, y1, 9)[1:-1]]
        visible = 1 - sum(hidden(x, y) for x, y in grid) / len(grid)
        return actor.person(index, self.size, visible, hidden)
