#!/usr/bin/env python3
"""Resampled tones as soxr gives them, for the audio tests of the media crate.

    pip install numpy soxr
    tools/reference/audio.py crates/media/tests/fixtures

Writes `resampled.json`: for each rate a stretch from the middle of a second of tones, resampled to 16 kHz by soxr at its very high
quality in f64. The tones are the same for each rate and lie in the band that every resampler keeps; the test makes them itself.
"""

import json
import pathlib
import sys

import numpy
import soxr

RATES_HZ = [8000, 11025, 12000, 22050, 24000, 32000, 44100, 48000, 96000, 192000, 44101]
TONES_HZ = [(110.0, 0.3), (440.0, 0.2), (1000.0, 0.15), (2500.0, 0.1), (3200.0, 0.1)]
START, COUNT = 8000, 160


def tones(rate_hz):
    time = numpy.arange(rate_hz, dtype=numpy.float64) / rate_hz
    return sum(level * numpy.sin(2 * numpy.pi * hz * time) for hz, level in TONES_HZ)


def main():
    cases = []
    for rate_hz in RATES_HZ:
        resampled = soxr.resample(tones(rate_hz), rate_hz, 16000, quality="VHQ")
        stretch = [round(float(sample), 7) for sample in resampled[START : START + COUNT]]
        cases.append({"rate_hz": rate_hz, "start": START, "samples": stretch})
    out = pathlib.Path(sys.argv[1]) / "resampled.json"
    out.write_text(json.dumps({"soxr": soxr.__version__, "tones_hz": TONES_HZ, "cases": cases}) + "\n")


if __name__ == "__main__":
    main()
