"""Whisper's network, written for small machines: the same arithmetic and parameter names as transformers'
WhisperForConditionalGeneration, but with windows of any length, or short pieces of windows, which makes training cheap.

Two things exist in training alone. The rows of the 1501 timestamps in the embedding are a linear map of
sinusoids of their time, so that each timestamp learns from all others; `plain_state` writes them out as rows.
And a linear head over the encoder names the phoneme of each frame.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

import tokens

PHONEME_CLASSES = 128

_EDGE = 3  # the last position but this is silence that the convolutions see no edge beside


@dataclass(frozen=True)
class Shape:
    """The sizes of a network, named as in transformers' WhisperConfig."""

    vocab_size: int
    d_model: int = 96
    encoder_layers: int = 3
    encoder_attention_heads: int = 3
    encoder_ffn_dim: int = 320
    decoder_layers: int = 2
    decoder_attention_heads: int = 3
    decoder_ffn_dim: int = 192
    num_mel_bins: int = 80
    max_source_positions: int = 1500
    max_target_positions: int = 448


@dataclass(frozen=True)
class Piece:
    """Where a short piece lies in a window that is silent elsewhere.

    The silence is stood for by a few positions behind the piece, drawn anew each time, whose weight in every
    attention is as large as that of all they stand for: a window of 30 s costs little more than what is said in it.
    `positions` is `[batch, piece + silence]`, `mask` `[1, 1, 1, piece + silence]` is added to the scores.
    """

    positions: Tensor
    mask: Tensor


class Attention(nn.Module):
    """Multi-head attention with Whisper's biases: none on the keys."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.head_width = heads, width // heads
        self.k_proj = nn.Linear(width, width, bias=False)
        self.v_proj = nn.Linear(width, width)
        self.q_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)

    def split(self, x: Tensor) -> Tensor:
        """`[batch, length, width]` to `[batch, heads, length, head width]`."""
        return x.view(x.shape[0], -1, self.heads, self.head_width).transpose(1, 2)

    def keys_values(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of what is attended to, `[batch, heads, length, head width]`."""
        return self.split(self.k_proj(x)), self.split(self.v_proj(x))

    def joined(self, x: Tensor) -> Tensor:
        """The heads' results as one, through the output projection."""
        return self.out_proj(x.transpose(1, 2).reshape(x.shape[0], -1, self.heads * self.head_width))

    def forward(
        self, x: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None, causal: bool = False
    ) -> Tensor:
        """Attention without the weights, by torch's fused kernel; `mask` is added to the scores."""
        queries = self.split(self.q_proj(x))
        mask = None if mask is None else mask.to(queries.dtype)
        return self.joined(functional.scaled_dot_product_attention(queries, keys, values, mask, is_causal=causal))

    def weighted(self, x: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Attention in plain steps, with the weights `[batch, heads, length, attended length]`."""
        scores = self.split(self.q_proj(x) * self.head_width**-0.5) @ keys.transpose(2, 3)
        if mask is not None:
            scores = scores + mask
        weights = scores.softmax(-1)
        return self.joined(weights @ values), weights


class EncoderLayer(nn.Module):
    """Self-attention and two linear layers, each after a layer norm and added to what came in."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.d_model
        self.self_attn = Attention(width, shape.encoder_attention_heads)
        self.self_attn_layer_norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, shape.encoder_ffn_dim)
        self.fc2 = nn.Linear(shape.encoder_ffn_dim, width)
        self.final_layer_norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        y = self.self_attn_layer_norm(x)
        x = x + self.self_attn(y, *self.self_attn.keys_values(y), mask)
        return x + self.fc2(functional.gelu(self.fc1(self.final_layer_norm(x))))


class DecoderLayer(nn.Module):
    """An encoder layer with attention to the encoder between its two halves."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.d_model
        self.self_attn = Attention(width, shape.decoder_attention_heads)
        self.self_attn_layer_norm = nn.LayerNorm(width)
        self.encoder_attn = Attention(width, shape.decoder_attention_heads)
        self.encoder_attn_layer_norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, shape.decoder_ffn_dim)
        self.fc2 = nn.Linear(shape.decoder_ffn_dim, width)
        self.final_layer_norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, sound: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        y = self.self_attn_layer_norm(x)
        x = x + self.self_attn(y, *self.self_attn.keys_values(y), causal=True)
        heard, weights = self.encoder_attn.weighted(
            self.encoder_attn_layer_norm(x), *self.encoder_attn.keys_values(sound), mask
        )
        return self.feed_forward(x + heard), weights

    def feed_forward(self, x: Tensor) -> Tensor:
        """The layer's last half."""
        return x + self.fc2(functional.gelu(self.fc1(self.final_layer_norm(x))))


