"""What streams tell, for those who listen and do not send: feeds of events, and which streams are open."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .call import Call, Group, TransportT, as_json, as_list, endpoint, named, nothing
from .retry import RECONNECT
from .sse import Feed, ServerEvent, follow, follow_async
from .transport import AsyncTransport, SyncTransport


@dataclass(frozen=True)
class OpenStream:
    """A stream that is open, of a client or of a source."""

    id: str
    kind: str
    state: str
    models: tuple[str, ...]
    weight: int
    opened: str
    figures: Mapping[str, Any]
    source: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class FeedEvent:
    """One event of a feed."""

    name: str
    """`anomaly.started` and so on, `result`, `lost` (with a `count`) or `closed`."""
    id: str | None
    """For `after`, to go on behind it another time."""
    message: Mapping[str, Any]
    """As the stream's own client gets it."""


class Board(Group[TransportT]):
    """`/v1/streams`: all that are open."""

    @endpoint
    def list(self) -> Call[tuple[OpenStream, ...]]:
        """Every open stream, the oldest first."""
        return Call("GET", "/v1/streams", as_list(OpenStream))

    @endpoint
    def get(self, stream: str) -> Call[OpenStream]:
        """One; its name is what `ready` calls `stream`."""
        return Call("GET", named("streams", stream), as_json(OpenStream))

    @endpoint
    def end(self, stream: str) -> Call[None]:
        """Ends it: what it has taken in is told, then it is closed."""
        return Call("DELETE", named("streams", stream), nothing)


class SyncFeeds:
    """Feeds of events. Each goes on by itself where a connection broke."""

    def __init__(self, transport: SyncTransport) -> None:
        self._transport = transport

    def all(self, *, kind: str | None = None, after: int | None = None) -> Iterator[FeedEvent]:
        """Events of all streams, without end. `kind`: `detect`, `segment` or `anomaly`; `after=0` begins with those that are kept."""
        return map(_event, follow(self._transport, _all(kind, after)))

    def of(self, stream: str, *, results: bool = False, after: int | None = None) -> Iterator[FeedEvent]:
        """Events of one stream to its end, with `results` its results too."""
        return map(_event, follow(self._transport, _of(stream, results, after)))


class AsyncFeeds:
    """Feeds of events. Each goes on by itself where a connection broke."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def all(self, *, kind: str | None = None, after: int | None = None) -> AsyncIterator[FeedEvent]:
        """Events of all streams, without end. `kind`: `detect`, `segment` or `anomaly`; `after=0` begins with those that are kept."""
        async for event in follow_async(self._transport, _all(kind, after)):
            yield _event(event)

    async def of(self, stream: str, *, results: bool = False, after: int | None = None) -> AsyncIterator[FeedEvent]:
        """Events of one stream to its end, with `results` its results too."""
        async for event in follow_async(self._transport, _of(stream, results, after)):
            yield _event(event)


def _all(kind: str | None, after: int | None) -> Feed:
    return Feed("/v1/events", {"kind": kind, "after": after}, frozenset(), RECONNECT)


def _of(stream: str, results: bool, after: int | None) -> Feed:
    query = {"results": results or None, "after": after}
    return Feed(named("streams", stream, "events"), query, frozenset({"closed"}), RECONNECT)


def _event(event: ServerEvent) -> FeedEvent:
    return FeedEvent(event.name, event.id, json.loads(event.data))
