// Embeddings by OpenAI's own client for JavaScript: every form of input and of answer.
//
//     npm install openai
//     node embeddings.cjs http://127.0.0.1:8080 minilm

const assert = require("node:assert/strict");
const { OpenAI, NotFoundError } = require("openai");

const [url, model] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none" });

const happy = "That is a happy person";
const others = ["That is a happy dog", "That is a very happy person", "Today is a sunny day"];
// What the model's card says of all-MiniLM-L6-v2.
const cosines = [0.695, 0.943, 0.257];
// The tokens of `happy`, with those that begin and end a text.
const tokens = [101, 2008, 2003, 1037, 3407, 2711, 102];

const dot = (a, b) => a.reduce((sum, value, at) => sum + value * b[at], 0);
const near = (a, b, within) => assert.ok(Math.abs(a - b) < within, `${a} is not ${b}`);

async function embed(input, options = {}) {
  const answer = await client.embeddings.create({ model, input, ...options });
  assert.deepEqual(answer.data.map((one) => one.index), answer.data.map((_, at) => at));
  return { vectors: answer.data.map((one) => one.embedding), usage: answer.usage };
}

async function main() {
  const names = [];
  for await (const one of client.models.list()) names.push(one.id);
  assert.ok(names.includes(model), "the model is not among those that the server lists");

  const { vectors: [one], usage } = await embed(happy);
  console.log(`one text: ${one.length} numbers, ${usage.prompt_tokens} tokens`);
  assert.equal(one.length, 384);
  assert.equal(usage.total_tokens, tokens.length);

  const { vectors } = await embed(others);
  const found = vectors.map((vector) => dot(vector, one));
  console.log("likeness:", found.map((value) => value.toFixed(3)).join(", "));
  found.forEach((value, at) => near(value, cosines[at], 2e-3));

  // The client asks for base64 by itself and decodes it; asked for by name it comes as numbers or as it is.
  const floats = (await embed(happy, { encoding_format: "float" })).vectors[0];
  near(dot(floats, one), 1, 1e-5);
  const coded = (await embed(happy, { encoding_format: "base64" })).vectors[0];
  const bytes = typeof coded === "string" ? Buffer.from(coded, "base64") : null;
  const decoded = bytes ? [...new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))] : coded;
  near(dot(decoded, one), 1, 1e-5);
  console.log("float and base64: the same numbers");

  for (const vector of [...(await embed(tokens)).vectors, ...(await embed([tokens, tokens])).vectors]) near(dot(vector, one), 1, 1e-3);
  console.log("tokens: as the text");

  const short = (await embed(happy, { dimensions: 128 })).vectors[0];
  assert.equal(short.length, 128);
  near(dot(short, short), 1, 1e-4);
  console.log("dimensions: 128: of length 1");

  await assert.rejects(client.embeddings.create({ model: "nosuch", input: happy }), (error) => {
    console.log(`refused: ${error.status} ${error.code}`);
    return error instanceof NotFoundError;
  });
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
