"""What live streams tell, as dataclasses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .decode import decode, wire_name
from .errors import UnexpectedAnswer

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels of the picture."""


@dataclass(frozen=True)
class Timings:
    """Where the time of a frame went, in milliseconds."""

    queue_ms: float
    prepare_ms: float
    inference_ms: float
    finish_ms: float
    total_ms: float
    batch_rows: int


@dataclass(frozen=True)
class Detection:
    """One object."""

    class_id: int
    label: str
    score: float
    box: Box


@dataclass(frozen=True)
class ImageSize:
    """A picture's size in pixels, upright."""

    width: int
    height: int


@dataclass(frozen=True)
class DetectReady:
    """The model is warm: frames are looked at from now on."""

    stream: str
    model: str
    generation: int
    engine: str
    precision: str
    warm: bool
    open_ms: float
    options: Mapping[str, Any]
    version: int | None = None


@dataclass(frozen=True)
class DetectResult:
    """What was found in a frame."""

    frame: int
    model: str
    generation: int
    engine: str
    precision: str
    image: ImageSize
    detections: tuple[Detection, ...]
    timings: Timings
    version: int | None = None
    not_finite: int = 0


@dataclass(frozen=True)
class Mode:
    """A mode of segmentation."""

    mode: str
    model: str
    state: str


@dataclass(frozen=True)
class SegmentReady:
    """The first mode's model is warm."""

    stream: str
    mode: str
    auto: bool
    modes: tuple[Mode, ...]
    model: str
    generation: int
    engine: str
    precision: str
    warm: bool
    open_ms: float
    labels: tuple[str, ...]
    options: Mapping[str, Any]
    version: int | None = None


@dataclass(frozen=True)
class Area:
    """How much of the picture a class has."""

    class_id: int
    label: str
    share: float


@dataclass(frozen=True)
class SegmentResult:
    """What was seen in a frame."""

    frame: int
    mode: str
    model: str
    generation: int
    engine: str
    precision: str
    width: int
    height: int
    areas: tuple[Area, ...]
    timings: Timings
    mask: Mapping[str, Any] | None = None
    """`form` tells which it is: `runs`, `polygons` or `data` (base64)."""
    version: int | None = None
    not_finite: int = 0


@dataclass(frozen=True)
class ModeChanging:
    """Another mode is being made ready; frames go on in the old one."""

    mode: str
    auto: bool
    from_mode: str = field(metadata=wire_name("from"))


@dataclass(frozen=True)
class ModeChanged:
    """Every frame after this is looked at in the new mode."""

    mode: str
    auto: bool
    model: str
    generation: int
    warm: bool
    took_ms: float
    labels: tuple[str, ...]
    from_mode: str = field(metadata=wire_name("from"))
    version: int | None = None


@dataclass(frozen=True)
class StreamModel:
    """One model of a stream."""

    model: str
    family: str
    generation: int
    engine: str
    precision: str
    version: int | None = None


@dataclass(frozen=True)
class AnomalyReady:
    """All models are warm."""

    stream: str
    models: tuple[StreamModel, ...]
    warm: bool
    open_ms: float
    keypoint_names: tuple[str, ...]
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Person:
    """Somebody who is followed."""

    track: int
    box: Box
    score: float
    keypoints: tuple[tuple[float, float, float], ...]
    """x, y in pixels of the picture, score."""
    anomaly_score: float | None
    anomalous: bool


@dataclass(frozen=True)
class AnomalyResult:
    """Who is where in a frame."""

    frame: int
    time_ms: float
    width: int
    height: int
    persons: tuple[Person, ...]
    timings: Timings
    scoring_ms: float
    windows_dropped: int = 0


@dataclass(frozen=True)
class AnomalyEvent:
    """Something happened: `person.appeared`, `person.left`, `anomaly.started`, `anomaly.updated`, `anomaly.ended`."""

    event: str
    number: int
    frame: int
    time_ms: float
    since_ms: float
    time: str
    person: Person
    stream: str
    score_max: float | None = None
    zone: str | None = None
    source: str | None = None
    evidence: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Dropped:
    """Frames that were not looked at."""

    frame: int
    """The first of them."""
    count: int
    reason: str
    """`overloaded`: newer ones took their place; `not_ready`: they came before the model was warm."""


@dataclass(frozen=True)
class Problem:
    """A frame or a message that could not be used. The stream goes on."""

    code: str
    detail: str
    cure: str | None = None
    frame: int | None = None
    mode: str | None = None
    retry_after_s: float | None = None


@dataclass(frozen=True)
class OptionsInForce:
    """The answer to other options: what counts from the next frame on."""

    options: Mapping[str, Any]


@dataclass(frozen=True)
class Reconnected:
    """The connection was lost and is there again. Told by this package: the server knows of a new stream."""

    reason: str
    frames_lost: int
    """Frames that were sent and of which nothing will be told."""
    ready: DetectReady | SegmentReady | AnomalyReady


Common = Dropped | Problem | OptionsInForce | Reconnected
DetectEvent = DetectReady | DetectResult | Common
SegmentEvent = SegmentReady | SegmentResult | ModeChanging | ModeChanged | Common
AnomalyStreamEvent = AnomalyReady | AnomalyResult | AnomalyEvent | Common

_READY: Mapping[str, type[Any]] = {"detect": DetectReady, "segment": SegmentReady, "anomaly": AnomalyReady}
_RESULT: Mapping[str, type[Any]] = {"detect": DetectResult, "segment": SegmentResult, "anomaly": AnomalyResult}
_COMMON: Mapping[str, type[Any]] = {
    "dropped": Dropped, "error": Problem, "event": AnomalyEvent,
    "mode_changing": ModeChanging, "mode_changed": ModeChanged,
}  # fmt: skip


def parse(kind: str, text: str | bytes) -> Any:
    """A message of a stream of that kind; none where only a newer version knows it. Raises `UnexpectedAnswer`."""
    try:
        message = json.loads(text)
        name = message["type"]
    except (ValueError, KeyError, TypeError) as error:
        raise UnexpectedAnswer("the stream sent something that is no event") from error
    if name == "options":
        return OptionsInForce({field: value for field, value in message.items() if field != "type"})
    known = {"ready": _READY[kind], "result": _RESULT[kind], **_COMMON}
    return decode(known[name], message) if name in known else None
