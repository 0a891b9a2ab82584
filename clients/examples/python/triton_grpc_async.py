"""Tensors by Triton's gRPC client for event loops, and its stream.

    pip install "tritonclient[grpc]" numpy
    python triton_grpc_async.py http://127.0.0.1:8080 identity
"""

import asyncio
import sys

import numpy
import tritonclient.grpc.aio as triton

url, model = sys.argv[1:3]


def request(number):
    tensor = triton.InferInput("x", [1, 16], "FP32")
    tensor.set_data_from_numpy(numpy.full((1, 16), number, numpy.float32))
    return {"model_name": model, "inputs": [tensor], "request_id": str(number)}


def number_of(answer):
    """The number that fills an answer; it must be that of its request."""
    (number,) = set(answer.as_numpy("y").ravel().tolist())
    assert number == int(answer.get_response().id)
    return int(number)


async def main():
    async with triton.InferenceServerClient(url.removeprefix("http://")) as client:
        assert await client.is_server_ready() and await client.is_model_ready(model)
        answers = await asyncio.gather(*(client.infer(**request(number)) for number in range(32)))
        assert [number_of(answer) for answer in answers] == list(range(32))
        print("32 requests at once: each got its own answer")

        async def requests():
            for number in range(32):
                yield request(number)

        seen = []
        async for answer, error in client.stream_infer(requests()):
            assert error is None, error
            seen.append(number_of(answer))
        assert sorted(seen) == list(range(32))
        print("a stream of 32: as many answers")


asyncio.run(main())
