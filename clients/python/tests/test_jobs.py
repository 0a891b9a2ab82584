"""Jobs on a real server: handed in, followed, fetched, ended."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Server
from samovar_client import (
    NEVER,
    AsyncSamovar,
    Conflict,
    InvalidRequest,
    JobEnded,
    JobOptions,
    JobProgress,
    NotAllowed,
    NotFound,
    OnServer,
    Overloaded,
    Samovar,
    TimedOut,
)

SHORT = JobOptions(every=20, frames_max=8)


def test_a_job_from_its_video_to_its_results(samovar: Samovar, clip: Path, tmp_path: Path) -> None:
    steps: list[JobProgress] = []
    options = JobOptions(every=10, frames_max=12, report=True, thumbnails=1)
    job = samovar.jobs.submit(clip, options)
    done = samovar.jobs.wait(job.id, timeout_s=120, on_progress=steps.append).check()
    assert done.result is not None and done.result.frames == 12 and steps and done.task is not None
    assert done.task["name"] == clip.name and set(done.result.formats) == {"jsonl", "csv", "parquet", "coco", "mot"}
    assert len(samovar.jobs.frames(job.id)) == 12
    assert samovar.jobs.result(job.id, "csv").count(b"\n") > 1
    assert samovar.jobs.result(job.id, "parquet").startswith(b"PAR1")
    assert "images" in json.loads(samovar.jobs.result(job.id, "coco"))
    assert samovar.jobs.result(job.id, "mot", track=True)
    samovar.jobs.save_result(job.id, tmp_path / "found.csv", "csv")
    assert (tmp_path / "found.csv").read_bytes() == samovar.jobs.result(job.id, "csv")
    samovar.jobs.save_file(job.id, "report.html", tmp_path / "report.html")
    assert b"<html" in samovar.jobs.file(job.id, "report.html")[:200].lower()
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["found.csv", "report.html"]
    assert job.id in {one.id for one in samovar.jobs.list(state="done", limit=10).data}
    assert samovar.jobs.delete(job.id)
    with pytest.raises(NotFound) as gone:
        samovar.jobs.get(job.id)
    assert gone.value.code == "job_not_found"


def test_the_same_key_is_the_same_job(samovar: Samovar, clip: Path) -> None:
    one = samovar.jobs.submit(clip, SHORT, idempotency_key="the-same")
    assert samovar.jobs.submit(clip, SHORT, idempotency_key="the-same").id == one.id
    with pytest.raises(Conflict) as conflict:
        samovar.jobs.submit(clip, JobOptions(every=7), idempotency_key="the-same")
    assert conflict.value.code == "idempotency_conflict"
    assert samovar.jobs.wait(one.id, timeout_s=120).state == "done"


def test_videos_on_the_server_and_bytes(samovar: Samovar, server: Server, clip: Path) -> None:
    there = server.folder / "walk.mp4"
    shutil.copy(clip, there)
    named = samovar.jobs.submit(OnServer(str(there)), SHORT)
    sent = samovar.jobs.submit(clip.read_bytes(), SHORT)
    frames = [samovar.jobs.wait(job.id, timeout_s=120).check().result for job in (named, sent)]
    assert [result.frames for result in frames if result] == [8, 8]
    with pytest.raises(NotAllowed) as outside:
        samovar.jobs.submit(OnServer("/etc/passwd"))
    assert outside.value.code == "input_not_allowed"


def test_what_fails_says_why_and_can_be_tried_again(samovar: Samovar, clip: Path) -> None:
    with pytest.raises(InvalidRequest) as refused:
        samovar.jobs.submit(b"no video at all" * 100)
    assert refused.value.code == "unsupported_media"
    job = samovar.jobs.submit(clip.read_bytes()[:64])
    failed = samovar.jobs.wait(job.id, timeout_s=60)
    with pytest.raises(JobEnded) as why:
        failed.check()
    assert (why.value.state, why.value.code) == ("failed", "unsupported_media")
    with pytest.raises(Conflict) as none:
        samovar.jobs.result(job.id)
    assert none.value.code == "job_state"
    assert samovar.jobs.retry(job.id).state == "queued"
    assert samovar.jobs.wait(job.id, timeout_s=60).state == "failed"


def test_a_job_that_runs_is_cancelled(samovar: Samovar, clip: Path) -> None:
    job = samovar.jobs.submit(clip)
    events = samovar.jobs.events(job.id)
    assert next(events).name == "state"
    samovar.jobs.cancel(job.id)
    assert [event.job.state for event in events if event.name == "end" and event.job] == ["cancelled"]
    with pytest.raises(JobEnded):
        samovar.jobs.wait(job.id).check()


def test_a_full_queue_says_when_to_come_back(make_server: Callable[..., Server], clip: Path) -> None:
    server = make_server(jobs="worker = false\njobs_max = 1").start()
    with Samovar(server.url, retry=NEVER) as samovar:
        first = samovar.jobs.submit(clip, SHORT)
        with pytest.raises(Overloaded) as full:
            samovar.jobs.submit(clip, SHORT)
        assert full.value.code == "job_queue_full" and (full.value.retry_after_s or 0) > 0
        with pytest.raises(TimedOut):
            samovar.jobs.wait(first.id, timeout_s=0.5)
    server.kill()


def test_the_same_awaited_over_a_restart(make_server: Callable[..., Server], clip: Path) -> None:
    server = make_server().start()

    async def main() -> None:
        async with AsyncSamovar(server.url) as samovar:
            job = await samovar.jobs.submit(clip, JobOptions(every=2))
            names = []
            async for event in samovar.jobs.events(job.id):
                names.append(event.name)
                if event.name == "progress" and "restarted" not in names:
                    names.append("restarted")
                    await asyncio.to_thread(server.end)
                    await asyncio.to_thread(server.start)
            assert "restarted" in names and names[-1] == "end"
            done = (await samovar.jobs.wait(job.id)).check()
            found = await samovar.jobs.frames(job.id)
            assert done.result is not None and len(found) == done.result.frames > 10

    asyncio.run(main())
    server.kill()
