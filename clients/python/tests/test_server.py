"""Health, models, single pictures, errors and keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Server, Street
from samovar_client import NEVER, AsyncSamovar, ConnectionFailed, InvalidRequest, NotFound, Retry, Samovar


def test_health_and_models(samovar: Samovar) -> None:
    assert samovar.health.live() and samovar.health.ready()
    health = samovar.health.get()
    assert health.status == "ready" and {model.name for model in health.models} >= {"detect", "pose"}
    assert {model.id for model in samovar.models.list()} == {model.name for model in health.models}
    model = samovar.models.get("detect")
    assert model.is_ready and model.serving is not None and model.serving.family == "yolo"
    assert samovar.models.warm_up("detect").outcome == "skipped"
    assert samovar.models.warm_up("detect", force=True).outcome == "ran"


def test_models_come_and_go(samovar: Samovar) -> None:
    assert samovar.models.unload("sequence").state == "absent"
    assert samovar.models.load("sequence").is_ready
    before = samovar.models.get("detect").serving
    after = samovar.models.reload("detect").serving
    assert before and after and after.generation > before.generation


def test_a_picture_is_looked_at(samovar: Samovar, street: Street) -> None:
    found = samovar.detect(street.still, score_min=0.5, classes=["person"])
    assert len(found.detections) == street.persons and found.timings.total_ms > 0
    seen = samovar.segment(street.still, mode="fast", mask="none")
    assert seen.mask is None and abs(sum(area.share for area in seen.areas) - 1.0) < 1e-3


def test_errors_have_their_kind_and_code(samovar: Samovar, street: Street) -> None:
    with pytest.raises(NotFound) as unknown:
        samovar.models.get("nosuch")
    assert unknown.value.code == "model_not_found" and unknown.value.status == 404
    with pytest.raises(InvalidRequest) as option:
        samovar.detect(street.still, score_min=2.0)
    assert option.value.code == "invalid_option"
    with pytest.raises(InvalidRequest) as media:
        samovar.detect(b"no picture at all")
    assert media.value.code == "unsupported_media"


def test_nobody_there() -> None:
    with Samovar("http://127.0.0.1:9", retry=NEVER) as nobody, pytest.raises(ConnectionFailed):
        nobody.health.get()
    with pytest.raises(ValueError):
        Samovar("127.0.0.1:8080")


def test_the_same_awaited(server: Server, street: Street) -> None:
    async def main() -> None:
        async with AsyncSamovar(server.url) as samovar:
            health, models = await asyncio.gather(samovar.health.get(), samovar.models.list())
            assert len(health.models) == len(models)
            found = await asyncio.gather(*(samovar.detect(street.still, score_min=0.5) for _ in range(4)))
            assert [len(one.detections) for one in found] == [len(found[0].detections)] * 4
            with pytest.raises(NotFound):
                await samovar.models.get("nosuch")

    asyncio.run(main())


def test_a_server_that_starts_late_is_waited_for(make_server: Callable[..., Server]) -> None:
    import threading

    late = make_server()
    starting = threading.Timer(0.5, late.start)
    starting.start()
    with Samovar(late.url, retry=Retry(attempts=8)) as samovar:
        assert samovar.health.live()
    starting.join()
    late.end()


def test_types_are_told() -> None:
    import samovar_client

    assert (Path(samovar_client.__file__).parent / "py.typed").exists()
