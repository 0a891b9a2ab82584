"""Draws training and test clips: callers who say one or several sentences, somewhere, on some line.

Everything follows from a seed. A clip knows its segments, the time of every word, and the phoneme of every frame.
"""

from __future__ import annotations

import random
import zlib
from dataclasses import dataclass, field

import numpy as np

import noises
import phrases
from espeak import SAMPLE_RATE, Manner, Speaker, Spoken

ACCENTS = {
    "gmw/en": "British",
    "gmw/en-US": "American",
    "gmw/en-GB-scotland": "Scottish",
    "gmw/en-GB-x-rp": "Received Pronunciation",
    "gmw/en-029": "Caribbean",
}
TIMBRES = ("", "+m1", "+m3", "+m5", "+m7", "+f1", "+f2", "+f3", "+f4")
VOICES = tuple(accent + timbre for accent in ACCENTS for timbre in TIMBRES)


@dataclass(frozen=True)
class Segment:
    """One sentence in a clip, times in seconds; `words` are (first character, start, end)."""

    text: str
    start: float
    end: float
    words: list[tuple[int, float, float]]


@dataclass(frozen=True)
class Clip:
    """Audio at 16 kHz, what is said in it, and the phonemes as (class, start in seconds), class 0 being silence."""

    audio: np.ndarray
    segments: list[Segment]
    phonemes: list[tuple[int, float]]
    voice: str
    noise: str
    snr_db: float


@dataclass(frozen=True)
class Wish:
    """What a clip shall be like: shares are probabilities, `seconds` is about where speech ends at the latest."""

    voices: tuple[str, ...] = VOICES
    sentences: tuple[int, int] = (1, 3)
    held_out: bool = False
    noise_share: float = 0.6
    snr_db: tuple[float, float] = (5.0, 30.0)
    telephone_share: float = 0.3
    silent_share: float = 0.0
    scrambled_share: float = 0.0
    seconds: float = 1e9
    gap_s: tuple[float, float] = (0.15, 0.9)
    lead_s: float = 0.8
    kinds: tuple[str, ...] = field(default=noises.KINDS)


class Studio:
    """Makes clips; remembers a little of what it spoke, for babble."""

    def __init__(self) -> None:
        self._speaker = Speaker()
        self._crowd = self._speaker.speak(" ".join(phrases.corpus(12, seed=7)), "gmw/en+m2").audio

    def clip(self, seed: int, wish: Wish) -> Clip:
        """The clip of a seed."""
        rng, numbers = random.Random(seed), np.random.default_rng(seed)
        voice = rng.choice(wish.voices)
        silent = rng.random() < wish.silent_share
        spoken = [] if silent else self._sentences(rng, voice, wish)
        lead = rng.choice([0.0, rng.uniform(0.0, wish.lead_s)])
        length = rng.uniform(0.5, 6.0) if silent else lead
        audio, segments, phonemes = _in_sequence(spoken, length, rng, wish.gap_s)
        audio *= 10 ** (rng.uniform(-18, 0) / 20)
        kind, snr = "none", float("inf")
        if rng.random() < wish.noise_share:
            kind = rng.choice(wish.kinds if spoken else wish.kinds[:-1])
            snr = rng.uniform(*wish.snr_db)
            added = noises.noise(kind, len(audio), numbers, self._crowd)
            audio = noises.mixed(audio, added, snr) if spoken else added * 10 ** (rng.uniform(-50, -10) / 20)
        if rng.random() < wish.telephone_share:
            audio = noises.telephone(audio)
        return Clip(np.clip(audio, -1, 1).astype(np.float32), segments, phonemes, voice, kind, snr)

    def _sentences(self, rng: random.Random, voice: str, wish: Wish) -> list[tuple[str, Spoken]]:
        manner = Manner(rng.randint(135, 200), rng.randint(30, 70), rng.randint(30, 70))
        spoken, length = [], 0.0
        for _ in range(rng.randint(*wish.sentences)):
            any_words = rng.random() < wish.scrambled_share
            text = phrases.scrambled(rng) if any_words else phrases.sentence(rng, wish.held_out)
            said = self._speaker.speak(text, voice, manner)
            length += len(said.audio) / SAMPLE_RATE + wish.gap_s[1]
            if spoken and length > wish.seconds:
                break
            spoken.append((text, said))
        return spoken


def _in_sequence(
    spoken: list[tuple[str, Spoken]], lead: float, rng: random.Random, gap: tuple[float, float]
) -> tuple[np.ndarray, list[Segment], list[tuple[int, float]]]:
    parts, segments, phonemes = [_silence(lead)], [], [(0, 0.0)]
    now = len(parts[0]) / SAMPLE_RATE
    for text, said in spoken:
        segments.append(_segment(text, said, now))
        phonemes += [(_phoneme_class(name), now + start) for name, start in said.phonemes]
        pause = _silence(rng.uniform(*gap))
        parts += [said.audio, pause]
        now += (len(said.audio) + len(pause)) / SAMPLE_RATE
        phonemes.append((0, now - len(pause) / SAMPLE_RATE))
    return np.concatenate(parts), segments, phonemes


def _segment(text: str, said: Spoken, offset: float) -> Segment:
    sounding = [start for name, start in said.phonemes if not name.startswith("_")]
    silent = [start for name, start in said.phonemes if name.startswith("_") and start > sounding[-1]]
    first, last = sounding[0], silent[0] if silent else len(said.audio) / SAMPLE_RATE
    marks = [(position, start) for position, start in said.words if position >= 0]
    starts = [max(start, first) for _, start in marks] + [last]
    words = [
        (position, offset + starts[index], offset + max(starts[index + 1], starts[index]))
        for index, (position, _) in enumerate(marks)
    ]
    return Segment(text, offset + first, offset + last, words)


def _phoneme_class(name: str) -> int:
    return 0 if name.startswith("_") else 1 + zlib.crc32(name.encode()) % 127


def _silence(seconds: float) -> np.ndarray:
    return np.zeros(int(seconds * SAMPLE_RATE), np.float32)
