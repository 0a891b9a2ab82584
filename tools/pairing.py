"""Writes pairing.json: the scale and the bias that a CLIP or SigLIP checkpoint was trained with, which no export of one tower holds.

    python tools/pairing.py model.safetensors pairing.json

Reads the two numbers alone, with nothing to install. tools/export_towers.py writes the same file by itself.
"""

import json
import struct
import sys
from pathlib import Path

NAMES = ("logit_scale", "logit_bias")
WIDTHS = {"F32": 4, "F16": 2, "BF16": 2}


def number(tensor, raw):
    if tensor["dtype"] == "BF16":
        return struct.unpack("<f", b"\0\0" + raw[:2])[0]
    return struct.unpack("<e" if tensor["dtype"] == "F16" else "<f", raw[: WIDTHS[tensor["dtype"]]])[0]


def pairing(path):
    with path.open("rb") as file:
        (header_size,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(header_size))
        found = {}
        for name in NAMES:
            if tensor := header.get(name):
                file.seek(8 + header_size + tensor["data_offsets"][0])
                found[name] = number(tensor, file.read(4))
    if not found:
        sys.exit("no logit_scale in this file: of a checkpoint in several parts, give the one that has it")
    return found


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(pairing(Path(sys.argv[1]))) + "\n")
