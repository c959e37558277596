// The page: a photo or the webcam, its objects drawn, the latency of each stage.
import { drawResult } from "./draw.js";
import { loadRuntime } from "./runtime.js";

const KEPT_RUNS = 50; // the median is over that many runs at most
const element = (id) => document.getElementById(id);
const history = {};
let runtime;
let shown; // the last {image, result}
let camera = false;
let runs = 0;

async function start() {
  // index.html?bundle=FOLDER
  const folder = new URLSearchParams(location.search).get("bundle") ?? "bundle";
  runtime = await loadRuntime(folder);
  say(`Ready: ${runtime.document.model.name}. Choose a photo, or drop one here.`);
}

async function process(image) {
  const result = await runtime.run(image);
  const before = performance.now();
  shown = { image, result };
  draw();
  result.latency.draw = performance.now() - before;
  element("json").textContent = JSON.stringify(result.instances, null, 1);
  showLatency(result.latency);
  return result;
}

function draw() {
  const least = Number(element("least").value);
  element("least-value").value = least.toFixed(2);
  if (!shown) return;
  const skeleton = runtime.document.skeleton;
  const { instances, warnings } = shown.result;
  drawResult(element("canvas"), shown.image, instances, skeleton, least);
  const drawn = instances.filter((instance) => instance.score >= least).length;
  say([`${drawn} of ${instances.length} instances have that score`, ...warnings].join("; "));
}

function showLatency(latency) {
  const total = Object.values(latency).reduce((sum, ms) => sum + ms, 0);
  const rows = Object.entries({ ...latency, total }).map(([stage, ms]) => {
    const past = (history[stage] = [...(history[stage] ?? []), ms].slice(-KEPT_RUNS));
    const median = past.toSorted((a, b) => a - b)[Math.floor(past.length / 2)];
    const row = document.createElement("tr");
    row.append(...[stage, ms.toFixed(1), median.toFixed(1)].map(cell));
    return row;
  });
  element("latency").replaceChildren(...rows);
  runs += 1;
  element("runs").textContent = `${runs} runs`;
  element("runs").dataset.count = runs;
}

function cell(text) {
  const td = document.createElement("td");
  td.textContent = text;
  return td;
}

function pixels(source, width, height) {
  const canvas = new OffscreenCanvas(width, height);
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.drawImage(source, 0, 0);
  return pen.getImageData(0, 0, width, height);
}

/** Pixel values as the file holds them, turned upright as its EXIF entry says. */
async function decoded(file) {
  const bitmap = await createImageBitmap(file, {
    colorSpaceConversion: "none",
    imageOrientation: "from-image",
  });
  return pixels(bitmap, bitmap.width, bitmap.height);
}

async function photo(file) {
  camera = false;
  return process(await decoded(file));
}

async function webcam() {
  const video = element("video");
  video.srcObject = await navigator.mediaDevices.getUserMedia({ video: true });
  await video.play();
  for (camera = true; camera; await new Promise(requestAnimationFrame)) {
    await process(pixels(video, video.videoWidth, video.videoHeight));
  }
  video.srcObject.getTracks().forEach((track) => track.stop());
}

function say(text, isError = false) {
  element("status").textContent = text;
  element("status").classList.toggle("error", isError);
}

/** Run an action; what goes wrong becomes one line on the page. */
async function guarded(action) {
  try {
    return await action();
  } catch (error) {
    say(error.message, true);
    throw error;
  }
}

element("photo").addEventListener("change", (event) => {
  const [file] = event.target.files;
  event.target.value = ""; // so that the same file can be chosen again
  if (file) guarded(() => photo(file));
});
element("webcam").addEventListener("click", () => {
  if (camera) camera = false;
  else guarded(webcam);
});
element("least").addEventListener("input", draw);
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  guarded(() => photo(event.dataTransfer.files[0]));
});

globalThis.surgery = { ready: guarded(start) }; // what check.mjs waits for
