// A program as a user runs it, and all that it has started.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";

import { ROOT } from "../../scripts/toolchain.mjs";

/** A program whose output can be awaited. It is a group, like a command in a terminal. */
export class Program {
  #arrival = () => {};
  #ended = false;
  /** All that it has written, and what of that went to standard output. */
  output = "";
  stdout = "";

  constructor(t, command, args, { env = {}, cwd = ROOT, input } = {}) {
    this.process = spawn(command, args, {
      cwd,
      detached: true,
      stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    if (input !== undefined) this.process.stdin.end(input);
    for (const name of ["stdout", "stderr"]) {
      this.process[name].setEncoding("utf8").on("data", (text) => {
        this.output += text;
        if (name === "stdout") this.stdout += text;
        this.#arrival();
      });
    }
    this.exit = once(this.process, "close").then(([code]) => {
      this.#ended = true;
      this.#arrival();
      return code;
    });
    t.after(() => this.signalGroup("SIGKILL"));
  }

  /** What `pattern` finds in the output as soon as it finds something. */
  async shows(pattern) {
    for (;;) {
      const match = this.output.match(pattern);
      if (match) return match;
      assert.ok(!this.#ended, `it ended before it showed ${pattern}:\n${this.output}`);
      await new Promise((resolve) => (this.#arrival = resolve));
    }
  }

  /** The family, as soon as one in it has `word` in its command. */
  async starts(word) {
    for (;;) {
      const family = this.family();
      if (family.some(({ args }) => args.includes(word))) return family;
      assert.ok(!this.#ended, `it ended before it started ${word}:\n${this.output}`);
      await delay(20);
    }
  }

  signalGroup(signal) {
    try {
      process.kill(-this.process.pid, signal);
    } catch (error) {
      if (error.code !== "ESRCH") throw error;
    }
  }

  /** The program's process and all that have come from it. */
  family() {
    const all = processes();
    const family = all.filter(({ pid }) => pid === this.process.pid);
    // Grows while it is gone through, until nobody in it has a child that is not.
    for (const { pid } of family) family.push(...all.filter(({ ppid }) => ppid === pid));
    return family;
  }
}

function processes() {
  const table = execFileSync("ps", ["-A", "-o", "pid=,ppid=,stat=,args="], { encoding: "utf8" });
  return table
    .trim()
    .split("\n")
    .map((line) => line.trim().match(/^(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/))
    .filter((match) => match && !match[3].startsWith("Z"))
    .map(([, pid, ppid, , args]) => ({ pid: Number(pid), ppid: Number(ppid), args }));
}

/** Waits until none of `family` lives; it is a failure when one still does after ten seconds. */
export async function assertGone(family) {
  const living = () =>
    processes().filter(({ pid, args }) =>
      family.some((one) => one.pid === pid && one.args === args),
    );
  for (let waited = 0; living().length > 0 && waited < 10_000; waited += 50) await delay(50);
  assert.deepEqual(living(), []);
}
