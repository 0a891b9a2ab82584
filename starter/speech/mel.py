"""Whisper's log-mel front end: 80 bands, 25 ms windows every 10 ms, equal to transformers' WhisperFeatureExtractor."""

from __future__ import annotations

import numpy as np
import torch
from transformers.audio_utils import mel_filter_bank

from espeak import SAMPLE_RATE

BANDS = 80
WINDOW, HOP = 400, 160
FRAMES_PER_SECOND = SAMPLE_RATE // HOP
WINDOW_FRAMES = 30 * FRAMES_PER_SECOND


def log_mel(audio: np.ndarray, frames: int = WINDOW_FRAMES) -> tuple[torch.Tensor, float]:
    """Log-mel `[80, frames]` of audio padded with zeros, and the value of the silence behind it.

    Silence is the same in every band and frame, so a window may be cut before its end and
    filled up again with that value: it is then the window that the reference makes of the padded audio.
    """
    wave = torch.zeros(frames * HOP)
    part = torch.from_numpy(np.ascontiguousarray(audio[: frames * HOP]))
    wave[: len(part)] = part
    spectrum = torch.stft(wave, WINDOW, HOP, window=_HANN, return_complex=True)[..., :-1].abs() ** 2
    logs = (_FILTERS @ spectrum).clamp(min=1e-10).log10()
    floor = max(float(logs.max()) - 8.0, -10.0)
    return (logs.clamp(min=floor) + 4.0) / 4.0, (floor + 4.0) / 4.0


_HANN = torch.hann_window(WINDOW)
_FILTERS = torch.from_numpy(
    mel_filter_bank(
        num_frequency_bins=1 + WINDOW // 2, num_mel_filters=BANDS, min_frequency=0.0, max_frequency=8000.0,
        sampling_rate=SAMPLE_RATE, norm="slaney", mel_scale="slaney",
    ).T.astype(np.float32)
)
