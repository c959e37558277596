// One graph in onnxruntime-web, in the form that the WebAssembly module calls (wasm/module.cpp).
import * as ort from "onnxruntime-web/wasm";

// Threads need SharedArrayBuffer, which browsers give to cross-origin isolated pages alone.
ort.env.wasm.numThreads = globalThis.crossOriginIsolated ? navigator.hardwareConcurrency : 1;

/** Open a graph from its bytes and those of the files beside it. */
export async function openSession({ bytes, externalData }) {
  const options = { executionProviders: ["wasm"], externalData };
  const session = await ort.InferenceSession.create(bytes, options);
  return {
    /** inputs: [{name, dims, data}], data being a view of the module's memory. */
    async run(inputs, wanted) {
      try {
        const feeds = {};
        for (const { name, dims, data } of inputs) {
          feeds[name] = new ort.Tensor("float32", data.slice(), dims);
        }
        const outputs = await session.run(feeds, wanted);
        return wanted.map((name) => ({ dims: outputs[name].dims, data: outputs[name].data }));
      } catch (error) {
        return { error: String(error.message ?? error).replace(/\s+/g, " ") };
      }
    },
  };
}
