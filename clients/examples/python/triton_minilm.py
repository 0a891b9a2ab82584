"""A model of texts as a plain graph: tokens in, one vector for each token out, by Triton's client.

    pip install "tritonclient[http]" numpy
    python triton_minilm.py http://127.0.0.1:8080 minilm
"""

import sys

import numpy
import tritonclient.http as triton

url, model = sys.argv[1:3]
client = triton.InferenceServerClient(url.removeprefix("http://"))
names = [tensor["name"] for tensor in client.get_model_metadata(model)["inputs"]]
(output,) = client.get_model_metadata(model)["outputs"]


def embed(tokens):
    """The mean of the tokens' vectors, of length 1."""
    values = {"input_ids": tokens, "attention_mask": [1] * len(tokens), "token_type_ids": [0] * len(tokens)}
    inputs = []
    for name in names:
        tensor = triton.InferInput(name, [1, len(tokens)], "INT64")
        inputs.append(tensor.set_data_from_numpy(numpy.array([values[name]], numpy.int64)))
    vectors = client.infer(model, inputs).as_numpy(output["name"])
    assert vectors.shape == (1, len(tokens), 384)
    mean = vectors[0].mean(axis=0)
    return mean / numpy.linalg.norm(mean)


happy = embed([101, 2008, 2003, 1037, 3407, 2711, 102])  # That is a happy person
very = embed([101, 2008, 2003, 1037, 2200, 3407, 2711, 102])  # That is a very happy person
cosine = float(happy @ very)
print(f"likeness: {cosine:.3f}")
# What the model's card says.
assert abs(cosine - 0.943) < 2e-3
