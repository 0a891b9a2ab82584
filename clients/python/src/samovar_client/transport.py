"""Requests over HTTP, sync and async: keys, time limits, further attempts, errors. The two transports differ in `await` alone."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import httpx

from .errors import ApiError, ConnectionFailed, SamovarError, TimedOut, UnexpectedAnswer, api_error
from .retry import Retry
from .version import __version__

if TYPE_CHECKING:
    from .call import Call

T = TypeVar("T")
CHUNK_BYTES = 256 << 10
SAFE = {"GET", "HEAD", "PUT", "DELETE"}


@dataclass(frozen=True)
class Settings:
    """What both transports are told."""

    url: str
    """`http://HOST:PORT`, without a slash at its end."""
    api_key: str | None
    timeout_s: float
    """For each step of a request: to connect, to send on, to hear on."""
    retry: Retry

    def headers(self) -> dict[str, str]:
        """What goes with every request."""
        agent = {"User-Agent": f"samovar-client/{__version__}"}
        return agent | ({"Authorization": f"Bearer {self.api_key}"} if self.api_key else {})

    def websocket_url(self, path: str, query: Mapping[str, Any]) -> str:
        """The same server's address for a WebSocket."""
        text = str(httpx.QueryParams(plain_query(query)))
        scheme, rest = self.url.split("://", 1)
        return ("wss" if scheme == "https" else "ws") + f"://{rest}{path}" + (f"?{text}" if text else "")

    def options(self) -> dict[str, Any]:
        """How an HTTP client is made."""
        timeout = httpx.Timeout(self.timeout_s, connect=min(self.timeout_s, 10.0))
        return {"base_url": self.url, "headers": self.headers(), "timeout": timeout, "follow_redirects": False}


@dataclass(frozen=True)
class Received:
    """An answer that says yes."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        """Its body, parsed."""
        try:
            return json.loads(self.content)
        except ValueError as error:
            raise UnexpectedAnswer("the answer is no JSON: is this a Samovar server?") from error


class SyncTransport:
    """One pool of connections for blocking calls. Threads may share it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.http = httpx.Client(**settings.options())

    def run(self, call: Call[T]) -> T:
        """Sends a request until it is answered, refused for good, or tried often enough."""
        failed = 0
        while True:
            try:
                return call.read(self._send(call))
            except (httpx.HTTPError, ApiError) as error:
                failed += 1
                wait_s = wait_after(error, failed, call, self.settings.retry)
                if wait_s is None:
                    raise told(error) from error
            time.sleep(wait_s)

    def _send(self, call: Call[Any]) -> Received:
        opened = call.body() if callable(call.body) else None
        try:
            content = file_chunks(opened) if opened else as_bytes(call.body)
            with self.http.stream(content=content, **request_options(call, opened)) as response:
                if call.save_to is not None and response.is_success:
                    with Saving(call.save_to) as file:
                        for chunk in response.iter_bytes(CHUNK_BYTES):
                            file.write(chunk)
                else:
                    response.read()
                return received(response, saved=call.save_to is not None and response.is_success)
        finally:
            if opened:
                opened.close()

    def close(self) -> None:
        """Ends all connections."""
        self.http.close()


