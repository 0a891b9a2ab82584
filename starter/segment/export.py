"""Writes the trained tiers as ONNX files, and checks them in ONNX Runtime:
`python starter/segment/export.py --checkpoints FOLDER --out starter/models`.

Layout: `image` [batch, 3, height, width], RGB / 255, normalised by MEAN and STD → `logits` [batch, 5, height, width].
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from network import MEAN, STD, TIERS, Segmenter, Tier

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from street import MASK_CLASSES  # noqa: E402

TOLERANCE = 1e-4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoints", type=Path, required=True, help="what train.py wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder for starter-segment-TIER.onnx")
    parser.add_argument("--tier", choices=TIERS, nargs="*", default=list(TIERS))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in arguments.tier:
        path = arguments.out / f"starter-segment-{name}.onnx"
        network = trained(TIERS[name], arguments.checkpoints / f"{name}.pt")
        export(network, TIERS[name], path)
        difference = check(network, TIERS[name], path)
        print(f"{path.name}: {path.stat().st_size} bytes, differs from PyTorch by {difference:.1e}")


def trained(tier: Tier, checkpoint: Path) -> Segmenter:
    network = Segmenter(tier)
    network.load_state_dict(torch.load(checkpoint, weights_only=True)["average"])
    return network.eval()


def export(network: Segmenter, tier: Tier, path: Path) -> None:
    torch.onnx.export(
        network, (torch.zeros(1, 3, tier.height, tier.width),), str(path), dynamo=False, opset_version=17,
        input_names=["image"], output_names=["logits"], dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}},
    )
    model = onnx.load(path)
    fix_output(model, tier)
    onnx.helper.set_model_props(model, metadata(tier))
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def fix_output(model: onnx.ModelProto, tier: Tier) -> None:
    """The exporter leaves height and width of the output open; they follow from the input."""
    for axis, size in zip(model.graph.output[0].type.tensor_type.shape.dim[1:], (len(MASK_CLASSES), tier.height, tier.width)):
        axis.dim_value = size


def metadata(tier: Tier) -> dict[str, str]:
    return {
        "author": "Samovar", "license": "Apache-2.0", "source": f"starter-segment-{tier.name}, trained on drawn street scenes",
        "task": "segment", "tier": tier.name, "classes": json.dumps(MASK_CLASSES),
        "names": str(dict(enumerate(MASK_CLASSES))), "mean": json.dumps(MEAN), "std": json.dumps(STD),
    }


def check(network: Segmenter, tier: Tier, path: Path) -> float:
    """The largest difference between ONNX Runtime and PyTorch; a batch must equal single runs."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    images = np.random.default_rng(0).normal(size=(3, 3, tier.height, tier.width)).astype(np.float32)
    together = session.run(None, {"image": images})[0]
    alone = np.concatenate([session.run(None, {"image": image[None]})[0] for image in images])
    with torch.no_grad():
        reference = network(torch.from_numpy(images)).numpy()
    difference = float(max(np.abs(together - alone).max(), np.abs(together - reference).max()))
    if difference > TOLERANCE:
        raise SystemExit(f"{path.name}: outputs differ by {difference}")
    return difference


if __name__ == "__main__":
    main()
