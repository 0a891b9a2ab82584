"""Reference figures of voices: what Praat and librosa say of made sounds and of recordings.

Writes crates/acoustics/tests/fixtures/acoustics.json (numbers only). The made sounds are made again by the tests, sample for sample, from
the same little generator of numbers; the recordings lie outside the repository.

    pip install praat-parselmouth librosa
    python tools/reference/acoustics.py ../shared/models/media
"""

import json
import sys
import wave
from pathlib import Path

import librosa
import numpy as np
import parselmouth
from parselmouth.praat import call
from scipy.signal import lfilter

OUT = Path(__file__).parents[2] / "crates/acoustics/tests/fixtures/acoustics.json"
RATE, HOP = 16000, 160


class Chance:
    """Numbers from 0 to 1 by the linear congruence of Numerical Recipes."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state * 1664525 + 1013904223) % 2**32
        return self.state / 2**32


def tone(hz, seconds=2.0, level=0.3):
    return level * np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE)) / RATE)


def voice(hz, jitter, shimmer, seconds=3.0):
    """Pulses that ring at 700 Hz and die away, with periods and amplitudes that vary evenly by so much; with what they truly have."""
    chance, at, times, amplitudes = Chance(7), 0.01, [], []
    while at < seconds - 0.02:
        times.append(at)
        amplitudes.append(0.4 * (1 + shimmer * (2 * chance.next() - 1)))
        at += (1 + jitter * (2 * chance.next() - 1)) / hz
    sound = np.zeros(int(seconds * RATE))
    for at, amplitude in zip(times, amplitudes):
        n = np.arange(int(np.ceil(at * RATE)), min(int(np.ceil(at * RATE)) + 320, len(sound)))
        after = n / RATE - at
        sound[n] += amplitude * np.exp(-1500 * after) * np.sin(2 * np.pi * 700 * after)
    periods, amplitudes = np.diff(times), np.array(amplitudes)
    true = {
        "jitter": float(np.abs(np.diff(periods)).mean() / periods.mean()),
        "shimmer": float(np.abs(np.diff(amplitudes)).mean() / amplitudes.mean()),
    }
    return sound, true


def harmonic_noise(hz, hnr_db, seconds=3.0):
    """Eight harmonics, with even white noise so many decibels below them."""
    n = np.arange(int(seconds * RATE))
    sound = sum(np.sin(2 * np.pi * hz * k * n / RATE) / k for k in range(1, 9)) * 0.2
    power = sum(0.02 / k**2 for k in range(1, 9))
    chance = Chance(11)
    noise = np.array([2 * chance.next() - 1 for _ in n])
    return sound + noise * np.sqrt(3 * power / 10 ** (hnr_db / 10))


def sweep(low, high, seconds=3.0):
    t = np.arange(int(seconds * RATE)) / RATE
    phase = 2 * np.pi * (low * t + (high - low) * t**2 / (2 * seconds))
    return 0.15 * (np.sin(phase) + np.sin(2 * phase) / 2 + np.sin(3 * phase) / 3)


def noise(seconds=2.0):
    chance = Chance(3)
    return np.array([0.2 * (2 * chance.next() - 1) for _ in range(int(seconds * RATE))])


def samples(path):
    with wave.open(str(path)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (RATE, 1, 2)
        return np.frombuffer(sound.readframes(sound.getnframes()), "<i2").astype(np.float64) / 32768


def without_constant(sound):
    """The sound without its constant part, by the pole that the analyser has at its way in."""
    return lfilter([1, -1], [1, -0.995], sound, zi=[-sound[0]])[0]


def praat(sound, floor, ceiling):
    """Pitch, its steadiness and the harmonicity, the last over what Praat takes for voiced."""
    voice = parselmouth.Sound(sound, RATE)
    pitch = voice.to_pitch_ac(time_step=0.01, pitch_floor=floor, pitch_ceiling=ceiling)
    hz = pitch.selected_array["frequency"]
    if not (hz > 0).any():
        return {"pitch_hz": None, "jitter": None, "shimmer": None, "hnr_db": None}
    pulses = call([voice, pitch], "To PointProcess (cc)")
    harmonicity = voice.to_harmonicity_ac(time_step=0.01, minimum_pitch=75, silence_threshold=0.1, periods_per_window=4.5)
    levels = harmonicity.values[0]
    nearest = [round((t - harmonicity.x1) / harmonicity.dx) for t, voiced in zip(pitch.xs(), hz > 0) if voiced]
    found = [levels[i] for i in nearest if 0 <= i < len(levels) and levels[i] > -100]
    return {
        "pitch_hz": float(np.median(hz[hz > 0])),
        "voiced_share": float((hz > 0).mean()),
        "jitter": call(pulses, "Get jitter (local)", 0, 0, 0.0001, 0.02, 1.3),
        "shimmer": call([voice, pulses], "Get shimmer (local)", 0, 0, 0.0001, 0.02, 1.3, 1.6),
        "hnr_db": float(np.mean(found)) if found else None,
    }


def spectrum(sound):
    """Centroid, flux and loudness, over the hops that are not silent."""
    hops = len(sound) // HOP
    padded = np.pad(sound, (176, 512))
    magnitudes = np.abs(librosa.stft(padded, n_fft=512, hop_length=HOP, center=False))[:, :hops]
    centroid = librosa.feature.spectral_centroid(S=magnitudes, sr=RATE)[0]
    level = librosa.feature.rms(y=sound[: hops * HOP], frame_length=HOP, hop_length=HOP, center=False)[0]
    heard = level > 10 ** (-60 / 20)
    if not heard.any():
        return {"centroid_hz": None, "flux": None, "loudness_dbfs": None}
    shape = magnitudes / np.maximum(magnitudes.sum(axis=0), 1e-30)
    flux = np.linalg.norm(np.diff(shape, axis=1), axis=0)[heard[1:] & heard[:-1]]
    return {
        "centroid_hz": float(centroid[heard].mean()),
        "flux": float(flux.mean()),
        "loudness_dbfs": float(10 * np.log10((level**2).mean())),
    }


def syllables(sound):
    """The nuclei of de Jong and Wempe's script, peaks of intensity that are voiced and parted by dips of 2 dB, per second."""
    voice = parselmouth.Sound(sound, RATE)
    intensity = voice.to_intensity(minimum_pitch=50, time_step=0.01, subtract_mean=True)
    levels, times = intensity.values[0], intensity.xs()
    pitch = voice.to_pitch_ac(time_step=0.02, pitch_floor=60, very_accurate=False, silence_threshold=0.03, voicing_threshold=0.25,
                              octave_cost=0.01, octave_jump_cost=0.35, voiced_unvoiced_cost=0.25, pitch_ceiling=800)
    threshold = max(np.percentile(levels, 99) - 25, levels.min())
    peaks = [i for i in range(1, len(levels) - 1) if levels[i - 1] < levels[i] >= levels[i + 1] and levels[i] > threshold]
    kept = [a for a, b in zip(peaks, peaks[1:]) if levels[a] - levels[a:b].min() > 2] + peaks[-1:]
    voiced = [i for i in kept if pitch.get_value_at_time(times[i]) > 0]
    return len(voiced) / (len(sound) / RATE)


