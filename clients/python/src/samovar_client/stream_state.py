"""What a live stream knows of itself, without a connection: numbers of frames, options to be said again, when to come back.

The sync and the async stream do what this decides. It is safe where one thread sends and another receives.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypedDict

from .errors import ApiError, StreamClosed, UnexpectedAnswer
from .retry import Retry
from .stream_events import (
    AnomalyReady,
    AnomalyResult,
    DetectReady,
    DetectResult,
    Dropped,
    Problem,
    Reconnected,
    SegmentReady,
    SegmentResult,
    parse,
)

Kind = Literal["detect", "segment", "anomaly"]
READY_MAX_S = 600.0
"""As long as the server itself waits for a model."""
ANSWER_MAX_S = 60.0
"""The longest that the last frames of `run` are waited for."""
MESSAGE_BYTES_MAX = 4 << 20
ENDED = 1000
_COME_BACK = {1001, 1006, 1011, 1012, 1013}
"""Going away, lost, failed, restarting, not now. Everything else would happen again."""

_Ready = (DetectReady, SegmentReady, AnomalyReady)
_Result = (DetectResult, SegmentResult, AnomalyResult)


class DetectOptions(TypedDict, total=False):
    """What may be chosen of a stream of detections."""

    model: str
    score_min: float
    iou_max: float
    detections_max: int
    classes: list[str]
    timeout_ms: int
    weight: int
    format: Literal["pictures", "h264"]


class SegmentOptions(TypedDict, total=False):
    """What may be chosen of a stream of segmentations."""

    model: str
    mode: str
    mask: Literal["rle", "polygons", "png", "none"]
    map: Literal["source", "model"]
    simplify_px: float
    deadline_ms: int
    timeout_ms: int
    weight: int


class AnomalyOptions(TypedDict, total=False):
    """What may be chosen of an anomaly stream when it is opened; zones and schedule by `set_options`."""

    pose: str
    sequence: str
    detector: str
    appearance: str
    person_score_min: float
    score_start: float
    score_end: float
    duration_min_ms: int
    update_every_ms: int
    smoothing_ms: int
    timeout_ms: int
    weight: int
    format: Literal["pictures", "h264"]


@dataclass
class StreamState:
    """One stream over all its connections."""

    kind: Kind
    query: Mapping[str, Any]
    reconnect: Retry
    frames: int = 0
    """Frames that were given a number."""
    told: int = 0
    """Frames of which it is known what became of them."""
    _base: int = 0
    """The number of the first frame of this connection."""
    _options: dict[str, Any] = field(default_factory=dict)
    _mode: str | None = None
    _failed: int = 0
    _problem: Problem | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def path(self) -> str:
        """Where it is opened."""
        return f"/v1/streams/{self.kind}"

    def number(self) -> int:
        """The number of the frame that is sent next."""
        with self._lock:
            self.frames += 1
            return self.frames - 1

    def read(self, text: str | bytes) -> Any:
        """A message as an event that counts frames over all connections; none where there is nothing to tell."""
        event = parse(self.kind, text)
        if isinstance(event, _Ready):
            self._failed, self._problem = 0, None
        elif isinstance(event, Problem):
            self._problem = event
        return self._numbered(event)

    def _numbered(self, event: Any) -> Any:
        frame = getattr(event, "frame", None)
        if frame is None:
            return event
        frame += self._base
        if isinstance(event, (Dropped, Problem, *_Result)):
            count = event.count if isinstance(event, Dropped) else 1
            self.told = max(self.told, frame + count)
        return replace(event, frame=frame)

    def options_message(self, options: Mapping[str, Any]) -> str:
        """The message that changes options; they are said again on the next connection."""
        self._options.update(options)
        return json.dumps({"type": "options", **options})

    def mode_message(self, mode: str) -> str:
        """The message that changes the mode; it is said again on the next connection."""
        self._mode = mode
        return json.dumps({"type": "mode", "mode": mode})

    def opened(self) -> list[str]:
        """A connection is there: what is to be said on it first."""
        with self._lock:
            self._base = self.frames
        said = [json.dumps({"type": "options", **self._options})] if self._options else []
        return said + ([json.dumps({"type": "mode", "mode": self._mode})] if self._mode else [])

    def reconnected(self, why: Exception, ready: Any) -> Reconnected:
        """What is told of a new connection."""
        lost, self.told = self._base - self.told, self._base
        return Reconnected(str(why), lost, ready)

    def closed(self, close_code: int | None, reason: str) -> StreamClosed:
        """The end of a connection as an error."""
        problem, close_code = self._problem, close_code or 1006
        if problem is not None and close_code != ENDED:
            return StreamClosed(close_code, problem.detail, problem.code)
        return StreamClosed(close_code, reason)

    def wait_s(self, error: Exception) -> float:
        """How long to wait before the next connection. Raises the error where there is to be none."""
        self._failed += 1
        wait_s = self.reconnect.wait_s(self._failed, self._asked_s(error)) if _comes_back(error) else None
        if wait_s is None:
            raise error
        return wait_s

    def _asked_s(self, error: Exception) -> float | None:
        if isinstance(error, ApiError):
            return error.retry_after_s
        return self._problem.retry_after_s if self._problem and isinstance(error, StreamClosed) else None

    @property
    def all_told(self) -> bool:
        """Whether it is known of every frame what became of it."""
        return self.told >= self.frames


def expect_ready(event: Any) -> Any:
    """The ready event; none for what may come before it."""
    if isinstance(event, _Ready):
        return event
    if event is None or isinstance(event, (Problem, Dropped)):
        return None
    raise UnexpectedAnswer(f"the stream began with {type(event).__name__}")


def _comes_back(error: Exception) -> bool:
    if isinstance(error, ApiError):
        return error.status in (429, 503)
    return not isinstance(error, StreamClosed) or error.close_code in _COME_BACK
