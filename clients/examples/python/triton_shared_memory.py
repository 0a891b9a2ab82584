"""Tensors that are never sent: Triton's clients and system shared memory, by HTTP and by gRPC.

The server takes it with `shared_memory = true` in `[server]`, from callers on its own machine.

    pip install "tritonclient[grpc,http]" numpy
    python triton_shared_memory.py http://127.0.0.1:8080 identity
"""

import os
import sys

import numpy
import tritonclient.grpc
import tritonclient.http
import tritonclient.utils.shared_memory as memory

url, model = sys.argv[1:3]
numbers = numpy.random.default_rng(7).normal(size=(1, 1_228_800)).astype(numpy.float32)


def ask(client, kind):
    """Sends `numbers` through one region and gets them back through another."""
    names = [f"samovar_example_{what}_{os.getpid()}" for what in ("in", "out")]
    regions = [memory.create_shared_memory_region(name, f"/{name}", numbers.nbytes) for name in names]
    try:
        memory.set_shared_memory_region(regions[0], [numbers])
        for name in names:
            client.register_system_shared_memory(name, f"/{name}", numbers.nbytes)
        tensor = kind.InferInput("x", numbers.shape, "FP32")
        tensor.set_shared_memory(names[0], numbers.nbytes)
        output = kind.InferRequestedOutput("y")
        output.set_shared_memory(names[1], numbers.nbytes)
        for _ in range(3):
            client.infer(model, [tensor], outputs=[output])
        assert numpy.array_equal(memory.get_contents_as_numpy(regions[1], numpy.float32, numbers.shape), numbers)
        for name in names:
            client.unregister_system_shared_memory(name)
    finally:
        for region in regions:
            memory.destroy_shared_memory_region(region)
    print(f"{kind.__name__}: {numbers.nbytes} bytes there and back, bit for bit the same")


address = url.removeprefix("http://")
ask(tritonclient.http.InferenceServerClient(address), tritonclient.http)
ask(tritonclient.grpc.InferenceServerClient(address), tritonclient.grpc)
