"""A recorded video handed in as a job by Samovar's own async client, followed to its end, and its results.

    pip install ./clients/python
    python samovar_jobs.py http://127.0.0.1:8080 yolov8n walk.mp4
"""

import asyncio
import csv
import sys
from pathlib import Path

from samovar_client import AsyncSamovar, JobOptions

url, model, path = sys.argv[1:4]


async def main():
    async with AsyncSamovar(url) as samovar:
        options = JobOptions(model=model, every=25, frames_max=4, score_min=0.3, thumbnails=1)
        job = await samovar.jobs.submit(Path(path), options)
        print(f"{job.id} is {job.state}")
        async for event in samovar.jobs.events(job.id):
            print(event.name, event.progress)
        done = (await samovar.jobs.get(job.id)).check()
        rows = list(csv.DictReader((await samovar.jobs.result(job.id, "csv")).decode().splitlines()))
        frames = await samovar.jobs.frames(job.id)
        print(f"{done.result.frames} frames, {len(rows)} objects, {list(done.result.files)}")
        assert len(frames) == done.result.frames == 4 and rows
        picture = await samovar.jobs.file(job.id, "thumbnail-1.jpg")
        assert picture.startswith(b"\xff\xd8")
        assert await samovar.jobs.delete(job.id)


asyncio.run(main())
