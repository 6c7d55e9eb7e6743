// Runs one long step of a script and writes its output to a log file.
import { createWriteStream, mkdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { createInterface } from "node:readline";
import { finished } from "node:stream/promises";

import { signalGroup, spawnGroup } from "./process_group.mjs";
import { Progress, ScriptError, stripColours } from "./terminal.mjs";
import { ROOT, TOOLS } from "./toolchain.mjs";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Runs `command` and shows its progress under `title`. The output goes to `.tools/logs/NAME.log`.
 * Returns whether the command succeeded, its duration in seconds and the path of the log.
 */
export async function runStep(
  name,
  title,
  command,
  args,
  { env = process.env, cwd = ROOT, timeout } = {},
) {
  const log = join(TOOLS, "logs", `${name}.log`);
  mkdirSync(dirname(log), { recursive: true });
  const file = createWriteStream(log);
  const progress = new Progress(title);

  const child = spawnGroup(command, args, { cwd, env });
  const timer = timeout && setTimeout(() => signalGroup(child, "SIGTERM"), timeout);
  for (const signal of SIGNALS) process.on(signal, exit);
  const outputs = [child.stdout, child.stderr].map(async (stream) => {
    for await (const line of createInterface({ input: stream })) {
      file.write(`${stripColours(line)}\n`);
      progress.show(stripColours(line));
    }
  });
  const ok = await new Promise((resolve) => {
    child.on("error", (error) => {
      file.write(`${error.message}\n`);
      resolve(false);
    });
    child.on("close", (code) => resolve(code === 0));
  });
  await Promise.all(outputs);
  await finished(file.end());
  for (const signal of SIGNALS) process.off(signal, exit);
  clearTimeout(timer);
  progress.end();
  return { ok, seconds: progress.seconds, log: relative(ROOT, log) };
}

/** Throws an error that names the log file if the step failed. */
export function requireSuccess({ ok, log }, problem, remedy) {
  if (!ok) throw new ScriptError(`${problem}: ${remedy} and read ${log}, then run this again.`);
}

// Node's default handling of a signal skips the "exit" event, and so would leave the step's process
// group running.
function exit() {
  process.exit(1);
}
