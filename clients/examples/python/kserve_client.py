"""Tensors by KServe's own clients, by REST and by gRPC.

    pip install kserve numpy
    python kserve_client.py http://127.0.0.1:8080 identity
"""

import asyncio
import sys

import numpy
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig

url, model = sys.argv[1:3]
numbers = numpy.random.default_rng(7).normal(size=(2, 8)).astype(numpy.float32)


def request(binary):
    tensor = InferInput("x", list(numbers.shape), "FP32")
    tensor.set_data_from_numpy(numbers, binary_data=binary)
    return InferRequest(model, [tensor], request_id="seven")


async def rest():
    client = InferenceRESTClient(RESTConfig(protocol="v2", timeout=30))
    assert await client.is_server_live(url) and await client.is_server_ready(url)
    assert await client.is_model_ready(url, model)
    for binary in (False, True):
        answer = await client.infer(url, request(binary), model_name=model)
        assert answer.model_name == model and answer.id == "seven"
        assert numpy.allclose(answer.outputs[0].as_numpy(), numbers, atol=1e-6)
        print("REST,", "binary" if binary else "JSON", "in: the same numbers")
    await client.close()


async def grpc():
    client = InferenceGRPCClient(url.removeprefix("http://"), timeout=30)
    assert await client.is_server_live() and await client.is_server_ready() and await client.is_model_ready(model)
    for binary in (False, True):
        answer = await client.infer(request(binary))
        assert numpy.array_equal(answer.outputs[0].as_numpy(), numbers)
        print("gRPC,", "raw" if binary else "typed", "in: the same numbers")
    await client.close()


asyncio.run(rest())
asyncio.run(grpc())