def made():
    sounds = [(f"tone:{hz}", tone(hz), {}) for hz in (70, 110, 220, 440, 700)]
    for hz, jitter, shimmer in ((100, 0.01, 0.0), (120, 0.03, 0.0), (200, 0.02, 0.1), (150, 0.0, 0.15), (250, 0.03, 0.2)):
        sounds.append((f"voice:{hz}:{jitter}:{shimmer}", *voice(hz, jitter, shimmer)))
    for hz, hnr in ((150, 5), (150, 15), (220, 25), (120, 10)):
        sounds.append((f"harmonics:{hz}:{hnr}", harmonic_noise(hz, hnr), {"hnr_db": hnr}))
    sounds += [("sweep:100:400", sweep(100, 400), {}), ("noise", noise(), {}), ("silence", np.zeros(2 * RATE), {})]
    return sounds


def main(media):
    found = []
    for name, sound, true in made():
        sound = without_constant(sound)
        found.append({"sound": name, "true": true, "praat": praat(sound, 60, 800), "librosa": spectrum(sound)})
    recordings = [media / "jfk.wav", *sorted((media / "speech").glob("spk*.wav"))]
    for path in recordings:
        sound = without_constant(samples(path))
        told = praat(sound, 75, 600) | {"speech_rate_hz": syllables(sound)}
        found.append({"sound": f"media:{path.relative_to(media)}", "true": {}, "praat": told, "librosa": spectrum(sound)})
    versions = {"praat": parselmouth.PRAAT_VERSION, "librosa": librosa.__version__}
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({"versions": versions, "sounds": rounded(found)}, indent=1) + "\n")


def rounded(value):
    if isinstance(value, float):
        return None if not np.isfinite(value) else float(f"{value:.7g}")
    if isinstance(value, dict):
        return {key: rounded(part) for key, part in value.items()}
    return [rounded(part) for part in value] if isinstance(value, list) else value


if __name__ == "__main__":
    main(Path(sys.argv[1]))
