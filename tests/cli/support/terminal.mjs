// Runs the command line on a terminal.
import { spawnSync } from "node:child_process";

import { AUDIENCE } from "../../support/issuer.mjs";
import { Program } from "../../support/program.mjs";
import { BINARY } from "./cli.mjs";

/** The reason to skip tests that need a terminal: only script of util-linux has the options used. */
export const noTerminal =
  !/util-linux/.test(spawnSync("script", ["--version"], { encoding: "utf8" }).stdout) &&
  "script of util-linux is not installed";

/** Runs the command line on a terminal with this input, and returns its exit code and output. */
export async function runOnTerminal(t, args, { input = "" } = {}) {
  const quoted = [BINARY, ...args].map((word) => `'${word}'`).join(" ");
  const env = { SESSION_EVENTS_AUDIENCE: AUDIENCE, TERM: "xterm", NO_COLOR: "" };
  const options = { env, input };
  const program = new Program(t, "script", ["-qec", quoted, "/dev/null"], options);
  const code = await program.exit;
  return { code, output: program.stdout.replaceAll("\r", "") };
}

export const withoutStyles = (text) => text.replaceAll(/\u001b\[[\d;]*m/g, "");
