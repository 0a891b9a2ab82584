"""Tensors by Triton's HTTP client for event loops.

    pip install "tritonclient[http]" numpy
    python triton_http_async.py http://127.0.0.1:8080 identity
"""

import asyncio
import sys

import numpy
import tritonclient.http.aio as triton

url, model = sys.argv[1:3]


async def main():
    async with triton.InferenceServerClient(url.removeprefix("http://")) as client:
        assert await client.is_server_live() and await client.is_model_ready(model)

        async def ask(number):
            numbers = numpy.full((1, 16), number, numpy.float32)
            tensor = triton.InferInput("x", numbers.shape, "FP32")
            tensor.set_data_from_numpy(numbers)
            answer = await client.infer(model, [tensor])
            return numpy.array_equal(answer.as_numpy("y"), numbers)

        same = await asyncio.gather(*(ask(number) for number in range(32)))
        print(f"{sum(same)} of {len(same)} came back bit for bit the same")
        assert all(same)


asyncio.run(main())
