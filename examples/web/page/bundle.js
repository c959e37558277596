// A bundle over HTTP: every file is checked against the sha256 that bundle.json lists.

/**
 * Fetch FOLDER/bundle.json and its graphs: {text, document, graphs: {file: {bytes, externalData}}}.
 *
 * Weights that did not fit into a graph lie beside it, in FILE.data.
 */
export async function fetchBundle(folder) {
  const text = new TextDecoder().decode(await bytes(`${folder}/bundle.json`));
  const document = JSON.parse(text);
  const graphs = {};
  for (const { file } of Object.values(document.graphs)) {
    const fetched = async (name) => {
      const content = await bytes(`${folder}/${name}`);
      await verify(name, content, document.files[name]);
      return content;
    };
    const path = `${file}.data`;
    const externalData = path in document.files ? [{ path, data: await fetched(path) }] : [];
    graphs[file] = { bytes: await fetched(file), externalData };
  }
  return { text, document, graphs };
}

async function bytes(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** Browsers offer digests to pages from https and from localhost alone; elsewhere this passes. */
async function verify(file, content, expected) {
  if (!globalThis.crypto?.subtle) return;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  const found = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (found !== expected) {
    throw new Error(`${file}: the file was changed or cut short (sha256 ${found.slice(0, 12)}...)`);
  }
}
