"""A detector as a plain graph: a picture's pixels in, boxes and scores out, by Triton's client.

    pip install "tritonclient[http]" numpy pillow
    python triton_yolov8n.py http://127.0.0.1:8080 yolov8n bus.jpg
"""

import sys

import numpy
import tritonclient.http as triton
from PIL import Image

url, model, path = sys.argv[1:4]
SIDE, GREY = 640, 114
PERSON, BUS = 0, 5

picture = Image.open(path).convert("RGB")
scale = SIDE / max(picture.size)
small = picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.BILINEAR)
canvas = Image.new("RGB", (SIDE, SIDE), (GREY, GREY, GREY))
canvas.paste(small, ((SIDE - small.width) // 2, (SIDE - small.height) // 2))
pixels = numpy.asarray(canvas, numpy.float32).transpose(2, 0, 1)[None] / 255

client = triton.InferenceServerClient(url.removeprefix("http://"))
tensor = triton.InferInput("images", pixels.shape, "FP32").set_data_from_numpy(pixels)
(output,) = client.get_model_metadata(model)["outputs"]
found = client.infer(model, [tensor]).as_numpy(output["name"])[0]
scores = found[4:].max(axis=1)
print(f"{found.shape[1]} candidates; the best person {scores[PERSON]:.2f}, the best bus {scores[BUS]:.2f}")
# In the street with the bus: 0.90 and 0.86.
assert scores[PERSON] > 0.85 and scores[BUS] > 0.80
assert scores.argsort()[::-1][:2].tolist() == [PERSON, BUS], "nothing else is as clear"
