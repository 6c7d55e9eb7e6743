// Finds or installs the browser for the browser tests. The tests use an installed Chromium or
// Chrome; the project does not bring one.
import { existsSync } from "node:fs";

import { requireSuccess, runStep } from "./step.mjs";
import { ScriptError, printSuccess } from "./terminal.mjs";
import { commandOutput, which } from "./toolchain.mjs";

const PROGRAMS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const APPLICATIONS = [
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/** Returns the path of the browser, or undefined. The environment variable CHROMIUM overrides it. */
export function findBrowser() {
  const { CHROMIUM } = process.env;
  if (CHROMIUM) return CHROMIUM;
  return PROGRAMS.map(which).find(Boolean) ?? APPLICATIONS.find((path) => existsSync(path));
}

/** Installs Debian's Chromium if there is no browser and the user is root. */
export async function setUpBrowser() {
  if (findBrowser()) return;
  const commands = [
    "apt-get update",
    "apt-get install --yes --no-install-recommends chromium fonts-dejavu-core",
  ];
  if (!which("apt-get") || (await commandOutput("id", "-u")) !== "0") {
    const line = commands.map((command) => `sudo ${command}`).join(" && ");
    const debian = which("apt-get") ? `, on Debian with \`${line}\`` : "";
    throw new ScriptError(
      `Chromium is missing, and the browser tests need it: install it${debian} (or set CHROMIUM to the path of one), then run this again.`,
    );
  }
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  requireSuccess(
    await runStep(
      "chromium",
      "Installing Chromium (about a minute)",
      "sh",
      ["-c", commands.join(" && ")],
      { env },
    ),
    "Debian's package chromium could not be installed",
    "check the network and the package sources",
  );
  printSuccess("Chromium is installed.");
}
