"""Live streams on a real server, over lost connections too."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator

import numpy
import pytest
from conftest import Server, Street
from samovar_client import (
    NEVER,
    AnomalyEvent,
    AnomalyResult,
    AsyncSamovar,
    ConnectionFailed,
    DetectResult,
    Dropped,
    ModeChanged,
    NotFound,
    OptionsInForce,
    Problem,
    Reconnected,
    Retry,
    Samovar,
    SegmentResult,
    StreamClosed,
)


def test_every_frame_is_told_once(samovar: Samovar, street: Street, frames: list[bytes]) -> None:
    with samovar.streams.detect(score_min=0.5, classes=["person"]) as stream:
        assert stream.ready.model == "detect"
        events = list(stream.run(frames, in_flight_max=1))
    results = [event for event in events if isinstance(event, DetectResult)]
    assert [result.frame for result in results] == list(range(len(frames))), events[:3]
    assert any(result.detections for result in results)


def test_too_many_frames_are_dropped_and_told(samovar: Samovar, frames: list[bytes]) -> None:
    with samovar.streams.detect() as stream:
        events = list(stream.run(frames))
    told = [(event.frame, event.count if isinstance(event, Dropped) else 1) for event in events]
    assert sum(count for _, count in told) == len(frames) and told == sorted(told)


def test_options_problems_and_pixels(samovar: Samovar, street: Street) -> None:
    with samovar.streams.detect(score_min=0.5) as stream:
        stream.set_options(classes=["person"])
        in_force = stream.receive(10)
        assert isinstance(in_force, OptionsInForce) and in_force.options["score_min"] == 0.5
        assert stream.send(street.still) == 0
        first = stream.receive(30)
        assert isinstance(first, DetectResult) and len(first.detections) == street.persons
        stream.send(b"no picture")
        problem = stream.receive(30)
        assert isinstance(problem, Problem) and (problem.frame, problem.code) == (1, "unsupported_media")
        stream.set_options(score_mni=1)
        assert isinstance(stream.receive(30), Problem)
        stream.send(numpy.zeros((96, 128, 3), numpy.uint8))
        black = stream.receive(30)
        assert isinstance(black, DetectResult) and (black.image.width, black.image.height) == (128, 96)


def test_the_mode_changes_between_two_frames(samovar: Samovar, frames: list[bytes]) -> None:
    with samovar.streams.segment(mode="fast", mask="none") as stream:
        modes = []
        for number, event in enumerate(stream.run(frames[:30], fps=10)):
            if number == 3:
                stream.set_mode("balanced")
            if isinstance(event, SegmentResult):
                modes.append(event.mode)
            if isinstance(event, ModeChanged):
                assert event.from_mode == "fast"
                modes.append("changed")
    if "changed" in modes:
        at = modes.index("changed")
        assert set(modes[:at]) == {"fast"} and set(modes[at + 1 :]) <= {"balanced"}
    assert "fast" in modes


def test_people_are_followed_and_events_are_fed(samovar: Samovar, frames: list[bytes]) -> None:
    feed: list[str] = []
    with samovar.streams.anomaly() as stream:
        told = samovar.events.of(stream.ready.stream, after=0)
        reader = threading.Thread(target=lambda: feed.extend(event.name for event in told))
        reader.start()
        events = list(stream.run(frames, in_flight_max=1))
        assert samovar.streams.get(stream.ready.stream).kind == "anomaly"
    reader.join(30)
    assert {event.frame for event in events if isinstance(event, AnomalyResult)} == set(range(len(frames)))
    happened = [event.event for event in events if isinstance(event, AnomalyEvent)]
    assert "person.appeared" in happened
    assert feed[: len(happened)] == happened and feed[-1] == "closed" and "person.left" in feed


def test_a_stream_that_is_ended_by_request_ends(samovar: Samovar) -> None:
    with samovar.streams.detect() as stream:
        assert stream.ready.stream in {open_stream.id for open_stream in samovar.streams.list()}
        samovar.streams.end(stream.ready.stream)
        assert list(stream) == []


def test_what_cannot_be_opened_says_why(samovar: Samovar) -> None:
    with pytest.raises(NotFound) as unknown, samovar.streams.detect(model="nosuch"):
        pass
    assert unknown.value.code == "model_not_found"


def test_a_lost_server_is_come_back_to(make_server: Callable[..., Server], frames: list[bytes]) -> None:
    server = make_server().start()

    def with_a_crash() -> Iterator[bytes]:
        for number, frame in enumerate(frames[:20]):
            if number == 10:
                server.kill()
                server.start()
            yield frame

    reconnect = Retry(attempts=40, delay_s=0.2, wait_max_s=0.5)
    with Samovar(server.url) as samovar, samovar.streams.detect(reconnect=reconnect) as stream:
        stream.set_options(score_min=0.9)
        events = list(stream.run(with_a_crash(), in_flight_max=1))
        again = [event for event in events if isinstance(event, Reconnected)]
        assert len(again) == 1, events
        told = {event.frame for event in events if isinstance(event, (DetectResult, Dropped))}
        assert len(told) + again[0].frames_lost == 20 and 19 in told
        # What was chosen is said again.
        assert any(isinstance(event, OptionsInForce) and abs(event.options["score_min"] - 0.9) < 1e-6 for event in events)
    with Samovar(server.url) as samovar, samovar.streams.detect(reconnect=NEVER) as once:
        server.end()
        with pytest.raises(StreamClosed) as gone:
            once.receive(10)
        assert gone.value.close_code == 1001
        with pytest.raises(ConnectionFailed), samovar.streams.detect(reconnect=NEVER):
            pass


def test_the_same_awaited(server: Server, frames: list[bytes], street: Street) -> None:
    async def main() -> None:
        async with AsyncSamovar(server.url) as samovar:
            async with samovar.streams.detect(score_min=0.5) as stream:
                events = [event async for event in stream.run(frames[:20], in_flight_max=1)]
                assert [event.frame for event in events if isinstance(event, DetectResult)] == list(range(20))
                await stream.set_options(classes=["person"])
                assert isinstance(await stream.receive(10), OptionsInForce)
                await stream.send(street.still)
                found = await stream.receive(30)
                assert isinstance(found, DetectResult) and len(found.detections) == street.persons
                await samovar.streams.end(stream.ready.stream)
                assert [event async for event in stream] == []

    asyncio.run(main())


def test_a_lost_server_is_come_back_to_awaited(make_server: Callable[..., Server], frames: list[bytes]) -> None:
    server = make_server().start()

    async def main() -> None:
        reconnect = Retry(attempts=40, delay_s=0.2, wait_max_s=0.5)
        async with AsyncSamovar(server.url) as samovar, samovar.streams.detect(reconnect=reconnect) as stream:
            await stream.send(frames[0])
            assert isinstance(await stream.receive(30), DetectResult)
            server.kill()
            await asyncio.to_thread(server.start)
            assert isinstance(await stream.receive(60), Reconnected)
            assert await stream.send(frames[1]) == 1
            again = await stream.receive(30)
            assert isinstance(again, DetectResult) and again.frame == 1

    asyncio.run(main())
    server.kill()
