// Headless Chromium for the browser tests.
import { after } from "node:test";

import { chromium } from "playwright-core";

import { findBrowser } from "../../scripts/browser.mjs";

/**
 * Starts Chromium and closes it after the file's tests. Background networking is off, so the
 * browser only contacts the pages and Workers that the tests serve on this machine.
 */
export async function startBrowser() {
  const executablePath = findBrowser();
  if (!executablePath) throw new Error("Chromium is not installed: run npm test -- browser.");
  const browser = await chromium.launch({
    executablePath,
    // Chromium's sandbox does not work for root, for example in a container.
    chromiumSandbox: process.getuid?.() !== 0,
    args: ["--disable-quic", "--disable-background-networking", "--disable-sync"],
  });
  after(() => browser.close());
  return browser;
}
