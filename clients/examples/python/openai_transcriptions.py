"""Recordings as text by OpenAI's own client: every format, streamed, and translated.

    pip install openai
    python openai_transcriptions.py http://127.0.0.1:8080 starter-whisper call.flac call.json
"""

import json
import sys
from pathlib import Path

import openai

url, model, path, truth = sys.argv[1:5]
client = openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=2)
truth = json.loads(Path(truth).read_text())
SAID, SECONDS, SEGMENTS = truth["text"], truth["seconds"], truth["segments"]


def transcribe(**options):
    with open(path, "rb") as recording:
        return client.audio.transcriptions.create(file=recording, model=model, **options)


plain = transcribe()
print(f"json: {plain.text}")
assert plain.text == SAID and plain.usage.type == "duration" and plain.usage.seconds == SECONDS

assert transcribe(response_format="text").strip() == SAID
srt, vtt = transcribe(response_format="srt"), transcribe(response_format="vtt")
print(f"srt: {srt.count(' --> ')} cues")
assert srt.startswith("1\n00:00:0") and srt.count(" --> ") == vtt.count(" --> ") == len(SEGMENTS) and vtt.startswith("WEBVTT\n")

verbose = transcribe(response_format="verbose_json", timestamp_granularities=["segment", "word"], language="en", temperature=0)
print(f"verbose_json: {verbose.language}, {verbose.duration} s, {len(verbose.segments)} segments, {len(verbose.words)} words")
assert verbose.text == SAID and verbose.language == "english" and verbose.duration == SECONDS
assert [one.text.strip() for one in verbose.segments] == [one["text"] for one in SEGMENTS]
assert all(abs(one.start - wanted["start"]) < 0.5 for one, wanted in zip(verbose.segments, SEGMENTS, strict=True))
assert " ".join(one.word for one in verbose.words) == SAID

likely = transcribe(include=["logprobs"], prompt="An emergency call.")
print(f"logprobs: of {len(likely.logprobs)} tokens")
assert b"".join(bytes(map(int, one.bytes)) for one in likely.logprobs).decode().strip() == likely.text

told, kinds = "", []
for event in transcribe(stream=True):
    kinds.append(event.type)
    if event.type == "transcript.text.delta":
        told += event.delta
        print(f"streamed: {event.delta.strip()}")
    elif event.type == "transcript.text.done":
        assert event.text == told == SAID
assert kinds == ["transcript.text.delta", "transcript.text.segment"] * len(SEGMENTS) + ["transcript.text.done"]

with open(path, "rb") as recording:
    translated = client.audio.translations.create(file=recording, model=model)
print(f"translated: {translated.text}")
assert translated.text == SAID

for wrong, error in [
    (dict(model="whisper-1"), openai.NotFoundError),
    (dict(timestamp_granularities=["word"]), openai.BadRequestError),
    (dict(response_format="diarized_json"), openai.BadRequestError),
    (dict(language="klingon"), openai.BadRequestError),
    (dict(file=("call.wav", b"")), openai.UnprocessableEntityError),
]:
    try:
        client.audio.transcriptions.create(**{"file": ("call.flac", Path(path).read_bytes()), "model": model} | wrong)
    except error as refused:
        print(f"refused: {refused.status_code} {refused.code}, {refused.param}: {refused.body['message']}")
    else:
        sys.exit(f"{wrong} was not refused")
