// Opens an ONNX file in onnxruntime-web under Node.js and runs it for the process on standard input.
// One JSON line per message; tensors travel in base64. The first line is {path, threads}.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

const require = createRequire(join(process.cwd(), "index.js"));
const ort = require("onnxruntime-web");
const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int32: Int32Array,
  int64: BigInt64Array,
  bool: Uint8Array,
};

function decode({ dtype, shape, data }) {
  const bytes = Buffer.from(data, "base64");
  const Kind = arrays[dtype];
  const copy = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  return new ort.Tensor(dtype, new Kind(copy), shape);
}

function encode(tensor) {
  const { buffer, byteOffset, byteLength } = tensor.data;
  return {
    dtype: tensor.type,
    shape: tensor.dims,
    data: Buffer.from(buffer, byteOffset, byteLength).toString("base64"),
  };
}

let session = null;

async function answer(message) {
  if (message.path) {
    ort.env.wasm.numThreads = message.threads;
    ort.env.logLevel = "error";
    const model = new Uint8Array(await readFile(message.path));
    session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
    return { ready: true };
  }
  const feeds = Object.fromEntries(
    Object.entries(message.feeds).map(([name, tensor]) => [name, decode(tensor)]),
  );
  const seconds = [];
  let outputs = {};
  for (let run = 0; run < message.runs; run += 1) {
    const start = performance.now();
    outputs = await session.run(feeds);
    seconds.push((performance.now() - start) / 1000);
  }
  const tensors = Object.entries(outputs).map(([name, tensor]) => [name, encode(tensor)]);
  return { seconds, outputs: Object.fromEntries(tensors) };
}

for await (const line of createInterface({ input: process.stdin })) {
  let reply;
  try {
    reply = await answer(JSON.parse(line));
  } catch (error) {
    reply = { error: String(error.message ?? error) };
  }
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
process.exit(0);
