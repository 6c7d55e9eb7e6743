// Headless Chromium, the one that the machine has.
import { after } from "node:test";

import { chromium } from "playwright-core";

import { findBrowser } from "../../scripts/browser.mjs";

/**
 * Starts the browser; it ends when the file's tests are done. It talks to nobody but the pages
 * and workers that the tests serve on this machine.
 */
export async function startBrowser() {
  const executablePath = findBrowser();
  if (!executablePath) throw new Error("There is no Chromium: npm test -- browser installs it.");
  const browser = await chromium.launch({
    executablePath,
    // Root, as in a container, has no sandbox to run Chromium in.
    chromiumSandbox: process.getuid?.() !== 0,
    args: ["--disable-quic", "--disable-background-networking", "--disable-sync"],
  });
  after(() => browser.close());
  return browser;
}
