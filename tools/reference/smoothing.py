"""Reference numbers for the smoothing of anomaly scores, by scipy: Gaussians of 1 to 6 frames, one after the other.

    python -m venv VENV && VENV/bin/pip install numpy scipy
    VENV/bin/python tools/reference/smoothing.py

Writes crates/models/tests/fixtures/smoothing.json.
"""

import json
from pathlib import Path

import numpy as np
import scipy
from scipy.ndimage import gaussian_filter1d

OUT = Path(__file__).parents[2] / "crates/models/tests/fixtures/smoothing.json"
LENGTHS = [1, 2, 3, 5, 7, 24, 25, 100, 240]


def smoothed(scores):
    for sigma in range(1, 7):
        scores = gaussian_filter1d(scores, sigma=sigma)
    return scores


def main():
    rng = np.random.default_rng(5)
    cases = []
    for length in LENGTHS:
        # Mostly even, with a step and a spike: what a fall looks like.
        scores = rng.normal(-1.4, 0.2, length)
        scores[length // 2 :] += 3
        scores[length // 3] += 6
        scores = np.round(scores, 3)
        cases.append({"scores": scores.tolist(), "smoothed": np.round(smoothed(scores), 7).tolist()})
    lines = ",\n".join("    " + json.dumps(case) for case in cases)
    OUT.write_text(f'{{\n  "versions": {json.dumps({"scipy": scipy.__version__})},\n  "cases": [\n{lines}\n  ]\n}}\n')


if __name__ == "__main__":
    main()
