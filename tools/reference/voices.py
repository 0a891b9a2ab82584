"""Reference voices: how likely each chunk of a recording is to be speech, and where speech begins and ends.

Writes crates/models/tests/fixtures/voices.json (numbers only). The probabilities are those of Silero's networks in ONNX Runtime, chunk
after chunk with 64 samples of the chunk before; the pieces of speech those of the package's own get_speech_timestamps_from_probs, also for
made-up probabilities under all kinds of options.

    pip install onnxruntime silero-vad
    python tools/reference/voices.py ../shared/models
"""

import json
import random
import sys
import wave
from pathlib import Path

import numpy as np
import onnxruntime
from silero_vad.utils_vad import get_speech_timestamps_from_probs

OUT = Path(__file__).parents[2] / "crates/models/tests/fixtures/voices.json"
MODELS = ["silero_vad.onnx", "silero_vad_16k_op15.onnx", "silero_vad_op18_ifless.onnx"]
MEDIA = ["jfk.wav", "silero_test.wav"]
CHUNK, CONTEXT = 512, 64


def samples(path):
    with wave.open(str(path)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (16000, 1, 2)
        return np.frombuffer(sound.readframes(sound.getnframes()), "<i2").astype(np.float32) / 32768


def probabilities(session, sound):
    state, context = np.zeros((2, 1, 128), np.float32), np.zeros(CONTEXT, np.float32)
    rate, found = np.array(16000, np.int64), []
    for chunk in np.pad(sound, (0, -len(sound) % CHUNK)).reshape(-1, CHUNK):
        row = np.concatenate([context, chunk])[None]
        probability, state = session.run(["output", "stateN"], {"input": row, "state": state, "sr": rate})
        context = chunk[-CONTEXT:]
        found.append(float(probability[0, 0]))
    return found


def pieces(found, length, **options):
    spoken = get_speech_timestamps_from_probs(found, audio_length_samples=length, **options)
    return [[piece["start"], piece["end"]] for piece in spoken]


def made_up(seed):
    """Chunks that stay loud or quiet for a while, with the values of the thresholds among them."""
    chance = random.Random(seed)
    loud, found = False, []
    for _ in range(80):
        loud ^= chance.random() < 0.25
        values = [0.5, 0.6, 0.9, 1.0, 0.4] if loud else [0.0, 0.1, 0.34, 0.35, 0.36, 0.49]
        found.append(chance.choice(values))
    options = {
        "threshold": chance.choice([0.5, 0.5, 0.36, 0.9, 0.1]),
        "neg_threshold": chance.choice([None, None, 0.1, 0.3]),
        "min_speech_duration_ms": chance.choice([0, 32, 64, 250]),
        "min_silence_duration_ms": chance.choice([0, 32, 100, 200]),
        "speech_pad_ms": chance.choice([0, 30, 31, 200]),
    }
    options["neg_threshold"] = options["neg_threshold"] and min(options["neg_threshold"], options["threshold"])
    length = len(found) * CHUNK - chance.randrange(CHUNK)
    return {"probabilities": found, "samples": length, "options": options, "pieces": pieces(found, length, **options)}


def recording(models, media, name):
    sound = samples(media / name)
    found = {}
    for model in MODELS:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(models / model, options, providers=["CPUExecutionProvider"])
        found[model] = probabilities(session, sound)
    first = found[MODELS[0]]
    for model, other in found.items():
        furthest = max(abs(a - b) for a, b in zip(first, other))
        print(name, model, f"speech {np.mean(np.array(other) >= 0.5):.3f}, from the first file at most {furthest:.2e}")
        assert furthest < 1e-5, "one list stands for all three files"
    rounded = [round(value, 6) for value in first]
    return {"media": name, "samples": len(sound), "probabilities": rounded, "pieces": pieces(first, len(sound))}


def main():
    shared = Path(sys.argv[1])
    recordings = [recording(shared / "silero-vad", shared / "media", name) for name in MEDIA]
    made = [made_up(seed) for seed in range(60)]
    print(recordings[0]["pieces"], sum(bool(case["pieces"]) for case in made), "made-up cases with speech")
    OUT.write_text(json.dumps({"recordings": recordings, "made_up": made}, separators=(",", ":")) + "\n")


main()
