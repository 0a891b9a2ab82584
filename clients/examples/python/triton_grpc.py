"""Tensors by Triton's gRPC client: one by one, async, as a stream, with a deadline.

    pip install "tritonclient[grpc]" numpy
    python triton_grpc.py http://127.0.0.1:8080 identity
"""

import queue
import sys

import numpy
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

url, model = sys.argv[1:3]
client = triton.InferenceServerClient(url.removeprefix("http://"))

assert client.is_server_live() and client.is_server_ready() and client.is_model_ready(model)
print(client.get_server_metadata().name, "offers", list(client.get_server_metadata().extensions))
metadata = client.get_model_metadata(model)
given, wanted = metadata.inputs[0].name, metadata.outputs[0].name
assert client.get_model_config(model).config.name == model

numbers = numpy.random.default_rng(7).normal(size=(3, 1_000)).astype(numpy.float32)
tensor = triton.InferInput(given, numbers.shape, "FP32")
tensor.set_data_from_numpy(numbers)


def same(answer):
    return numpy.array_equal(answer.as_numpy(wanted), numbers)


answer = client.infer(model, [tensor], request_id="seven", client_timeout=30, priority=1)
assert same(answer) and answer.get_response().id == "seven"
print("one request: bit for bit the same")

came = queue.Queue()
for _ in range(16):
    client.async_infer(model, [tensor], lambda result, error: came.put((result, error)))
assert all(error is None and same(result) for result, error in (came.get(timeout=30) for _ in range(16)))
print("16 requests on their way at once: all came back")

streamed = queue.Queue()
client.start_stream(lambda result, error: streamed.put((result, error)))
for number in range(16):
    client.async_stream_infer(model, [tensor], request_id=str(number))
answers = [streamed.get(timeout=30) for _ in range(16)]
assert all(error is None and same(result) for result, error in answers)
assert sorted(int(result.get_response().id) for result, _ in answers) == list(range(16))
client.async_stream_infer("nosuch", [tensor])
_, error = streamed.get(timeout=30)
assert error is not None
client.async_stream_infer(model, [tensor])
assert same(streamed.get(timeout=30)[0])
client.stop_stream()
print("a stream: 16 answers, then an error that did not end it:", error.message())

statistics = client.get_inference_statistics(model).model_stats[0]
print("statistics:", statistics.inference_count, "rows in", statistics.execution_count, "runs")
assert statistics.inference_stats.success.count >= 34

assert model in {one.name for one in client.get_model_repository_index().models}
client.unload_model(model)
assert not client.is_model_ready(model)
client.load_model(model)
assert client.is_model_ready(model)
print("unloaded, and loaded again")

try:
    client.infer("nosuch", [tensor])
except InferenceServerException as error:
    print("refused:", error.status(), error.message())
    assert error.status() == "StatusCode.NOT_FOUND"
else:
    sys.exit("a model that is not there answered")
