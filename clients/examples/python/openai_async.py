"""Embeddings by OpenAI's async client: many callers at once.

    pip install openai numpy
    python openai_async.py http://127.0.0.1:8080 minilm
"""

import asyncio
import sys

import numpy
import openai

url, model = sys.argv[1:3]


async def main():
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none") as client:
        texts = [f"caller number {number}" for number in range(32)]
        answers = await asyncio.gather(*(client.embeddings.create(model=model, input=text) for text in texts))
        alone = numpy.array([answer.data[0].embedding for answer in answers])
        answer = await client.embeddings.create(model=model, input=texts)
        together = numpy.array([one.embedding for one in answer.data])
        print(f"{len(texts)} callers at once: at most {abs(alone - together).max():.1e} from all texts in one call")
        assert numpy.allclose(alone, together, atol=1e-3)


asyncio.run(main())
