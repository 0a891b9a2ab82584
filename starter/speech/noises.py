"""What lies between a caller and the listener: noises made by numpy, and the band of a telephone."""

from __future__ import annotations

import numpy as np
from scipy import fft
from scipy.signal import butter, sosfilt

from espeak import SAMPLE_RATE

KINDS = ("white", "pink", "hum", "siren", "engine", "babble")


def noise(kind: str, count: int, rng: np.random.Generator, babble: np.ndarray | None = None) -> np.ndarray:
    """`count` samples of a noise, with unit power. `babble` is the speech that `babble` is made of."""
    if kind == "babble" and babble is not None and len(babble) > 0:
        made = _babble(count, rng, babble)
    else:
        made = {"pink": _pink, "hum": _hum, "siren": _siren, "engine": _engine}.get(kind, _white)(count, rng)
    return (made / (np.sqrt(np.mean(made**2)) + 1e-9)).astype(np.float32)


def mixed(speech: np.ndarray, added: np.ndarray, snr_db: float) -> np.ndarray:
    """Speech with a unit-power noise at `snr_db`, the speech's power measured where it is not silent."""
    loud = speech[np.abs(speech) > 1e-3]
    power = float(np.mean(loud**2)) if len(loud) else 1e-4
    return speech + added * np.sqrt(power * 10 ** (-snr_db / 10))


def telephone(audio: np.ndarray) -> np.ndarray:
    """The 300-3400 Hz of a telephone line."""
    return sosfilt(_TELEPHONE, audio).astype(np.float32)


def _white(count: int, rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal(count)


def _pink(count: int, rng: np.random.Generator) -> np.ndarray:
    size = fft.next_fast_len(count, real=True)
    spectrum = fft.rfft(rng.standard_normal(size, np.float32))
    frequency = np.maximum(fft.rfftfreq(size, 1 / SAMPLE_RATE), 20.0)
    return fft.irfft(spectrum / np.sqrt(frequency), size)[:count]


def _hum(count: int, rng: np.random.Generator) -> np.ndarray:
    time = np.arange(count) / SAMPLE_RATE
    base = rng.choice([50.0, 60.0, 100.0])
    tones = [np.sin(2 * np.pi * base * n * time + rng.uniform(0, 6.3)) / n for n in range(1, 9)]
    return np.sum(tones, axis=0) + 0.1 * rng.standard_normal(count)


def _siren(count: int, rng: np.random.Generator) -> np.ndarray:
    time = np.arange(count) / SAMPLE_RATE + rng.uniform(0, 4)
    if rng.random() < 0.5:  # wailing: the pitch sweeps
        pitch = 900 + 350 * np.sin(2 * np.pi * rng.uniform(0.15, 0.5) * time)
    else:  # two tones
        pitch = np.where((time * rng.uniform(0.6, 1.2)) % 1 < 0.5, 435.0, 580.0)
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
    return np.sin(phase) + 0.4 * np.sin(2 * phase) + 0.05 * rng.standard_normal(count)


def _engine(count: int, rng: np.random.Generator) -> np.ndarray:
    time = np.arange(count) / SAMPLE_RATE
    throb = 1 + 0.5 * np.sin(2 * np.pi * rng.uniform(8, 25) * time)
    return _pink(count, rng) * throb


def _babble(count: int, rng: np.random.Generator, speech: np.ndarray) -> np.ndarray:
    voices = [np.resize(np.roll(speech, int(rng.integers(len(speech)))), count) for _ in range(4)]
    return np.sum(voices, axis=0) + 1e-3 * rng.standard_normal(count)


_TELEPHONE = butter(4, [300, 3400], btype="bandpass", fs=SAMPLE_RATE, output="sos")
