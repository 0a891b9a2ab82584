"""Reference speech: what transformers and openai-whisper make of given samples, logits, tokens and attentions.

Writes crates/models/tests/fixtures/whisper/rules.json (numbers, token ids and words only). No network is run: logits, attentions and windows
are made of integers that the tests make in the same way, so that the rules alone are compared.

    pip install torch transformers openai-whisper soundfile
    python tools/reference/whisper_rules.py ../shared/models
"""

import json
import sys
import zlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import soundfile
import torch
import whisper
from transformers import GenerationConfig, WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration, WhisperTokenizerFast
from transformers.generation import GenerationMixin
from transformers.generation.logits_process import WhisperTimeStampLogitsProcessor
from transformers.modeling_outputs import BaseModelOutput, Seq2SeqLMOutput
from transformers.models.whisper.generation_whisper import _dynamic_time_warping, _median_filter
from whisper.decoding import DecodingResult
from whisper.timing import WordTiming, add_word_timestamps
from whisper.tokenizer import get_tokenizer

ROOT = Path(__file__).parents[2]
OUT = ROOT / "crates/models/tests/fixtures/whisper/rules.json"
STARTER = ROOT / "starter/models/starter-whisper"
MASK = 0xFFFFFFFF


class Numbers:
    """A linear congruential generator (Numerical Recipes); the tests have the same."""

    def __init__(self, seed):
        self.state = seed

    def below(self, most):
        self.state = (self.state * 1664525 + 1013904223) & MASK
        return (self.state >> 8) % most


# Front end.