class Encoder(nn.Module):
    """Two convolutions (the second halves the frame rate to 50 a second), positions and layers."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.d_model
        self.conv1 = nn.Conv1d(shape.num_mel_bins, width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.embed_positions = nn.Embedding(shape.max_source_positions, width)
        self.embed_positions.weight = nn.Parameter(sinusoids(shape.max_source_positions, width), requires_grad=False)
        self.layers = nn.ModuleList(EncoderLayer(shape) for _ in range(shape.encoder_layers))
        self.layer_norm = nn.LayerNorm(width)

    def forward(self, mel: Tensor, piece: Piece | None = None) -> Tensor:
        """Log-mel `[batch, 80, frames]` to `[batch, frames / 2, width]`, with a piece's silence behind that."""
        x = functional.gelu(self.conv1(mel))
        x = functional.gelu(self.conv2(x)).transpose(1, 2)
        mask = None
        if piece is None:
            x = x + self.embed_positions.weight[: x.shape[1]]
        else:
            silent = x[:, -_EDGE : -_EDGE + 1].expand(-1, piece.positions.shape[1] - x.shape[1], -1)
            x = torch.cat([x, silent], 1) + self.embed_positions.weight[piece.positions]
            mask = piece.mask
        for layer in self.layers:
            x = layer(x, mask)
        return self.layer_norm(x)


class TimedEmbedding(nn.Module):
    """Token rows whose last 1501 are a learned map of the sinusoids of their times."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.rows = nn.Parameter(torch.randn(shape.vocab_size - tokens.TIMESTAMPS, shape.d_model) * 0.03)
        self.map = nn.Parameter(torch.eye(shape.d_model) * 0.05)
        self.register_buffer("times", sinusoids(tokens.TIMESTAMPS, shape.d_model), persistent=False)

    @property
    def weight(self) -> Tensor:
        """All rows, `[vocabulary, width]`."""
        return torch.cat([self.rows, self.times @ self.map])


class Decoder(nn.Module):
    """Token and position embeddings and layers."""

    def __init__(self, shape: Shape, timed: bool) -> None:
        super().__init__()
        width = shape.d_model
        self.embed_tokens = TimedEmbedding(shape) if timed else nn.Embedding(shape.vocab_size, width)
        self.embed_positions = nn.Embedding(shape.max_target_positions, width)
        nn.init.normal_(self.embed_positions.weight, std=0.02)
        self.layers = nn.ModuleList(DecoderLayer(shape) for _ in range(shape.decoder_layers))
        self.layer_norm = nn.LayerNorm(width)

    def forward(self, ids: Tensor, sound: Tensor, mask: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        """Logits `[batch, length, vocabulary]` and each layer's attention to the encoder."""
        rows = self.embed_tokens.weight
        x = rows[ids] + self.embed_positions.weight[: ids.shape[1]]
        attention = []
        for layer in self.layers:
            x, weights = layer(x, sound, mask)
            attention.append(weights)
        return self.layer_norm(x) @ rows.T, attention


class _Halves(nn.Module):
    def __init__(self, shape: Shape, timed: bool) -> None:
        super().__init__()
        self.encoder, self.decoder = Encoder(shape), Decoder(shape, timed)


class Whisper(nn.Module):
    """Encoder and decoder under transformers' names, with the training's phoneme head beside them if `timed`."""

    def __init__(self, shape: Shape, timed: bool = False) -> None:
        super().__init__()
        self.shape = shape
        self.model = _Halves(shape, timed)
        self.phonemes = nn.Linear(shape.d_model, PHONEME_CLASSES) if timed else None

    def forward(self, mel: Tensor, ids: Tensor, piece: Piece | None = None) -> tuple[Tensor, list[Tensor], Tensor]:
        """Logits, attention to the encoder by layer, and the encoder's output."""
        sound = self.model.encoder(mel, piece)
        logits, attention = self.model.decoder(ids, sound, None if piece is None else piece.mask)
        return logits, attention, sound

    def plain_state(self) -> dict[str, Tensor]:
        """The weights under transformers' names alone."""
        state = {name: value.detach().clone() for name, value in self.state_dict().items() if "phonemes" not in name}
        token_rows = self.model.decoder.embed_tokens.weight.detach().clone()
        state = {name: value for name, value in state.items() if "embed_tokens" not in name}
        return {**state, "model.decoder.embed_tokens.weight": token_rows}


def plain(shape: Shape, state: dict[str, Tensor]) -> Whisper:
    """The network that is shipped, with the given weights, for running."""
    network = Whisper(shape)
    network.load_state_dict(state)
    return network.eval()


def save(path: Path, network: Whisper, **more: object) -> None:
    """Writes a checkpoint, whole or not at all."""
    part = path.with_suffix(".part")
    weights = {"state": network.state_dict(), "plain": network.plain_state()}
    torch.save({"shape": asdict(network.shape), **weights, **more}, part)
    part.replace(path)


def load_plain(path: Path) -> Whisper:
    """The shipped form of a checkpoint of `save`."""
    saved = torch.load(path, weights_only=True)
    return plain(Shape(**saved["shape"]), saved["plain"])


def sinusoids(length: int, width: int) -> Tensor:
    """Whisper's position table (openai/whisper, `sinusoids`)."""
    scales = torch.exp(-math.log(10_000) / (width // 2 - 1) * torch.arange(width // 2))
    angles = torch.arange(length)[:, None] * scales[None, :]
    return torch.cat([angles.sin(), angles.cos()], dim=1)
