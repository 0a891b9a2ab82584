"""Recorded video handed in as jobs: to submit, follow and fetch them."""

from __future__ import annotations

import builtins
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO, Literal

from .call import Call, Group, TransportT, as_bytes, as_json, endpoint, named
from .decode import decode
from .errors import JobEnded
from .retry import RECONNECT
from .sse import Feed, ServerEvent, follow, follow_async
from .transport import AsyncTransport, Received, SyncTransport

ResultFormat = Literal["jsonl", "csv", "parquet", "coco", "mot"]
UPLOAD_MAX_S = 600.0


@dataclass(frozen=True)
class OnServer:
    """A video on the server's machine, below a folder of `roots` in `[jobs]`."""

    path: str


@dataclass(frozen=True)
class AtUrl:
    """A video at an address that `[jobs]` allows."""

    url: str


@dataclass(frozen=True)
class JobOptions:
    """What is to be done with a video. What is `None` is as usual."""

    name: str | None = None
    model: str | None = None
    score_min: float | None = None
    iou_max: float | None = None
    classes: tuple[str, ...] = ()
    every: int | None = None
    fps: float | None = None
    keyframes: bool = False
    scene_change: float | None = None
    frames_max: int | None = None
    start_s: float | None = None
    end_s: float | None = None
    report: bool = False
    annotated: bool = False
    thumbnails: int = 0
    priority: int | None = None

    def query(self) -> dict[str, Any]:
        """For a video that is sent along."""
        values = {one.name: (getattr(self, one.name), one.default) for one in fields(self)}
        return {name: value for name, (value, usual) in values.items() if value != usual}

    def body(self) -> dict[str, Any]:
        """For a video that is named."""
        given = self.query()
        body = {name: given[name] for name in given if name not in _FRAMES and name not in _OUTPUTS}
        frames = {name: given[name] for name in _FRAMES if name in given}
        outputs = {name: given[name] for name in _OUTPUTS if name in given}
        return body | ({"frames": frames} if frames else {}) | ({"outputs": outputs} if outputs else {})


_FRAMES = ("every", "fps", "keyframes", "scene_change", "frames_max", "start_s", "end_s")
_OUTPUTS = ("report", "annotated", "thumbnails")


@dataclass(frozen=True)
class JobProgress:
    """How far a job is."""

    done: int
    """Frames that were looked at."""
    total: int | None = None
    share: float | None = None
    """Of all, 0 to 1."""


@dataclass(frozen=True)
class JobFailure:
    """What an attempt failed with."""

    code: str
    detail: str


@dataclass(frozen=True)
class JobResult:
    """What came of a job."""

    frames: int
    end: str
    """`complete`, `truncated` or `damaged`."""
    summary: Mapping[str, Any]
    performance: Mapping[str, Any]
    formats: Mapping[str, str]
    files: Mapping[str, str]
    """Files that were written besides, by name."""
    outputs_failed: Mapping[str, str]
    damaged_at_ms: float | None = None


@dataclass(frozen=True)
class Job:
    """A job."""

    id: str
    kind: str
    state: str
    """`queued`, `running`, `done`, `failed` or `cancelled`."""
    cancel_asked: bool
    priority: int
    attempts: int
    progress: JobProgress
    created: str
    task: Mapping[str, Any] | None = None
    started: str | None = None
    ended: str | None = None
    retry_at: str | None = None
    failure: JobFailure | None = None
    result: JobResult | None = None

    @property
    def has_ended(self) -> bool:
        """Whether nothing more becomes of it by itself."""
        return self.state in ("done", "failed", "cancelled")

    def check(self) -> Job:
        """The job itself where it is done. Raises `JobEnded` where it failed or was cancelled."""
        if self.state in ("failed", "cancelled"):
            failure = self.failure or JobFailure(self.state, "it was ended")
            raise JobEnded(self.id, self.state, failure.code, failure.detail)
        return self


@dataclass(frozen=True)
class JobPage:
    """Jobs, the newest first."""

    data: tuple[Job, ...]
    has_more: bool
    """Ask again with `before` set to the last one's `id`."""


@dataclass(frozen=True)
class JobEvent:
    """News of a job."""

    name: str
    """`state`, `progress`, `end` or `deleted`."""
    id: str | None
    progress: JobProgress | None
    job: Job | None = None
    """At `state` and `end`."""


