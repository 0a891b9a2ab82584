"""Embeddings by OpenAI's own client: every form of input and of answer.

    pip install openai numpy
    python openai_embeddings.py http://127.0.0.1:8080 minilm
"""

import sys

import numpy
import openai

HAPPY = "That is a happy person"
OTHERS = ["That is a happy dog", "That is a very happy person", "Today is a sunny day"]
# What the model's card says of all-MiniLM-L6-v2.
COSINES = [0.695, 0.943, 0.257]
# The tokens of HAPPY, with those that begin and end a text.
TOKENS = [101, 2008, 2003, 1037, 3407, 2711, 102]

url, model = sys.argv[1:3]
client = openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=2)


def close(a, b, within=1e-3):
    return numpy.allclose(a, b, atol=within)


def embed(given, **options):
    """Vectors `[texts, dimensions]`."""
    answer = client.embeddings.create(model=model, input=given, **options)
    assert answer.object == "list" and [one.index for one in answer.data] == list(range(len(answer.data)))
    return numpy.array([one.embedding for one in answer.data], numpy.float32), answer.usage


assert model in {one.id for one in client.models.list()}, "the model is not among those that the server lists"

(happy,), usage = embed(HAPPY)
print(f"one text: {len(happy)} numbers, {usage.prompt_tokens} tokens")
assert len(happy) == 384 and usage.prompt_tokens == usage.total_tokens == len(TOKENS)

others, _ = embed(OTHERS)
cosines = others @ happy
print("likeness:", dict(zip(OTHERS, cosines.round(3).tolist())))
assert close(cosines, COSINES, 2e-3), f"expected {COSINES}"

# The client asks for base64 by itself and decodes it; asked for by name it hands it on.
floats, _ = embed(HAPPY, encoding_format="float")
coded = client.embeddings.create(model=model, input=HAPPY, encoding_format="base64").data[0].embedding
decoded = numpy.frombuffer(__import__("base64").b64decode(coded), numpy.float32) if isinstance(coded, str) else coded
assert close(floats[0], happy, 1e-6) and close(decoded, happy, 1e-6)
print("float and base64: the same numbers")

(of_tokens,), _ = embed(TOKENS)
both, _ = embed([TOKENS, TOKENS])
assert close(of_tokens, happy) and close(both[0], happy) and close(both[1], happy)
print("tokens: as the text")

short, _ = embed(HAPPY, dimensions=128)
assert short.shape == (1, 128) and close(short[0], happy[:128] / numpy.linalg.norm(happy[:128]))
print("dimensions=128: the first of them, of length 1")

many, _ = embed([f"sentence {number} of many" for number in range(300)])
assert many.shape == (300, 384) and close(numpy.linalg.norm(many, axis=1), 1.0)
print("300 texts at once: as many vectors, each of length 1")

for wrong, error in [
    (dict(model="nosuch", input=HAPPY), openai.NotFoundError),
    (dict(model=model, input=[]), openai.BadRequestError),
    (dict(model=model, input=HAPPY, dimensions=100_000), openai.BadRequestError),
]:
    try:
        client.embeddings.create(**wrong)
    except error as refused:
        print(f"refused: {refused.status_code} {refused.code}: {refused.body['message']}")
    else:
        sys.exit(f"{wrong} was not refused")
