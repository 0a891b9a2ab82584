"""Server-Sent Events: lines to events, and feeds that go on where they broke off (WHATWG HTML, section 9.2)."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from .errors import ApiError, TimedOut
from .retry import Retry
from .transport import AsyncTransport, SyncTransport, plain_query, refused, told

SILENCE_MAX_S = 60.0
"""The server says something every 15 s."""


@dataclass(frozen=True)
class ServerEvent:
    """One event as it came."""

    name: str
    data: str
    id: str | None
    """The newest id so far."""


@dataclass
class SseParser:
    """Puts lines together to events."""

    last_id: str | None = None
    _name: str = ""
    _data: list[str] = field(default_factory=list)

    def line(self, line: str) -> ServerEvent | None:
        """Takes a line without its end; gives the event that it ends."""
        if not line:
            return self._end()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._name = value
        elif name == "data":
            self._data.append(value)
        elif name == "id" and "\0" not in value:
            self.last_id = value
        return None

    def _end(self) -> ServerEvent | None:
        data, name = self._data, self._name or "message"
        self._data, self._name = [], ""
        return ServerEvent(name, "\n".join(data), self.last_id) if data else None


@dataclass
class Feed:
    """Which events are asked for, and where it has got to."""

    path: str
    query: Mapping[str, Any]
    ends: frozenset[str]
    """Names of events after which nothing comes."""
    retry: Retry
    deadline: float | None = None
    """Of `time.monotonic`."""
    last_id: str | None = None
    failed: int = 0
    """Attempts in a row in which nothing came, not even what stands between events."""

    def request(self, timeout_s: float) -> dict[str, Any]:
        """How it is asked for next."""
        silence_s = min(max(timeout_s, SILENCE_MAX_S), self.left_s())
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": self.last_id} if self.last_id else {})
        return {
            "method": "GET", "url": self.path, "params": plain_query(self.query), "headers": headers,
            "timeout": httpx.Timeout(timeout_s, read=silence_s),
        }  # fmt: skip

    def left_s(self) -> float:
        """Until the deadline. Raises `TimedOut` behind it."""
        left_s = math.inf if self.deadline is None else self.deadline - time.monotonic()
        if left_s <= 0:
            raise TimedOut("what was waited for has not come in the time that was given")
        return left_s

    def heard(self) -> None:
        """Something came. Raises `TimedOut` behind the deadline."""
        self.failed = 0
        self.left_s()

    def came(self, event: ServerEvent) -> bool:
        """Notes an event; whether it is the last."""
        self.last_id = event.id
        return event.name in self.ends

    def wait_s(self, error: Exception | None) -> float:
        """How long to wait before it is asked for again. Raises the error where it is not."""
        self.failed += 1
        self.left_s()
        refusal = error if isinstance(error, ApiError) else None
        final = refusal is not None and refusal.status not in (429, 503)
        wait_s = None if final else self.retry.wait_s(self.failed, refusal.retry_after_s if refusal else None)
        if wait_s is None:
            raise told(error or httpx.RemoteProtocolError("the feed ends again and again")) from error
        return wait_s


def follow(transport: SyncTransport, feed: Feed) -> Iterator[ServerEvent]:
    """Every event, over broken connections, until one that is the last."""
    while True:
        error: Exception | None = None
        try:
            with transport.http.stream(**feed.request(transport.settings.timeout_s)) as response:
                if not response.is_success:
                    raise refused(response.status_code, response.headers, response.read())
                parser = SseParser(feed.last_id)
                for line in response.iter_lines():
                    feed.heard()
                    if event := parser.line(line):
                        last = feed.came(event)
                        yield event
                        if last:
                            return
        except (httpx.TransportError, ApiError) as broken:
            error = broken
        time.sleep(feed.wait_s(error))


async def follow_async(transport: AsyncTransport, feed: Feed) -> AsyncIterator[ServerEvent]:
    """Every event, over broken connections, until one that is the last."""
    while True:
        error: Exception | None = None
        try:
            async with transport.http.stream(**feed.request(transport.settings.timeout_s)) as response:
                if not response.is_success:
                    raise refused(response.status_code, response.headers, await response.aread())
                parser = SseParser(feed.last_id)
                async for line in response.aiter_lines():
                    feed.heard()
                    if event := parser.line(line):
                        last = feed.came(event)
                        yield event
                        if last:
                            return
        except (httpx.TransportError, ApiError) as broken:
            error = broken
        await asyncio.sleep(feed.wait_s(error))
