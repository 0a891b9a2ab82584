"""Makes the sample call: 15 s of several sentences behind light noise as FLAC, and what is said in it as JSON."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import soundfile

import noises
from espeak import SAMPLE_RATE, Manner, Speaker

SECONDS = 15.0
VOICE, MANNER = "gmw/en+f2", Manner(rate=172, pitch=58, pitch_range=60)
NOISE, SNR_DB = "engine", 22.0
SENTENCES = (
    "Hello, I need help.",
    "There is a fire in the kitchen.",
    "The house is full of smoke.",
    "My mother is not breathing.",
    "Please send an ambulance to 24 Mill Road.",
    "Please hurry.",
)
_SAMPLES = Path(__file__).resolve().parent.parent / "samples"
_LEAD_S = 0.4


def call() -> tuple[np.ndarray, list[dict]]:
    """The audio at 16 kHz, and its segments with times in seconds."""
    speaker = Speaker()
    spoken = [(text, speaker.speak(text, VOICE, MANNER)) for text in SENTENCES]
    speech_s = sum(len(said.audio) for _, said in spoken) / SAMPLE_RATE
    gap = (SECONDS - _LEAD_S - speech_s) / len(spoken)
    audio = np.zeros(int(SECONDS * SAMPLE_RATE), np.float32)
    now, segments = _LEAD_S, []
    for text, said in spoken:
        start = int(now * SAMPLE_RATE)
        audio[start : start + len(said.audio)] = said.audio[: len(audio) - start]
        sounding = [start for name, start in said.phonemes if not name.startswith("_")]
        last = next(start for name, start in said.phonemes if name.startswith("_") and start > sounding[-1])
        segments.append({"start": round(now + sounding[0], 2), "end": round(now + last, 2), "text": text})
        now += len(said.audio) / SAMPLE_RATE + gap
    added = noises.noise(NOISE, len(audio), np.random.default_rng(0))
    return np.clip(0.3 * noises.mixed(audio, added, SNR_DB), -1, 1), segments


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=_SAMPLES, help="folder for call.flac and call.json")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    audio, segments = call()
    soundfile.write(out / "call.flac", audio, SAMPLE_RATE, subtype="PCM_16")
    about = {
        "text": " ".join(SENTENCES), "language": "en", "sample_rate": SAMPLE_RATE, "seconds": SECONDS,
        "segments": segments, "voice": VOICE, "noise": NOISE, "snr_db": SNR_DB, "license": "Apache-2.0",
    }
    (out / "call.json").write_text(json.dumps(about, indent=2) + "\n")


if __name__ == "__main__":
    main()
