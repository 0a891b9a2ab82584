"""What needs no server: JSON to dataclasses, lines to events, waits, pictures."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy
import pytest
from samovar_client import InvalidRequest, JobOptions, NotFound, Overloaded, Problem, Retry, UnexpectedAnswer
from samovar_client.decode import decode
from samovar_client.errors import api_error
from samovar_client.pictures import encode
from samovar_client.sse import SseParser
from samovar_client.stream_events import parse
from samovar_client.stream_state import StreamState


@dataclass(frozen=True)
class Point:
    x: float
    label: str = "none"
    others: tuple[int, ...] = ()
    maybe: int | None = None


def test_json_becomes_objects_and_what_is_new_is_left_out() -> None:
    assert decode(Point, {"x": 1, "others": [1, 2], "maybe": None, "newer": {}}) == Point(1.0, others=(1, 2))
    for wrong in ({}, {"x": "1"}, {"x": True}, {"x": 1, "others": 2}, {"x": 1, "others": [1.5]}, [], None):
        with pytest.raises(UnexpectedAnswer):
            decode(Point, wrong)


def test_lines_become_events() -> None:
    parser = SseParser()
    lines = [": heartbeat", "", "event: result", "id: 7", "data: {", "data:}", "", "data: x", "", "event: none", ""]
    events = [event for line in lines if (event := parser.line(line))]
    assert [(event.name, event.data, event.id) for event in events] == [("result", "{\n}", "7"), ("message", "x", "7")]


def test_waits_grow_are_bounded_and_the_server_has_the_last_word() -> None:
    retry = Retry(attempts=3, delay_s=1.0, wait_max_s=5.0)
    assert retry.wait_s(1, 2.0) == 2.0
    assert retry.wait_s(1, 6.0) is None and retry.wait_s(3, 0.0) is None
    assert 0.5 <= (retry.wait_s(1, None) or 0) <= 1.0 <= (retry.wait_s(2, None) or 0) <= 2.0


def test_errors_of_every_form_have_a_code() -> None:
    problem = api_error(404, {"code": "model_not_found", "detail": "no such model", "cure": "look"}, None)
    assert isinstance(problem, NotFound) and (problem.code, problem.cure) == ("model_not_found", "look")
    openai = api_error(429, {"error": {"message": "slowly", "type": "requests", "code": "rate_limited"}}, 1.5)
    assert isinstance(openai, Overloaded) and (openai.code, openai.retry_after_s) == ("rate_limited", 1.5)
    triton = api_error(400, {"error": "no such input"}, None)
    assert isinstance(triton, InvalidRequest) and (triton.code, triton.detail) == ("http_400", "no such input")
    assert api_error(502, None, None).code == "http_502"


def test_frames_keep_their_numbers_over_connections() -> None:
    state = StreamState("detect", {}, Retry())
    dropped = '{"type": "dropped", "frame": 0, "count": 2, "reason": "overloaded"}'
    assert [state.number() for _ in range(3)] == [0, 1, 2] and state.opened() == []
    state.told = 1
    state.options_message({"score_min": 0.5})
    state.options_message({"classes": []})
    assert state.opened() == ['{"type": "options", "score_min": 0.5, "classes": []}']
    assert state.reconnected(Exception("gone"), None).frames_lost == 2
    state.number(), state.number()
    assert state.read(dropped).frame == 3 and state.all_told
    assert state.read('{"type": "error", "code": "c", "detail": "d"}') == Problem("c", "d")
    assert parse("detect", '{"type": "of a newer server"}') is None


def test_pixels_are_sent_as_a_picture() -> None:
    pixels = numpy.arange(2 * 3 * 3, dtype=numpy.uint8).reshape(2, 3, 3)
    png = encode(pixels)
    if png.startswith(b"\x89PNG"):
        rows = zlib.decompress(png[png.index(b"IDAT") + 4 :])
        assert rows == b"\0" + pixels[0].tobytes() + b"\0" + pixels[1].tobytes()
    else:
        assert png.startswith(b"\xff\xd8")
    for wrong in (pixels.astype(numpy.float32), pixels[0]):
        with pytest.raises(ValueError):
            encode(wrong)


def test_only_what_is_chosen_of_a_job_is_said() -> None:
    options = JobOptions(score_min=0.0, classes=("person",), every=5, report=True)
    assert options.query() == {"score_min": 0.0, "classes": ("person",), "every": 5, "report": True}
    body = {"score_min": 0.0, "classes": ("person",), "frames": {"every": 5}, "outputs": {"report": True}}
    assert options.body() == body
