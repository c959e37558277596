// Open the page in Chromium, give it photos, print what it found: one JSON object a photo.
//
// build.sh puts it beside the modules that it needs.
//
//   node check.mjs URL CHROMIUM SCREENSHOT|- PHOTO...     "webcam" for a PHOTO: Chromium's fake one
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [url, executablePath, screenshot, ...photos] = process.argv.slice(2);
const profile = await mkdtemp(join(tmpdir(), "surgery-web-"));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath,
  headless: true,
  viewport: { width: 1100, height: 760 },
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
  ],
});
try {
  const page = await browser.newPage();
  page.on("pageerror", (error) => console.error(`page: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error") console.error(`page: ${message.text()}`);
  });
  page.on("dialog", (dialog) => dialog.dismiss());
  await page.goto(url);
  await page.evaluate(() => globalThis.surgery.ready);
  let done = 0;
  for (const photo of photos) {
    if (photo === "webcam") await page.click("#webcam");
    else await page.setInputFiles("#photo", photo);
    done += 1;
    await page.waitForFunction(
      (count) => document.querySelector("#runs").dataset.count >= count
        || document.querySelector("#status.error"),
      done,
    );
    const error = page.locator("#status.error");
    if (await error.count()) throw new Error(await error.textContent());
    const json = await page.textContent("#json");
    console.log(JSON.stringify({ image: photo, instances: JSON.parse(json) }));
  }
  if (screenshot !== "-") await page.screenshot({ path: screenshot });
} finally {
  await browser.close();
  await rm(profile, { recursive: true, force: true });
}
