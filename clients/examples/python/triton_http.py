"""Tensors by Triton's HTTP client: metadata, JSON and binary, async, errors, statistics, the repository.

    pip install "tritonclient[http]" numpy
    python triton_http.py http://127.0.0.1:8080 identity
"""

import sys

import numpy
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

url, model = sys.argv[1:3]
client = triton.InferenceServerClient(url.removeprefix("http://"), concurrency=4)

assert client.is_server_live() and client.is_server_ready() and client.is_model_ready(model)
about = client.get_server_metadata()
print(about["name"], about["version"], about["extensions"])
metadata = client.get_model_metadata(model)
print("model:", metadata)
(given,), (wanted,) = metadata["inputs"], metadata["outputs"]
assert (given["datatype"], wanted["datatype"]) == ("FP32", "FP32") and len(given["shape"]) == 2
assert client.get_model_config(model)["name"] == model

numbers = numpy.random.default_rng(7).normal(size=(3, 1_000)).astype(numpy.float32)


def ask(binary_in, binary_out, **options):
    """What comes back of `numbers`."""
    tensor = triton.InferInput(given["name"], numbers.shape, "FP32")
    tensor.set_data_from_numpy(numbers, binary_data=binary_in)
    output = triton.InferRequestedOutput(wanted["name"], binary_data=binary_out)
    return client.infer(model, [tensor], outputs=[output], **options)


for binary_in in (False, True):
    for binary_out in (False, True):
        answer = ask(binary_in, binary_out, request_id="seven")
        assert numpy.array_equal(answer.as_numpy(wanted["name"]), numbers) and answer.get_response()["id"] == "seven"
        print(f"in {'binary' if binary_in else 'JSON'}, out {'binary' if binary_out else 'JSON'}: bit for bit the same")

for algorithm in ("gzip", "deflate"):
    packed = ask(True, True, response_compression_algorithm=algorithm)
    assert numpy.array_equal(packed.as_numpy(wanted["name"]), numbers)

tensor = triton.InferInput(given["name"], numbers.shape, "FP32").set_data_from_numpy(numbers)
waiting = [client.async_infer(model, [tensor], priority=1, timeout=5_000_000) for _ in range(16)]
assert all(numpy.array_equal(one.get_result().as_numpy(wanted["name"]), numbers) for one in waiting)
print("16 requests on their way at once: all came back")

best = triton.InferRequestedOutput(wanted["name"], class_count=2)
classes = client.infer(model, [tensor], outputs=[best]).as_numpy(wanted["name"])
print("the best two of each row:", [[one.decode() for one in row] for row in classes])
assert [int(row[0].decode().split(":")[1]) for row in classes] == numbers.argmax(axis=1).tolist()

statistics = client.get_inference_statistics(model)["model_stats"][0]
print("statistics:", statistics["inference_count"], "rows in", statistics["execution_count"], "runs")
assert int(statistics["inference_stats"]["success"]["count"]) >= 21

assert model in {one["name"] for one in client.get_model_repository_index()}
client.unload_model(model)
assert not client.is_model_ready(model)
client.load_model(model)
assert client.is_model_ready(model)
print("unloaded, and loaded again")

for refused in ("nosuch", model):
    wrong = triton.InferInput("nosuch", [1, 1], "FP32").set_data_from_numpy(numpy.zeros((1, 1), numpy.float32))
    try:
        client.infer(refused, [wrong])
    except InferenceServerException as error:
        print("refused:", error)
    else:
        sys.exit("a request that cannot be was not refused")
