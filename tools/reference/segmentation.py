"""Reference class maps: what torch and transformers make of the logits that ONNX Runtime gives on the test pictures.

Writes into crates/models/tests/fixtures:

- segmentation.json: for every segmentation model and picture, the share of each class and every fourth pixel of the map at
  the picture's size. Pictures are scaled by OpenCV's INTER_LINEAR to the input, which is how the starter models were
  evaluated and the ESPNetv2 ones exported and checked; logits by torch.nn.functional.interpolate (bilinear,
  align_corners=False) to the picture's size.
- segformer_random.onnx and fcn_random.onnx: networks of the true architectures (transformers' SegFormer with its logits of a
  quarter of the input, dynamic in batch, height and width; torchvision's FCN with `out` and `aux`), small and with random
  weights, written by torch's exporter. Their maps are in segmentation.json too, of a picture
  that is drawn; SegFormer's is what transformers' own
  post_process_semantic_segmentation gives.

    pip install onnxruntime opencv-python-headless torch torchvision transformers onnx
    python tools/reference/segmentation.py ../shared/models
"""

import ast
import json
import sys
import types
from collections import OrderedDict
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import torch
import torchvision.models.segmentation.fcn as fcn
import transformers
from transformers import SegformerConfig, SegformerForSemanticSegmentation, SegformerImageProcessor

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "crates/models/tests/fixtures"
STEP = 4
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
TIERS = ["espnetv2_s0.5", "espnetv2_s1.0", "espnetv2_s1.5", "espnetv2_s2.0"]
STARTERS = ["fast", "balanced", "accurate", "sota"]
STILLS = [f"starter:samples/still-{number}.jpg" for number in (1, 2, 3)]
DYNAMIC_SIZE = (512, 512)


def main(shared):
    FIXTURES.mkdir(parents=True, exist_ok=True)
    export_segformer(FIXTURES / "segformer_random.onnx")
    export_fcn(FIXTURES / "fcn_random.onnx")
    cases = [(f"shared:espnetv2-seg/{tier}_pascal_384x384.onnx", ["shared:media/bus.jpg"]) for tier in TIERS]
    cases += [(f"starter:models/starter-segment-{tier}.onnx", STILLS) for tier in STARTERS]
    cases += [(f"fixture:{name}_random.onnx", ["drawn"]) for name in ("segformer", "fcn")]
    folders = {"shared": Path(shared), "starter": ROOT / "starter", "fixture": FIXTURES}
    found = [case(folders, model, picture) for model, pictures in cases for picture in pictures]
    versions = {m.__name__: m.__version__ for m in (torch, transformers, onnxruntime, cv2)}
    text = json.dumps({"versions": versions, "step": STEP, "cases": found}, separators=(",", ":"))
    (FIXTURES / "segmentation.json").write_text(text.replace('{"model"', '\n{"model"') + "\n")


def case(folders, model, picture):
    image = drawn() if picture == "drawn" else read(resolve(folders, picture))
    session = onnxruntime.InferenceSession(str(resolve(folders, model)), providers=["CPUExecutionProvider"])
    logits = torch.from_numpy(session.run([session.get_outputs()[0].name], inputs(session, image))[0])
    classes = post_process(logits, image.shape[:2], "segformer" in model).numpy().astype(np.uint8)
    areas = np.bincount(classes.ravel(), minlength=logits.shape[1]) / classes.size
    thin = classes[STEP // 2 :: STEP, STEP // 2 :: STEP]
    size = list(image.shape[1::-1])
    print(model, picture, size, [round(float(area), 3) for area in areas])
    return {"model": model, "picture": picture, "size": size, "areas": [round(float(area), 6) for area in areas],
            "runs": runs(thin.ravel())}


def read(path):
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


def drawn():
    """In floats, which OpenCV scales without rounding: random networks magnify every level of grey."""
    y, x, channel = np.mgrid[:400, :640, :3]
    return ((x // 24 * 53 + y // 24 * 91 + x // 3 + 40 * channel) % 256).astype(np.float32)


def resolve(folders, name):
    folder, path = name.split(":")
    return folders[folder] / path


def inputs(session, image):
    port, written = session.get_inputs()[0], session.get_modelmeta().custom_metadata_map
    height, width = (side if isinstance(side, int) else DYNAMIC_SIZE[0] for side in port.shape[2:])
    mean, std = (np.float32(ast.literal_eval(written.get(key, str(default)))) for key, default in (("mean", MEAN), ("std", STD)))
    scaled = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32) / 255
    return {port.name: ((scaled - mean) / std).transpose(2, 0, 1)[None]}


def post_process(logits, size, by_transformers):
    if by_transformers:
        outputs = types.SimpleNamespace(logits=logits)
        return SegformerImageProcessor().post_process_semantic_segmentation(outputs, target_sizes=[size])[0]
    return torch.nn.functional.interpolate(logits, size=size, mode="bilinear", align_corners=False)[0].argmax(0)


def runs(values):
    """[class, length, class, length …]"""
    starts = np.flatnonzero(np.diff(values, prepend=-1))
    lengths = np.diff(np.append(starts, len(values)))
    return np.stack([values[starts], lengths], 1).ravel().tolist()


def export_segformer(path):
    torch.manual_seed(7)
    config = SegformerConfig(
        num_labels=7, hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1], num_attention_heads=[1, 1, 2, 2], decoder_hidden_size=16
    )
    model = SegformerForSemanticSegmentation(config).eval()
    liven(model)
    axes = {"pixel_values": {0: "batch", 2: "height", 3: "width"}, "logits": {0: "batch", 2: "quarter_height", 3: "quarter_width"}}
    export(model, path, "pixel_values", ["logits"], axes)


def export_fcn(path):
    torch.manual_seed(11)
    width = 8

    class Backbone(torch.nn.Module):
        """Stands in for the ResNet: an eighth of the size, and the features of the stage before for `aux`."""

        def __init__(self):
            super().__init__()
            convolutions = [torch.nn.Conv2d(3 if i == 0 else width, width, 3, 2, 1) for i in range(3)]
            self.first, self.second, self.third = convolutions

        def forward(self, x):
            aux = self.second(self.first(x).relu()).relu()
            return OrderedDict(out=self.third(aux).relu(), aux=aux)

    model = fcn.FCN(Backbone(), fcn.FCNHead(width, 5), fcn.FCNHead(width, 5)).eval()
    liven(model)
    export(model, path, "input", ["out", "aux"], {name: {0: "batch"} for name in ("input", "out", "aux")})


def liven(model):
    """Random networks prefer one class everywhere: the classifier's bias is set so that all of them are seen."""
    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    scaled = (cv2.resize(drawn(), (160, 96)).astype(np.float32) / 255 - np.float32(MEAN)) / np.float32(STD)
    with torch.no_grad():
        outputs = model(torch.from_numpy(scaled.transpose(2, 0, 1)[None]))
        logits = outputs["logits"] if "logits" in outputs else outputs["out"]
        classifier = [module for module in model.modules() if isinstance(module, torch.nn.Conv2d) and module.bias is not None
                      and module.out_channels == logits.shape[1]][0]
        classifier.bias -= logits.mean(dim=(0, 2, 3))


def export(model, path, input_name, output_names, axes):
    torch.onnx.export(model, (torch.zeros(1, 3, 96, 160),), str(path), dynamo=False, opset_version=17, input_names=[input_name],
                      output_names=output_names, dynamic_axes=axes)


if __name__ == "__main__":
    main(sys.argv[1])
