"""What is sent as a picture: the bytes of a file, a file, or an array of pixels."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any, Protocol

PNG_LEVEL = 1


class PixelArray(Protocol):
    """What numpy's arrays are: `[height, width, 3]`, RGB, `uint8`."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> Any: ...

    def tobytes(self) -> bytes: ...


Picture = bytes | bytearray | memoryview | Path | PixelArray
"""JPEG, PNG or WebP as bytes or as a file; or pixels, which are sent as a JPEG where Pillow is there, otherwise as a PNG."""


def encode(picture: Picture) -> bytes:
    """The bytes that are sent."""
    if isinstance(picture, bytes):
        return picture
    if isinstance(picture, (bytearray, memoryview)):
        return bytes(picture)
    if isinstance(picture, Path):
        return picture.read_bytes()
    if len(picture.shape) != 3 or picture.shape[2] != 3 or str(picture.dtype) != "uint8":
        raise ValueError(f"pixels are [height, width, 3] of uint8, not {picture.shape} of {picture.dtype}")
    return _jpeg(picture) or _png(picture)


def _jpeg(pixels: PixelArray) -> bytes | None:
    try:
        from PIL import Image
    except ImportError:
        return None
    import io

    out = io.BytesIO()
    size = (pixels.shape[1], pixels.shape[0])
    Image.frombytes("RGB", size, pixels.tobytes()).save(out, "JPEG", quality=90)
    return out.getvalue()


def _png(pixels: PixelArray) -> bytes:
    """PNG (RFC 2083) with unfiltered rows: a few lines, and no library."""
    height, width, _ = pixels.shape
    flat, row = pixels.tobytes(), width * 3
    rows = b"".join(b"\0" + flat[at : at + row] for at in range(0, height * row, row))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(rows, PNG_LEVEL)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
