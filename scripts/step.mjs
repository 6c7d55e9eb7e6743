// Runs one long step of a script. All that it prints goes to a log file.
import { createWriteStream, mkdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { createInterface } from "node:readline";
import { finished } from "node:stream/promises";

import { signalGroup, spawnGroup } from "./group.mjs";
import { Fault, Progress, plain } from "./terminal.mjs";
import { ROOT, TOOLS } from "./toolchain.mjs";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Runs `command` under `title` and gives whether it succeeded, how long it took, and where its
 * output is. `name` names the log file.
 */
export async function step(
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
  for (const signal of SIGNALS) process.on(signal, leave);
  const outputs = [child.stdout, child.stderr].map(async (stream) => {
    for await (const line of createInterface({ input: stream })) {
      file.write(`${plain(line)}\n`);
      progress.show(plain(line));
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
  for (const signal of SIGNALS) process.off(signal, leave);
  clearTimeout(timer);
  progress.end();
  return { ok, seconds: progress.seconds, log: relative(ROOT, log) };
}

/** Ends the script with one sentence when a step has failed. */
export function demand({ ok, log }, complaint, mend) {
  if (!ok) throw new Fault(`${complaint}: ${mend} and read ${log}, then run this again.`);
}

// The step's group ends with this process, but only with an end that this process notices.
function leave() {
  process.exit(1);
}