class JobCalls(Group[TransportT]):
    """`/v1/jobs`, one request each."""

    @endpoint
    def submit(
        self,
        video: str | Path | bytes | OnServer | AtUrl,
        options: JobOptions = JobOptions(),
        *,
        idempotency_key: str | None = None,
    ) -> Call[Job]:
        """Hands a video in: a file's path, its bytes, `OnServer` or `AtUrl`.

        It is one job however often it has to be sent, also for other calls with the same `idempotency_key`.
        """
        headers = {"Idempotency-Key": idempotency_key or uuid.uuid4().hex}
        if isinstance(video, (OnServer, AtUrl)):
            named = {"path": video.path} if isinstance(video, OnServer) else {"url": video.url}
            body = options.body() | {"input": named}
            return Call("POST", "/v1/jobs", as_json(Job), json=body, headers=headers, repeatable=True)
        content, name = _content(video)
        query = options.query()
        if name is not None:
            query.setdefault("name", name)
        headers["Content-Type"] = "application/octet-stream"
        return Call(
            "POST", "/v1/jobs", as_json(Job), query=query, body=content, headers=headers,
            repeatable=True, timeout_s=UPLOAD_MAX_S,
        )  # fmt: skip

    @endpoint
    def list(self, *, state: str | None = None, limit: int | None = None, before: str | None = None) -> Call[JobPage]:
        """Jobs, the newest first, without their results."""
        return Call("GET", "/v1/jobs", as_json(JobPage), {"state": state, "limit": limit, "before": before})

    @endpoint
    def get(self, job: str) -> Call[Job]:
        """One job, with what came of it where it is done."""
        return Call("GET", named("jobs", job), as_json(Job))

    @endpoint
    def cancel(self, job: str) -> Call[Job]:
        """Asks for its end: one that runs has ended within about a second."""
        return Call("POST", named("jobs", job, "cancel"), as_json(Job))

    @endpoint
    def retry(self, job: str) -> Call[Job]:
        """Lets one that failed or was cancelled wait again. It goes on where it was."""
        return Call("POST", named("jobs", job, "retry"), as_json(Job))

    @endpoint
    def delete(self, job: str) -> Call[bool]:
        """Forgets it with all its files. False where it runs and is asked to end first: ask again when it has."""
        return Call("DELETE", named("jobs", job), lambda answer: answer.status != 202)

    @endpoint
    def result(self, job: str, format: ResultFormat = "jsonl", *, track: bool = False) -> Call[bytes]:
        """What was found, as a file of that format. `track` follows objects from frame to frame."""
        return Call("GET", named("jobs", job, "result"), as_bytes, _result_query(format, track))

    @endpoint
    def frames(self, job: str, *, track: bool = False) -> Call[builtins.list[Mapping[str, Any]]]:
        """What was found, a mapping for each frame."""
        return Call("GET", named("jobs", job, "result"), _lines, _result_query("jsonl", track))

    @endpoint
    def save_result(self, job: str, to: Path, format: ResultFormat = "csv", *, track: bool = False) -> Call[None]:
        """The same as a file here, however large."""
        query = _result_query(format, track)
        return Call("GET", named("jobs", job, "result"), lambda _: None, query, save_to=to)

    @endpoint
    def file(self, job: str, name: str) -> Call[bytes]:
        """A file that was written besides: `report.html`, `annotated.mp4`, `thumbnail-1.jpg`."""
        return Call("GET", named("jobs", job, "files", name), as_bytes)

    @endpoint
    def save_file(self, job: str, name: str, to: Path) -> Call[None]:
        """The same as a file here, however large."""
        return Call("GET", named("jobs", job, "files", name), lambda _: None, save_to=to)


class SyncJobs(JobCalls[SyncTransport]):
    """`/v1/jobs`."""

    def events(self, job: str) -> Iterator[JobEvent]:
        """News of a job to its end, over broken connections."""
        return map(_event, follow(self._transport, _feed(job)))

    def wait(
        self, job: str, *, timeout_s: float | None = None, on_progress: Callable[[JobProgress], None] | None = None
    ) -> Job:
        """Waits for a job's end, however it ends: `wait(…).check()` raises where it failed. `TimedOut` after `timeout_s`, to
        within the 15 s in which the server says something even where there is no news."""
        for event in map(_event, follow(self._transport, _feed(job, timeout_s))):
            if event.progress and on_progress:
                on_progress(event.progress)
            if event.name == "end" and event.job:
                return event.job
        return self.get(job)


class AsyncJobs(JobCalls[AsyncTransport]):
    """`/v1/jobs`."""

    async def events(self, job: str) -> AsyncIterator[JobEvent]:
        """News of a job to its end, over broken connections."""
        async for event in follow_async(self._transport, _feed(job)):
            yield _event(event)

    async def wait(
        self, job: str, *, timeout_s: float | None = None, on_progress: Callable[[JobProgress], None] | None = None
    ) -> Job:
        """Waits for a job's end, however it ends: `(await wait(…)).check()` raises where it failed. `TimedOut` after `timeout_s`, to
        within the 15 s in which the server says something even where there is no news."""
        async for told in follow_async(self._transport, _feed(job, timeout_s)):
            event = _event(told)
            if event.progress and on_progress:
                on_progress(event.progress)
            if event.name == "end" and event.job:
                return event.job
        return await self.get(job)


def _content(video: str | Path | bytes) -> tuple[bytes | Callable[[], BinaryIO], str | None]:
    if isinstance(video, bytes):
        return video, None
    path = Path(video)
    return lambda: path.open("rb"), path.name


def _result_query(format: ResultFormat, track: bool) -> dict[str, Any]:
    return {"format": format, "track": track or None}


def _lines(answer: Received) -> builtins.list[Mapping[str, Any]]:
    return [json.loads(line) for line in answer.content.splitlines() if line]


def _feed(job: str, timeout_s: float | None = None) -> Feed:
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    return Feed(named("jobs", job, "events"), {}, frozenset({"end", "deleted"}), RECONNECT, deadline)


def _event(event: ServerEvent) -> JobEvent:
    data = json.loads(event.data)
    if event.name in ("state", "end"):
        job = decode(Job, data)
        return JobEvent(event.name, event.id, job.progress, job)
    progress = decode(JobProgress, data) if event.name == "progress" else None
    return JobEvent(event.name, event.id, progress)

