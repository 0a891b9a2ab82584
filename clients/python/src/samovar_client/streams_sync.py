"""Live streams for threads: frames out, events in, over broken connections."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any, Generic, TypeVar, Unpack

from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect

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
from .transport import Settings, SyncTransport, refused

EventT = TypeVar("EventT")
_LOOK_S = 0.2
END_MAX_S = 5.0
"""The longest that frames which nobody wants any more are waited for."""


class SyncStreams(Board[SyncTransport]):
    """`/v1/streams`: to open live streams, and to see which are open."""

    def detect(self, *, reconnect: Retry = RECONNECT, **options: Unpack[DetectOptions]) -> LiveStream[DetectEvent]:
        """A stream of detections."""
        return LiveStream(self._transport.settings, StreamState("detect", dict(options), reconnect))

    def segment(self, *, reconnect: Retry = RECONNECT, **options: Unpack[SegmentOptions]) -> LiveStream[SegmentEvent]:
        """A stream of segmentations."""
        return LiveStream(self._transport.settings, StreamState("segment", dict(options), reconnect))

    def anomaly(
        self, *, reconnect: Retry = RECONNECT, **options: Unpack[AnomalyOptions]
    ) -> LiveStream[AnomalyStreamEvent]:
        """A stream of people, how unusual they move, and events."""
        return LiveStream(self._transport.settings, StreamState("anomaly", dict(options), reconnect))


class LiveStream(Generic[EventT]):
    """One live stream. Opened by `with`, which waits until the model is warm. One thread may send while another receives.

    Frames are numbered from 0 by `send`, over all connections; events name these numbers.
    """

    ready: Any
    """What the stream began with; after a lost connection that of the newest one."""

    def __init__(self, settings: Settings, state: StreamState) -> None:
        self._settings, self._state = settings, state
        self._socket: ClientConnection | None = None
        self._sending = threading.Lock()
        self._closing = threading.Event()
        self._news = threading.Condition()

    def __enter__(self) -> LiveStream[EventT]:
        self._connect(None)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, picture: Picture) -> int:
        """Sends a picture, or an access unit of H.264, and gives its number. Never waits for an answer.

        While the connection is lost, frames count as lost too.
        """
        data = encode(picture)
        with self._sending:
            number = self._state.number()
            self._say(data)
            return number

    def set_options(self, **options: Any) -> None:
        """Other options from the next frame on; the answer is `OptionsInForce`, or a `Problem`."""
        self._say(self._state.options_message(options))

    def set_mode(self, mode: str) -> None:
        """Another mode, as soon as it is warm: `ModeChanging`, then `ModeChanged`."""
        self._say(self._state.mode_message(mode))

    def receive(self, timeout_s: float | None = None) -> EventT:
        """The next event. Raises `TimedOut`, and `StreamClosed` at the end."""
        while True:
            socket = self._socket
            if socket is None:
                raise self._state.closed(ENDED, "it was closed here")
            try:
                event = self._state.read(socket.recv(timeout_s))
            except TimeoutError as error:
                raise TimedOut("the stream told nothing in the time that was given") from error
            except ConnectionClosed as error:
                event = self._reconnect(closed(self._state, error))
            with self._news:
                self._news.notify_all()
            if event is not None:
                told: EventT = event
                return told

    def __iter__(self) -> Iterator[EventT]:
        """Events until the stream is closed, here or by request."""
        while True:
            try:
                event = self.receive()
            except StreamClosed as end:
                if end.close_code == ENDED or self._closing.is_set():
                    return
                raise
            yield event

    def run(
        self, frames: Iterable[Picture], *, fps: float | None = None, in_flight_max: int | None = None
    ) -> Iterator[EventT]:
        """Sends all frames and gives the events, until it is known of every frame what became of it.

        `fps` holds back frames that would come faster; `in_flight_max` those before which so many wait for their answer: with 1
        every frame of a recording is looked at.
        """
        sender = _Sender(self, frames, fps, in_flight_max)
        sender.start()
        heard = time.monotonic()
        try:
            while sender.is_alive() or not self._state.all_told:
                try:
                    event = self.receive(_LOOK_S)
                except TimedOut:
                    if not sender.is_alive() and time.monotonic() - heard > ANSWER_MAX_S:
                        raise
                    continue
                heard = time.monotonic()
                yield event
        finally:
            sender.end()
        sender.check()

    def close(self) -> None:
        """Ends it. What is on its way is not told any more; `run` ends when everything was."""
        self._closing.set()
        socket, self._socket = self._socket, None
        if socket is not None:
            socket.close()

    def _say(self, message: str | bytes) -> None:
        socket = self._socket
        if socket is None or self._closing.is_set():
            raise self._state.closed(ENDED, "it was closed here")
        try:
            socket.send(message)
        except ConnectionClosed:
            # Whoever receives hears of it and connects again.
            pass

    def _reconnect(self, error: StreamClosed) -> Any:
        if self._closing.is_set() or error.close_code == ENDED:
            raise error
        return self._connect(error)

    def _connect(self, lost: StreamClosed | None) -> Any:
        """Connects until the stream is ready; after a lost connection gives what is told of it."""
        error: SamovarError | None = lost
        while True:
            if error is not None and self._closing.wait(self._state.wait_s(error)):
                raise error
            try:
                self._open()
                return self._state.reconnected(lost, self.ready) if lost else None
            except SamovarError as failed:
                error = failed

    def _open(self) -> None:
        socket = _connect(self._settings, self._state)
        try:
            with self._sending:
                self._socket, first = socket, self._state.opened()
            self.ready = self._ready(socket)
            for message in first:
                socket.send(message)
        except ConnectionClosed as error:
            raise closed(self._state, error) from error

    def _ready(self, socket: ClientConnection) -> Any:
        deadline = time.monotonic() + READY_MAX_S
        while True:
            try:
                message = socket.recv(max(deadline - time.monotonic(), 0.0))
            except TimeoutError as error:
                socket.close()
                raise TimedOut("the model was not ready in the time that the server gives it") from error
            if ready := expect_ready(self._state.read(message)):
                return ready


class _Sender(threading.Thread):
    """Sends the frames of one `run`."""

    def __init__(
        self, stream: LiveStream[Any], frames: Iterable[Picture], fps: float | None, in_flight_max: int | None
    ) -> None:
        super().__init__(name="samovar-stream-sender", daemon=True)
        self._stream, self._frames = stream, frames
        self._every_s = 1.0 / fps if fps else 0.0
        self._in_flight_max = in_flight_max
        self._ended = threading.Event()
        self._error: BaseException | None = None

    def run(self) -> None:
        due = time.monotonic()
        try:
            for frame in self._frames:
                if self._ended.wait(max(due - time.monotonic(), 0.0)) or not self._may_send():
                    return
                self._stream.send(frame)
                due = max(due + self._every_s, time.monotonic())
        except BaseException as error:  # noqa: BLE001 (told by `check`)
            self._error = error

    def _may_send(self) -> bool:
        state, news = self._stream._state, self._stream._news
        with news:
            while self._in_flight_max and state.frames - state.told >= self._in_flight_max and not self._ended.is_set():
                news.wait(_LOOK_S)
        return not self._ended.is_set()

    def end(self) -> None:
        """Sends no more."""
        self._ended.set()
        self.join(END_MAX_S)

    def check(self) -> None:
        """Raises what the frames themselves raised."""
        if self._error is not None:
            raise self._error


def _connect(settings: Settings, state: StreamState) -> ClientConnection:
    try:
        opening = connect(
            settings.websocket_url(state.path, state.query),
            additional_headers=settings.headers(),
            user_agent_header=None,
            open_timeout=settings.timeout_s,
            close_timeout=min(settings.timeout_s, 10.0),
            compression=None,
            max_size=MESSAGE_BYTES_MAX,
        )
        # Entered and not left: `close` ends it.
        return opening.__enter__()
    except InvalidStatus as error:
        raise refusal(error) from error
    except (OSError, TimeoutError, WebSocketException) as error:
        raise ConnectionFailed(f"the stream cannot be opened: {error}") from error


def refusal(error: InvalidStatus) -> SamovarError:
    """The answer of a server that does not open the stream."""
    response = error.response
    return refused(response.status_code, response.headers, bytes(response.body or b""))


def closed(state: StreamState, error: ConnectionClosed) -> StreamClosed:
    """A closed connection as an error."""
    end = error.rcvd
    return state.closed(end.code if end else None, end.reason if end else "the connection was lost")
