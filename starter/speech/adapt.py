"""Trains a LoRA adapter (PEFT) for a voice that the base gets wrong: a caller who whispers.

Starts from the shipped ONNX folder and writes `adapters/whispering/` in PEFT's own format, for transformers'
WhisperForConditionalGeneration.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch.utils.data import DataLoader

import tokens
import weights
from clips import Wish
from examples import Desk, Lesson, Lessons
from train import dev_wer, token_loss

NAME = "whispering"
VOICES = ("gmw/en+whisper",)
LESSON = Lesson(
    Wish(voices=VOICES, sentences=(1, 2), noise_share=0.4, snr_db=(12, 30)), timestamp_share=0.3, cut_share=0.0
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=tokens.MODEL, help="the base's folder")
    parser.add_argument("--out", type=Path, default=None, help="the adapter's folder [default: in the base's]")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--rows", type=int, default=24, help="clips in a step")
    parser.add_argument("--rate", type=float, default=4e-3)
    parser.add_argument("--rank", type=int, default=8)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    adapted = get_peft_model(weights.network(options.model), _config(options.rank))
    adapted.print_trainable_parameters()
    _train(adapted, options)
    _save(adapted, options.out or options.model / "adapters" / NAME)


def _save(adapted: PeftModel, folder: Path) -> None:
    """Writes the adapter for transformers' class of the same parameter names, without PEFT's empty card."""
    config = adapted.peft_config["default"]
    config.base_model_name_or_path = "starter-whisper"
    config.auto_mapping = {
        "base_model_class": "WhisperForConditionalGeneration",
        "parent_library": "transformers.models.whisper.modeling_whisper",
    }
    adapted.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    settings = folder / "adapter_config.json"
    settings.write_text(settings.read_text().rstrip("\n") + "\n")
    (folder / "adapter_model.safetensors").chmod(0o644)


def _config(rank: int) -> LoraConfig:
    return LoraConfig(
        r=rank, lora_alpha=2 * rank, lora_dropout=0.0, bias="none",
        target_modules=["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"],
    )


def _train(adapted: PeftModel, options: argparse.Namespace) -> None:
    vocabulary = tokens.Vocabulary()
    checks = _checks()
    network = adapted.get_base_model()
    print(f"before: WER {dev_wer(network, checks, vocabulary):.3f}", flush=True)
    optimizer = torch.optim.AdamW([value for value in adapted.parameters() if value.requires_grad], lr=options.rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, options.rate, options.steps, pct_start=0.1)
    loader = iter(DataLoader(Lessons(LESSON, options.rows, 0, seed=77), batch_size=None, num_workers=1))
    begun = time.monotonic()
    for step in range(options.steps):
        batch = next(loader)
        with torch.autocast("cpu", torch.bfloat16):
            logits, _, _ = network(batch.mel, batch.ids, batch.piece)
            loss = token_loss(logits.float(), batch.labels, vocabulary.first_stamp)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(adapted.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        if (step + 1) % 100 == 0:
            error = dev_wer(network, checks, vocabulary)
            print(f"{step + 1}: loss {loss.item():.3f}  WER {error:.3f}  {time.monotonic() - begun:.0f} s", flush=True)


def _checks() -> list:
    wish = replace(LESSON.wish, held_out=True)
    desk = Desk()
    return [desk.example(10**12 + index, Lesson(wish, False, 0.0, 0.0, 0.0, 0.0, 0.0)) for index in range(48)]


if __name__ == "__main__":
    main()
