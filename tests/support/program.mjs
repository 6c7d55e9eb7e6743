// Runs a program as a child process, with access to its output and its descendant processes.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";

import { ROOT } from "../../scripts/toolchain.mjs";

/** A running program. It has its own process group, like a command in a terminal. */
export class Program {
  #notify = () => {};
  #hasExited = false;
  /** Everything written to standard output and standard error. */
  output = "";
  /** Everything written to standard output. */
  stdout = "";

  constructor(t, command, args, { env = {}, cwd = ROOT, input } = {}) {
    this.process = spawn(command, args, {
      cwd,
      detached: true,
      stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    // The program may exit before it has read everything.
    this.process.stdin?.on("error", () => {}).end(input);
    for (const name of ["stdout", "stderr"]) {
      this.process[name].setEncoding("utf8").on("data", (text) => {
        this.output += text;
        if (name === "stdout") this.stdout += text;
        this.#notify();
      });
    }
    this.exit = once(this.process, "close").then(([code]) => {
      this.#hasExited = true;
      this.#notify();
      return code;
    });
    t.after(() => this.signalGroup("SIGKILL"));
  }

  /** Waits until the output matches `pattern` and returns the match. */
  async waitForOutput(pattern) {
    for (;;) {
      const match = this.output.match(pattern);
      if (match) return match;
      assert.ok(!this.#hasExited, `exited before the output matched ${pattern}:\n${this.output}`);
      await new Promise((resolve) => (this.#notify = resolve));
    }
  }

  /** Waits until a process in the tree has `word` in its command, and returns the tree. */
  async waitForProcess(word) {
    for (;;) {
      const tree = this.processTree();
      if (tree.some(({ args }) => args.includes(word))) return tree;
      assert.ok(!this.#hasExited, `exited before it started ${word}:\n${this.output}`);
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

  /** Returns the program's process and all its descendants. */
  processTree() {
    const all = runningProcesses();
    const tree = all.filter(({ pid }) => pid === this.process.pid);
    // The loop also visits the children that it appends.
    for (const { pid } of tree) tree.push(...all.filter(({ ppid }) => ppid === pid));
    return tree;
  }
}

function runningProcesses() {
  const table = execFileSync("ps", ["-A", "-o", "pid=,ppid=,stat=,args="], { encoding: "utf8" });
  return table
    .trim()
    .split("\n")
    .map((line) => line.trim().match(/^(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/))
    .filter((match) => match && !match[3].startsWith("Z"))
    .map(([, pid, ppid, , args]) => ({ pid: Number(pid), ppid: Number(ppid), args }));
}

/** Asserts that all of these processes exit within ten seconds. */
export async function assertExited(processes) {
  const running = () =>
    runningProcesses().filter(({ pid, args }) =>
      processes.some((process) => process.pid === pid && process.args === args),
    );
  for (let waited = 0; running().length > 0 && waited < 10_000; waited += 50) await delay(50);
  assert.deepEqual(running(), []);
}
