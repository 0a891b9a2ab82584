"""Realtime transcription by OpenAI's async client: sound goes in as it comes, text comes out while somebody speaks.

    pip install "openai[realtime]"
    python openai_realtime.py http://127.0.0.1:8080 whisper call.wav "what is said in it"

The recording is a WAV of 16-bit mono; a microphone's samples are sent alike. With a last argument the text is compared with it.
"""

import asyncio
import base64
import re
import sys
import wave

import openai

url, model, recording = sys.argv[1:4]
truth = sys.argv[4] if len(sys.argv) > 4 else None
TRANSCRIPTION = "conversation.item.input_audio_transcription"


def words(text):
    return re.sub(r"[^\w\s]", "", text).lower().split()


async def send(session, samples, rate):
    chunk = rate // 5 * 2
    silence = bytes(rate * 2)
    for at in range(0, len(samples), chunk):
        await session.input_audio_buffer.append(audio=base64.b64encode(samples[at : at + chunk]).decode())
    # A pause ends what is being said.
    await session.input_audio_buffer.append(audio=base64.b64encode(silence).decode())


async def main():
    with wave.open(recording) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2), "16-bit mono"
        samples, rate = file.readframes(file.getnframes()), file.getframerate()
    client = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none")
    heard, open_items = [], set()
    async with client.realtime.connect(extra_query={"intent": "transcription"}) as session:
        sound = {"format": {"type": "audio/pcm", "rate": rate}, "transcription": {"model": model, "language": "en"}}
        await session.session.update(session={"type": "transcription", "audio": {"input": sound}})
        sender = asyncio.create_task(send(session, samples, rate))
        deltas = {}
        async for event in session:
            if event.type == "error":
                raise SystemExit(event.error.message)
            if event.type == "input_audio_buffer.speech_started":
                open_items.add(event.item_id)
            if event.type == f"{TRANSCRIPTION}.delta":
                deltas[event.item_id] = deltas.get(event.item_id, "") + event.delta
            if event.type == f"{TRANSCRIPTION}.completed":
                assert deltas.pop(event.item_id, "") == event.transcript
                print(event.transcript, f"({event.usage.seconds:.1f} s)")
                heard.append(event.transcript)
                open_items.discard(event.item_id)
                enough = truth and len(words(" ".join(heard))) >= len(words(truth))
                if enough or (sender.done() and not open_items and not truth):
                    break
        await sender
    if truth:
        assert words(" ".join(heard)) == words(truth), heard


asyncio.run(main())
