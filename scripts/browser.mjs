// The browser in which the pages are tested. It is the system's, not one of the project's own:
// any Chromium or Chrome will do.
import { existsSync } from "node:fs";

import { demand, step } from "./step.mjs";
import { Fault, done } from "./terminal.mjs";
import { ask, which } from "./toolchain.mjs";

const PROGRAMS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const APPLICATIONS = [
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/** The browser's program; `CHROMIUM` in the environment names one that is not found by itself. */
export function findBrowser() {
  const { CHROMIUM } = process.env;
  if (CHROMIUM) return CHROMIUM;
  return PROGRAMS.map(which).find(Boolean) ?? APPLICATIONS.find((path) => existsSync(path));
}

/** Sees to it that there is a browser; Debian's is installed where that takes no password. */
export async function setUpBrowser() {
  if (findBrowser()) return false;
  const commands = [
    "apt-get update",
    "apt-get install --yes --no-install-recommends chromium fonts-dejavu-core",
  ];
  if (!which("apt-get") || (await ask("id", "-u")) !== "0") {
    const line = commands.map((command) => `sudo ${command}`).join(" && ");
    const debian = which("apt-get") ? `, on Debian with \`${line}\`` : "";
    throw new Fault(
      `Chromium is missing, in which the pages are tested: install it${debian} (or name one in CHROMIUM), then run this again.`,
    );
  }
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  demand(
    await step(
      "chromium",
      "Installing Chromium (about a minute)",
      "sh",
      ["-c", commands.join(" && ")],
      { env },
    ),
    "Debian's package chromium could not be installed",
    "check the network and the package sources",
  );
  return done("Chromium is installed.");
}