class AsyncTransport:
    """One pool of connections for one event loop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.http = httpx.AsyncClient(**settings.options())

    async def run(self, call: Call[T]) -> T:
        """Sends a request until it is answered, refused for good, or tried often enough."""
        failed = 0
        while True:
            try:
                return call.read(await self._send(call))
            except (httpx.HTTPError, ApiError) as error:
                failed += 1
                wait_s = wait_after(error, failed, call, self.settings.retry)
                if wait_s is None:
                    raise told(error) from error
            await asyncio.sleep(wait_s)

    async def _send(self, call: Call[Any]) -> Received:
        opened = call.body() if callable(call.body) else None
        try:
            content = file_chunks_async(opened) if opened else as_bytes(call.body)
            async with self.http.stream(content=content, **request_options(call, opened)) as response:
                if call.save_to is not None and response.is_success:
                    with Saving(call.save_to) as file:
                        async for chunk in response.aiter_bytes(CHUNK_BYTES):
                            await asyncio.to_thread(file.write, chunk)
                else:
                    await response.aread()
                return received(response, saved=call.save_to is not None and response.is_success)
        finally:
            if opened:
                opened.close()

    async def close(self) -> None:
        """Ends all connections."""
        await self.http.aclose()


class Saving:
    """A file that is there when all of it came, and not before."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f".{path.name}.{os.getpid()}.part")

    def __enter__(self) -> BinaryIO:
        self._file = self._part.open("wb")
        return self._file

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._file.close()
        if kind is None:
            self._part.replace(self._path)
        else:
            self._part.unlink(missing_ok=True)


def request_options(call: Call[Any], opened: BinaryIO | None) -> dict[str, Any]:
    """A call as `httpx` wants it, without its body."""
    headers = dict(call.headers)
    if opened is not None:
        # The server says no before the video is sent, where its length alone is too much.
        headers["Content-Length"] = str(os.fstat(opened.fileno()).st_size)
    options: dict[str, Any] = {
        "method": call.method, "url": call.path, "params": plain_query(call.query), "headers": headers,
    }  # fmt: skip
    if call.json is not None:
        options["json"] = call.json
    if call.timeout_s is not None:
        options["timeout"] = httpx.Timeout(call.timeout_s, connect=10.0)
    return options


def received(response: httpx.Response, *, saved: bool = False) -> Received:
    """An answer, or the error that it is."""
    if response.is_success:
        return Received(response.status_code, response.headers, b"" if saved else response.content)
    raise refused(response.status_code, response.headers, response.content)


def refused(status: int, headers: Mapping[str, str], content: bytes) -> ApiError:
    """The error that an answer is."""
    try:
        body = json.loads(content)
    except ValueError:
        body = None
    return api_error(status, body, retry_after(headers.get("retry-after")))


def retry_after(value: str | None) -> float | None:
    """Seconds, where a header says so."""
    try:
        return max(float(value), 0.0) if value is not None else None
    except ValueError:
        return None


def wait_after(error: Exception, failed: int, call: Call[Any], retry: Retry) -> float | None:
    """How long to wait before the next attempt; none where there is to be none."""
    if isinstance(error, ApiError):
        again = error.status in (429, 503)
        return retry.wait_s(failed, error.retry_after_s) if again else None
    repeatable = call.method in SAFE if call.repeatable is None else call.repeatable
    # Where no connection came about, nothing was sent.
    again = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)) or (
        repeatable and isinstance(error, httpx.TransportError)
    )
    return retry.wait_s(failed, None) if again else None


def told(error: Exception) -> SamovarError:
    """The error as this package tells it."""
    if isinstance(error, SamovarError):
        return error
    if isinstance(error, httpx.TimeoutException):
        return TimedOut(f"the server did not answer in time ({type(error).__name__})")
    return ConnectionFailed(f"the server cannot be reached: {error}")


def plain_query(query: Mapping[str, Any]) -> dict[str, str]:
    """A query as text: what is `None` is left out, lists are joined by commas."""
    return {name: _query_text(value) for name, value in query.items() if value is not None}


def _query_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join(str(one) for one in value)
    return str(value)


def as_bytes(body: object) -> bytes | None:
    """A body that is there as a whole."""
    return body if isinstance(body, bytes) else None


def file_chunks(file: BinaryIO) -> Iterator[bytes]:
    """A file bit by bit."""
    while chunk := file.read(CHUNK_BYTES):
        yield chunk


async def file_chunks_async(file: BinaryIO) -> AsyncIterator[bytes]:
    """A file bit by bit, without holding up the loop."""
    while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
        yield chunk