def sound(seed, seconds):
    """Noise and a square wave that come and go, in whole 1/32768."""
    numbers, out = Numbers(seed), []
    for at in range(int(seconds * 16000)):
        loud = 1 << (at // 8000 % 13)
        wave = 1 if at // (20 + seed) % 2 else -1
        out.append(loud * wave + numbers.below(2 * loud + 1) - loud)
    return np.array(out, np.float32) / 32768


def log_mel(mels, samples):
    front = WhisperFeatureExtractor(feature_size=mels)
    found = front(samples, sampling_rate=16000, return_tensors="np").input_features[0]
    places = [(mel, frame) for mel in range(0, mels, 7) for frame in range(mel % 5, 3000, 61)]
    places += [(mel, frame) for mel in (0, 3, mels - 1) for frame in (0, 1, 2, 2997, 2998, 2999)]
    return [[mel, frame, round(float(found[mel, frame]), 6)] for mel, frame in places]


def front_ends(shared):
    jfk = soundfile.read(shared / "media/jfk.wav", dtype="float32")[0]
    made = [{"seed": seed, "seconds": seconds, "mels": mels, "values": log_mel(mels, sound(seed, seconds))}
            for seed, seconds, mels in [(1, 30, 80), (2, 30, 128), (3, 2.345, 80), (4, 29.99, 80)]]
    return {"made": made, "jfk": [{"mels": mels, "values": log_mel(mels, jfk)} for mels in (80, 128)]}


# Rules and searches.

def hashed(tokens, vocabulary, special):
    """Logits out of a hash of the tokens so far; the end becomes likelier with each of them."""
    state = 2166136261
    for token in tokens:
        state = ((state ^ token) * 16777619) & MASK
    ids = np.arange(vocabulary, dtype=np.uint64)
    mixed = ((np.uint64(state) ^ (ids * 2654435761 & MASK)) * 747796405) & MASK
    mixed = ((mixed ^ (mixed >> np.uint64(13))) * 2246822519) & MASK
    logits = (mixed >> np.uint64(8)).astype(np.float32) * np.float32(8 / 2**24) - np.float32(4)
    logits[special["end"]] += np.float32(len(tokens) * 0.25)
    logits[special["first"]:] += np.float32(state % 5) - np.float32(2)
    return logits


class Hashed(WhisperForConditionalGeneration):
    """A Whisper whose logits are the hash of its tokens."""

    special = {"end": 600, "first": 612}

    def forward(self, input_features=None, decoder_input_ids=None, encoder_outputs=None, **_):
        rows = [[hashed(row[: end + 1], 2113, self.special) for end in range(len(row))] for row in decoder_input_ids.tolist()]
        return Seq2SeqLMOutput(logits=torch.tensor(np.array(rows)))


def small_model():
    config = WhisperConfig.from_pretrained(STARTER)
    return Hashed(WhisperConfig(**{**config.to_dict(), "d_model": 4, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 4,
                                   "decoder_ffn_dim": 4, "encoder_attention_heads": 1, "decoder_attention_heads": 1}))


def decoded(model, seed, beams, timestamps, tokens_max):
    prompt = [609, seed, 601, 602, 607] + ([] if timestamps else [611])
    config = GenerationConfig.from_pretrained(STARTER)
    config.return_timestamps, config.no_speech_threshold = timestamps, None
    config.num_beams, config.max_length, config.use_cache = beams, len(prompt) + tokens_max, False
    config.return_dict_in_generate = config.output_scores = True
    processors = model._retrieve_logit_processors(config, None, len(prompt), beams, "cpu")
    ids = torch.tensor([prompt])
    found = GenerationMixin.generate(
        model, encoder_outputs=BaseModelOutput(torch.zeros(1, 1500, 4)), generation_config=config, logits_processor=processors,
        decoder_input_ids=ids, suppress_tokens=None, begin_suppress_tokens=None)
    tokens = found.sequences[0, len(prompt):]
    if beams > 1:
        scores = [step[row] for step, row in zip(found.scores, found.beam_indices[0].tolist())]
    else:
        scores = [step[0] for step in found.scores]
    average = float(model._retrieve_avg_logprobs(scores, tokens, 0.0))
    tokens = tokens.tolist()
    return {"prompt": prompt, "beams": beams, "timestamps": timestamps, "tokens_max": tokens_max,
            "tokens": tokens[:-1] if tokens[-1] == 600 else tokens, "average_logprob": average}


def searches():
    model = small_model()
    return [decoded(model, seed, beams, timestamps, tokens_max)
            for beams in (1, 2, 3, 5, 16) for timestamps in (False, True) for tokens_max in (7, 40) for seed in range(3 if beams < 16 else 1)]


def rules():
    """What the timestamp rules leave, for all kinds of beginnings."""
    numbers, out = Numbers(5), []
    config = GenerationConfig.from_pretrained(STARTER)
    begins = [[], [650], [700], [650, 3], [650, 3, 700], [650, 3, 700, 700], [650, 3, 700, 700, 5], [650, 651], [3], [650, 3, 2112]]
    for tokens in begins + [[612 + numbers.below(1501) if numbers.below(3) == 0 else numbers.below(600) for _ in range(6)] for _ in range(12)]:
        processor = WhisperTimeStampLogitsProcessor(config, begin_index=1)
        given = hashed([1] + tokens, 2113, Hashed.special)
        left = processor(torch.tensor([[1] + tokens]), torch.tensor(given)[None])[0]
        allowed = torch.isfinite(left).nonzero().flatten().tolist()
        out.append({"tokens": tokens, "allowed": len(allowed), "sum": sum(allowed)})
    return out


# Tokens and words.

TEXTS = {
    "en": [" Please send an ambulance to 14 Mill Road.", " \"No,\" she said -- (quietly), it's 3.50!", " tab\there  two   spaces", " Hello"],
    "fr": [" Ça brûle, où êtes-vous ? À l'école…"], "de": [" Straße, Käse & Öl: 100%"], "ja": ["救急車をお願いします。", "火事です🔥"],
    "zh": ["请叫救护车!我在北京。"], "hi": [" मदद कीजिए, आग लगी है।"], "th": ["ช่วยด้วย"], "ko": [" 도와 주세요."], "ru": [" Пожар на улице Мира, 7!"],
}


def tokens_and_words(shared):
    tokenizer, out = WhisperTokenizerFast.from_pretrained(shared / "whisper-mini"), []
    for language, texts in TEXTS.items():
        reference = get_tokenizer(True, language=language)
        for text in texts:
            ids = tokenizer(text, add_special_tokens=False).input_ids
            assert ids == reference.encode(text) and reference.decode(ids) == text
            words, tokens = reference.split_to_word_tokens(ids + [reference.eot])
            out.append({"language": language, "text": text, "tokens": ids,
                        "words": [[word, len(part)] for word, part in zip(words[:-1], tokens[:-1])],
                        "broken": [tokenizer.decode(ids[from_:]) for from_ in range(min(4, len(ids)))]})
    return out


def prompts(shared):
    tokenizer, out = WhisperTokenizerFast.from_pretrained(shared / "whisper-mini"), []
    for language in ("en", "ja", "haw"):
        for task in ("transcribe", "translate"):
            for timestamps in (False, True):
                tokenizer.set_prefix_tokens(language=language, task=task, predict_timestamps=timestamps)
                out.append({"language": language, "translate": task == "translate", "timestamps": timestamps, "tokens": tokenizer.prefix_tokens})
    return out, tokenizer.get_prompt_ids(" Mill Road, Ambulance ").tolist()


def compressions():
    texts = ["Help!", "Please send an ambulance to 14 Mill Road.", "no " * 60, "Thank you. " * 25, "救急車をお願いします。" * 9,
             "ask not what your country can do for you, ask what you can do for your country"]
    return [{"text": text, "ratio": len(text.encode()) / len(zlib.compress(text.encode()))} for text in texts]


# Where tokens sound.

def attention(seed, rows, heads, places):
    """Noise with a ridge that walks through the places, in whole thousandths: [rows, heads, places]."""
    numbers = Numbers(seed)
    out = np.array([numbers.below(200) for _ in range(rows * heads * places)], np.float32).reshape(rows, heads, places)
    at = 0
    for row in range(rows):
        length = 1 + numbers.below(2 * places // rows)
        out[row, :, at:at + length] += 600
        at = min(at + length, places - 1)
    return out / 1000


def starts(weights, skipped, used, width):
    weights = torch.tensor(weights).permute(1, 0, 2)[:, :, :used]
    std, mean = torch.std_mean(weights, dim=-2, keepdim=True, unbiased=False)
    matrix = _median_filter(((weights - mean) / std)[None], width)[0].mean(0)[skipped:]
    text, time = _dynamic_time_warping(-matrix.double().numpy())
    return time[np.pad(np.diff(text), (1, 0), constant_values=1).astype(bool)]


def alignments():
    cases = [(1, 5, 2, 40, 0, 40, 7), (2, 12, 3, 90, 0, 71, 7), (3, 30, 6, 300, 3, 280, 7), (4, 2, 1, 9, 0, 3, 7), (5, 9, 2, 50, 2, 50, 3)]
    return [{"seed": seed, "rows": rows, "heads": heads, "places": places, "skipped": skipped, "used": used, "width": width,
             "starts": starts(attention(seed, rows, heads, places), skipped, used, width).tolist()}
            for seed, rows, heads, places, skipped, used, width in cases]


def window(numbers, tokenizer, kind):
    """Tokens of a window: segments with timestamps, ending in one of the ways that windows end."""
    first, at, tokens = tokenizer.timestamp_begin, numbers.below(60), []
    for _ in range(1 + numbers.below(4)):
        words = tokenizer.encode(" " + " ".join(WORDS[numbers.below(len(WORDS))] for _ in range(1 + numbers.below(6))) + ".?!,"[numbers.below(4)])
        end = min(at + 20 + numbers.below(300), 1500)
        tokens += [first + at, *words, first + end]
        at = min(end + numbers.below(2) * numbers.below(40), 1499)
    if kind == 1:
        tokens += [first + at]
    if kind == 2:
        tokens += [first + at, *tokenizer.encode(" and then")]
    if kind == 3:
        tokens = [token for token in tokens if token < first]
    if kind == 4:
        tokens = [first, *tokenizer.encode(" to the end")]
    if kind == 5:
        tokens = [first + 10, first + 20, first + 20, *tokenizer.encode(" fire"), first + 90, first + 90]
    return tokens


WORDS = "help fire ambulance please the house is burning (quickly) at Mill Road 14 we're \"trapped\" -- upstairs".split()


def recordings():
    """openai-whisper's transcribe over recordings whose windows are made up."""
    out = []
    for seed in range(1, 9):
        seconds, conditions = [75, 120, 61.37, 30, 29.5, 121, 200, 0.5][seed - 1], seed % 4 != 0
        out.append(recording(seed, seconds, conditions))
    return out


def recording(seed, seconds, conditions):
    tokenizer, numbers, windows = get_tokenizer(True, language="en"), Numbers(seed), []

    def decode(_mel, options):
        kind = (len(windows) + seed) % 6
        result = DecodingResult(None, "en", tokens=window(numbers, tokenizer, kind), avg_logprob=-0.5 - (1 if numbers.below(6) == 0 else 0),
                                no_speech_prob=0.9 if numbers.below(5) == 0 else 0.1, temperature=[0.0, 0.8][numbers.below(4) == 0], compression_ratio=1.0)
        windows.append({"tokens": result.tokens, "average_logprob": result.avg_logprob, "no_speech_prob": result.no_speech_prob,
                        "temperature": result.temperature, "previous": len(options.prompt), "previous_end": list(options.prompt[-3:])})
        return result

    model = SimpleNamespace(device=torch.device("cpu"), is_multilingual=True, num_languages=99, decode=decode,
                            dims=SimpleNamespace(n_mels=80, n_audio_ctx=1500, n_text_ctx=448))
    found = whisper.transcribe(model, np.zeros(int(seconds * 16000), np.float32), language="en", temperature=0.0, fp16=False,
                               condition_on_previous_text=conditions, initial_prompt="Mill Road")
    segments = [[s["seek"], round(s["start"], 2), round(s["end"], 2), s["text"]] for s in found["segments"] if s["text"].strip()]
    return {"samples": int(seconds * 16000), "conditions": conditions, "prompt": tokenizer.encode(" Mill Road"), "windows": windows, "segments": segments}


def word_times():
    """openai-whisper's add_word_timestamps with attentions that are made up, in a window that begins at 12.34 s."""
    return [timed(seed) for seed in range(1, 7)]


def timed(seed):
    tokenizer, numbers = get_tokenizer(True, language="en"), Numbers(seed)
    tokens = window(numbers, tokenizer, 1)
    text = [token for token in tokens if token < tokenizer.eot]
    rows = len(text) + 1
    frames = [3000, 2000, 1201][seed % 3]
    places = starts(attention(seed, rows, 2, 1500), 0, frames // 2, 7)
    pieces, first = [], 0
    for end in range(1, len(tokens) + 1):
        both = end < len(tokens) and min(tokens[end - 1], tokens[end]) >= tokenizer.timestamp_begin
        if both or end == len(tokens):
            pieces.append(tokens[first:end])
            first = end
    # The last timestamp belongs to a segment that is not there.
    pieces = [piece for piece in pieces if len(piece) > 1]
    at = lambda token: 12.34 + (token - tokenizer.timestamp_begin) * 0.02
    segments = [{"seek": 1234, "start": at(piece[0]), "end": at(piece[-1]), "tokens": piece} for piece in pieces]

    def alignment(*_, **__):
        words, parts = tokenizer.split_to_word_tokens(text + [tokenizer.eot])
        edges = np.pad(np.cumsum([len(part) for part in parts[:-1]]), (1, 0))
        times = places / 50
        return [WordTiming(word, part, times[a], times[b], 0.5) for word, part, a, b in zip(words, parts, edges[:-1], edges[1:])]

    whisper.timing.find_alignment = alignment
    add_word_timestamps(segments=segments, model=None, tokenizer=tokenizer, mel=None, num_frames=frames, last_speech_timestamp=float(seed % 2) * 5)
    return {"seed": seed, "tokens": tokens, "frames": frames, "spoken_until_s": float(seed % 2) * 5,
            "segments": [{"start_s": s["start"], "end_s": s["end"], "words": [[w["word"], w["start"], w["end"]] for w in s["words"]]} for s in segments]}


def main():
    shared = Path(sys.argv[1])
    before, prompt = prompts(shared)
    parts = {"front_ends": front_ends(shared), "searches": searches(), "rules": rules(), "words": tokens_and_words(shared), "prompts": before,
             "prompt": prompt, "compressions": compressions(), "alignments": alignments(), "recordings": recordings(), "word_times": word_times()}
    OUT.parent.mkdir(parents=True, exist_ok=True)
    plain = lambda value: value.item() if hasattr(value, "item") else str(value)
    lines = ",\n".join(f'"{name}": {json.dumps(part, ensure_ascii=False, separators=(",", ":"), default=plain)}' for name, part in parts.items())
    OUT.write_text("{\n" + lines + "\n}\n")
    print(OUT, OUT.stat().st_size)


if __name__ == "__main__":
    main()
