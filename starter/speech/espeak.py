"""Speaks text with espeak-ng and says when each word and each phoneme sounds.

Binds the few functions of libespeak-ng that are needed (`speak_lib.h`) by ctypes: one process
speaks without starting programs, and the library's events give the alignment that the training uses.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import math
from dataclasses import dataclass

import numpy as np
from scipy.signal import firwin, resample_poly

SAMPLE_RATE = 16_000

_AUDIO_OUTPUT_SYNCHRONOUS = 2
_INITIALIZE_PHONEME_EVENTS = 1
_CHARACTERS_UTF8 = 1
_POSITION_CHARACTER = 1
_EVENT_END, _EVENT_WORD, _EVENT_PHONEME = 0, 1, 7
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4


@dataclass(frozen=True)
class Spoken:
    """One utterance: mono float32 audio at 16 kHz, and where its parts sound.

    `words` holds (start of the word in the text, start in seconds), `phonemes` (name, start in seconds).
    """

    audio: np.ndarray
    words: list[tuple[int, float]]
    phonemes: list[tuple[str, float]]


@dataclass(frozen=True)
class Manner:
    """How a sentence is spoken: rate in words a minute, pitch and pitch range 0-99 (50 is usual)."""

    rate: int = 165
    pitch: int = 50
    pitch_range: int = 50


class Speaker:
    """The espeak-ng library, opened once a process."""

    def __init__(self) -> None:
        name = ctypes.util.find_library("espeak-ng") or "libespeak-ng.so.1"
        self._library = ctypes.CDLL(name)
        self._rate = self._library.espeak_Initialize(
            _AUDIO_OUTPUT_SYNCHRONOUS, 0, None, _INITIALIZE_PHONEME_EVENTS
        )
        if self._rate <= 0:
            raise RuntimeError("espeak-ng does not start: install the package espeak-ng")
        shared = math.gcd(SAMPLE_RATE, self._rate)
        self._up, self._down = SAMPLE_RATE // shared, self._rate // shared
        widest = max(self._up, self._down)
        self._low_pass = firwin(20 * widest + 1, 1 / widest, window=("kaiser", 5.0)).astype(np.float32)
        self._callback = _CALLBACK(self._receive)
        self._library.espeak_SetSynthCallback(self._callback)
        self._chunks: list[np.ndarray] = []
        self._words: list[tuple[int, float]] = []
        self._phonemes: list[tuple[str, float]] = []

    def speak(self, text: str, voice: str, manner: Manner = Manner()) -> Spoken:
        """Speaks `text` in `voice` (espeak's name, as `en-gb+f3`)."""
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError(f"espeak-ng has no voice {voice!r}")
        for parameter, value in (
            (_RATE, manner.rate), (_VOLUME, 100), (_PITCH, manner.pitch), (_RANGE, manner.pitch_range),
        ):
            self._library.espeak_SetParameter(parameter, value, 0)
        self._chunks, self._words, self._phonemes = [], [], []
        data = text.encode()
        status = self._library.espeak_Synth(
            data, ctypes.c_size_t(len(data) + 1), 0, _POSITION_CHARACTER, 0, _CHARACTERS_UTF8, None, None
        )
        if status != 0:
            raise RuntimeError(f"espeak-ng could not speak {text!r} (status {status})")
        self._library.espeak_Synchronize()
        return Spoken(self._resampled(), list(self._words), list(self._phonemes))

    def _resampled(self) -> np.ndarray:
        audio = np.concatenate(self._chunks).astype(np.float32) / 32768.0
        return resample_poly(audio, self._up, self._down, window=self._low_pass).astype(np.float32)

    def _receive(self, samples, count: int, events) -> int:
        if count > 0:
            self._chunks.append(np.ctypeslib.as_array(samples, shape=(count,)).copy())
        index = 0
        while events[index].type != _EVENT_END:
            event = events[index]
            if event.type == _EVENT_WORD:
                self._words.append((event.text_position - 1, event.audio_position / 1000.0))
            elif event.type == _EVENT_PHONEME:
                name = event.id.string.split(b"\0")[0].decode("utf-8", "replace")
                self._phonemes.append((name, event.audio_position / 1000.0))
            index += 1
        return 0


class _Identifier(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Identifier),
    ]


_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)
