// A bundle, loaded: ImageData in, instances in its pixels out.
import createModule from "./surgery.js";
import { fetchBundle } from "./bundle.js";
import { openSession } from "./session.js";

/** Load the bundle in a folder; throws an Error of one line. */
export async function loadRuntime(folder) {
  const bundle = await fetchBundle(folder);
  const sessions = {};
  for (const [file, graph] of Object.entries(bundle.graphs)) {
    sessions[file] = await openSession(graph);
  }
  const runtime = new (await createModule()).WebRuntime();
  answer(runtime.load(bundle.text, sessions));
  return {
    document: bundle.document,
    /** {instances, latency: {stage: ms}, warnings}; one call at a time. */
    async run(image) {
      return answer(await runtime.run(image.data, image.height, image.width));
    },
  };
}

function answer(text) {
  const value = JSON.parse(text);
  if (value.error) throw new Error(value.error);
  return value;
}
