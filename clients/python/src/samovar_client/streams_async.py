"""Live streams for event loops: frames out, events in, over broken connections."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from typing import Any, Generic, TypeVar, Unpack

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from .errors import ConnectionFailed, SamovarError, StreamClosed, TimedOut
from .events import Board
from .pictures import Picture, encode
from .retry import RECONNECT, Retry
from .stream_events import AnomalyStreamEvent, DetectEvent, SegmentEvent
from .stream_state import (
    ANSWER_MAX_S,
    ENDED,
    MESSAGE_BYTES_MAX,
    READY_MAX_S,
    AnomalyOptions,
    DetectOptions,
    SegmentOptions,
    StreamState,
    expect_ready,
)
from .streams_sync import closed, refusal
from .transport import AsyncTransport, Settings

EventT = TypeVar("EventT")
_LOOK_S = 0.2


class AsyncStreams(Board[AsyncTransport]):
    """`/v1/streams`: to open live streams, and to see which are open."""

    def detect(self, *, reconnect: Retry = RECONNECT, **options: Unpack[DetectOptions]) -> AsyncLiveStream[DetectEvent]:
        """A stream of detections."""
        return AsyncLiveStream(self._transport.settings, StreamState("detect", dict(options), reconnect))

    def segment(
        self, *, reconnect: Retry = RECONNECT, **options: Unpack[SegmentOptions]
    ) -> AsyncLiveStream[SegmentEvent]:
        """A stream of segmentations."""
        return AsyncLiveStream(self._transport.settings, StreamState("segment", dict(options), reconnect))

    def anomaly(
        self, *, reconnect: Retry = RECONNECT, **options: Unpack[AnomalyOptions]
    ) -> AsyncLiveStream[AnomalyStreamEvent]:
        """A stream of people, how unusual they move, and events."""
        return AsyncLiveStream(self._transport.settings, StreamState("anomaly", dict(options), reconnect))


class AsyncLiveStream(Generic[EventT]):
    """One live stream. Opened by `async with`, which waits until the model is warm. One task may send while another receives.

    Frames are numbered from 0 by `send`, over all connections; events name these numbers.
    """

    ready: Any
    """What the stream began with; after a lost connection that of the newest one."""

    def __init__(self, settings: Settings, state: StreamState) -> None:
        self._settings, self._state = settings, state
        self._socket: ClientConnection | None = None
        self._sending = asyncio.Lock()
        self._closing = asyncio.Event()
        self._news = asyncio.Event()

    async def __aenter__(self) -> AsyncLiveStream[EventT]:
        await self._connect(None)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def send(self, picture: Picture) -> int:
        """Sends a picture, or an access unit of H.264, and gives its number. Never waits for an answer.

        While the connection is lost, frames count as lost too.
        """
        data = encode(picture)
        async with self._sending:
            number = self._state.number()
            await self._say(data)
            return number

    async def set_options(self, **options: Any) -> None:
        """Other options from the next frame on; the answer is `OptionsInForce`, or a `Problem`."""
        await self._say(self._state.options_message(options))

    async def set_mode(self, mode: str) -> None:
        """Another mode, as soon as it is warm: `ModeChanging`, then `ModeChanged`."""
        await self._say(self._state.mode_message(mode))

    async def receive(self, timeout_s: float | None = None) -> EventT:
        """The next event. Raises `TimedOut`, and `StreamClosed` at the end."""
        while True:
            socket = self._socket
            if socket is None:
                raise self._state.closed(ENDED, "it was closed here")
            try:
                async with asyncio.timeout(timeout_s):
                    message = await socket.recv()
                event = self._state.read(message)
            except TimeoutError as error:
                raise TimedOut("the stream told nothing in the time that was given") from error
            except ConnectionClosed as error:
                event = await self._reconnect(closed(self._state, error))
            self._news.set()
            if event is not None:
                told: EventT = event
                return told

    async def __aiter__(self) -> AsyncIterator[EventT]:
        """Events until the stream is closed, here or by request."""
        while True:
            try:
                event = await self.receive()
            except StreamClosed as end:
                if end.close_code == ENDED or self._closing.is_set():
                    return
                raise
            yield event

    async def run(
        self,
        frames: Iterable[Picture] | AsyncIterable[Picture],
        *,
        fps: float | None = None,
        in_flight_max: int | None = None,
    ) -> AsyncIterator[EventT]:
        """Sends all frames and gives the events, until it is known of every frame what became of it.

        `fps` holds back frames that would come faster; `in_flight_max` those before which so many wait for their answer: with 1
        every frame of a recording is looked at.
        """
        sender = asyncio.create_task(self._send_all(frames, fps, in_flight_max), name="samovar-stream-sender")
        heard = time.monotonic()
        try:
            while not sender.done() or not self._state.all_told:
                try:
                    event = await self.receive(_LOOK_S)
                except TimedOut:
                    if sender.done() and time.monotonic() - heard > ANSWER_MAX_S:
                        raise
                    continue
                heard = time.monotonic()
                yield event
            await sender
        finally:
            sender.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await sender

    async def close(self) -> None:
        """Ends it. What is on its way is not told any more; `run` ends when everything was."""
        self._closing.set()
        socket, self._socket = self._socket, None
        if socket is not None:
            await socket.close()

    async def _send_all(
        self, frames: Iterable[Picture] | AsyncIterable[Picture], fps: float | None, in_flight_max: int | None
    ) -> None:
        due, every_s = time.monotonic(), 1.0 / fps if fps else 0.0
        async for frame in _each(frames):
            await asyncio.sleep(max(due - time.monotonic(), 0.0))
            while in_flight_max and self._state.frames - self._state.told >= in_flight_max:
                self._news.clear()
                await self._news.wait()
            await self.send(frame)
            due = max(due + every_s, time.monotonic())

    async def _say(self, message: str | bytes) -> None:
        socket = self._socket
        if socket is None or self._closing.is_set():
            raise self._state.closed(ENDED, "it was closed here")
        # Whoever receives hears of a lost connection and connects again.
        with contextlib.suppress(ConnectionClosed):
            await socket.send(message)

    async def _reconnect(self, error: StreamClosed) -> Any:
        if self._closing.is_set() or error.close_code == ENDED:
            raise error
        return await self._connect(error)

    async def _connect(self, lost: StreamClosed | None) -> Any:
        """Connects until the stream is ready; after a lost connection gives what is told of it."""
        error: SamovarError | None = lost
        while True:
            if error is not None and await self._closes_within(self._state.wait_s(error)):
                raise error
            try:
                await self._open()
                return self._state.reconnected(lost, self.ready) if lost else None
            except SamovarError as failed:
                error = failed

    async def _closes_within(self, wait_s: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                return await self._closing.wait()
        return False

    async def _open(self) -> None:
        socket = await _connect(self._settings, self._state)
        try:
            async with self._sending:
                self._socket, first = socket, self._state.opened()
            self.ready = await self._ready(socket)
            for message in first:
                await socket.send(message)
        except ConnectionClosed as error:
            raise closed(self._state, error) from error

    async def _ready(self, socket: ClientConnection) -> Any:
        try:
            async with asyncio.timeout(READY_MAX_S):
                while True:
                    if ready := expect_ready(self._state.read(await socket.recv())):
                        return ready
        except TimeoutError as error:
            await socket.close()
            raise TimedOut("the model was not ready in the time that the server gives it") from error


async def _each(frames: Iterable[Picture] | AsyncIterable[Picture]) -> AsyncIterator[Picture]:
    if isinstance(frames, AsyncIterable):
        async for frame in frames:
            yield frame
    else:
        for frame in frames:
            yield frame


async def _connect(settings: Settings, state: StreamState) -> ClientConnection:
    try:
        return await connect(
            settings.websocket_url(state.path, state.query),
            additional_headers=settings.headers(),
            user_agent_header=None,
            open_timeout=settings.timeout_s,
            close_timeout=min(settings.timeout_s, 10.0),
            compression=None,
            max_size=MESSAGE_BYTES_MAX,
        )
    except InvalidStatus as error:
        raise refusal(error) from error
    except (OSError, TimeoutError, WebSocketException) as error:
        raise ConnectionFailed(f"the stream cannot be opened: {error}") from error
