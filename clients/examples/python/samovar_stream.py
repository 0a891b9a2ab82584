"""A live stream by Samovar's own client: pictures out as they come, events in.

    pip install ./clients/python
    python samovar_stream.py http://127.0.0.1:8080 yolov8n bus.jpg
"""

import sys
from collections import Counter
from pathlib import Path

from samovar_client import DetectResult, Dropped, OptionsInForce, Samovar

url, model, path = sys.argv[1:4]
picture = Path(path).read_bytes()

with Samovar(url) as samovar, samovar.streams.detect(model=model, score_min=0.3) as stream:
    print(f"{stream.ready.model} on {stream.ready.engine}, {stream.ready.precision}, ready in {stream.ready.open_ms:.0f} ms")
    for event in stream.run([picture] * 5, in_flight_max=1):
        assert isinstance(event, DetectResult), event
        found = Counter(one.label for one in event.detections)
        print(f"frame {event.frame}: {dict(found)} in {event.timings.total_ms:.0f} ms")
        # The street with the bus: four people, one of them half out of the picture.
        assert found == {"person": 4, "bus": 1}

    stream.set_options(classes=["bus"])
    assert isinstance(stream.receive(10), OptionsInForce)
    first = stream.send(picture)
    event = stream.receive(60)
    assert isinstance(event, DetectResult) and event.frame == first and {one.label for one in event.detections} == {"bus"}

    told = 0
    for event in stream.run([picture] * 50):
        told += event.count if isinstance(event, Dropped) else 1
    print(f"50 pictures at once: {told} told, as results or as dropped")
    assert told == 50
