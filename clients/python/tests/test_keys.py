"""A server that asks for keys: who has none, who may not, who asks too often."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from conftest import Server, Street
from samovar_client import NEVER, DetectResult, NotAllowed, Overloaded, Retry, Samovar

KEYS = """
[keys.camera]
sha256 = "{camera}"
scopes = ["infer"]
[keys.hasty]
sha256 = "{hasty}"
scopes = ["infer"]
rate_per_s = 2
burst = 2
"""
CAMERA, HASTY = "sk-camera-0123456789abcdef0123456789abcdef", "sk-hasty-0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def guarded(make_server: Callable[..., Server]) -> Server:
    digests = {"camera": CAMERA, "hasty": HASTY}
    more = KEYS.format(**{name: hashlib.sha256(key.encode()).hexdigest() for name, key in digests.items()})
    return make_server(more=more).start()


def test_without_a_key_nothing_is_answered(guarded: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with Samovar(guarded.url) as nobody:
        assert nobody.health.live()
        with pytest.raises(NotAllowed) as none:
            nobody.models.list()
        assert none.value.status == 401
        with pytest.raises(NotAllowed), nobody.streams.detect():
            pass
    with Samovar(guarded.url, api_key="sk-wrong") as wrong, pytest.raises(NotAllowed):
        wrong.models.list()
    monkeypatch.setenv("SAMOVAR_API_KEY", CAMERA)
    with Samovar(guarded.url) as camera:
        assert camera.models.get("detect").is_ready


def test_a_key_may_what_its_scopes_say(guarded: Server, street: Street) -> None:
    with Samovar(guarded.url, api_key=CAMERA) as camera:
        assert len(camera.detect(street.still, score_min=0.5).detections) == street.persons
        with camera.streams.detect() as stream:
            assert all(isinstance(event, DetectResult) for event in stream.run([street.still] * 2, in_flight_max=1))
        with pytest.raises(NotAllowed) as scope:
            camera.models.unload("detect")
        assert scope.value.status == 403


def test_who_asks_too_often_is_told_when_to_come_back(guarded: Server, street: Street) -> None:
    with Samovar(guarded.url, api_key=HASTY, retry=NEVER) as hasty:
        with pytest.raises(Overloaded) as often:
            for _ in range(50):
                hasty.detect(street.still)
        assert often.value.code == "rate_limited" and often.value.retry_after_s is not None
    with Samovar(guarded.url, api_key=HASTY, retry=Retry(attempts=10)) as patient:
        for _ in range(4):
            patient.detect(street.still)
