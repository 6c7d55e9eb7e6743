// `npm start` as a user runs it: the events arrive, the lines to paste work, and whatever way
// it ends, nothing that it started is left.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import { ROOT } from "../scripts/toolchain.mjs";

// The first build of a checkout takes its time.
const PATIENCE = 300_000;

/** A program whose output can be awaited. It is a group, like a command in a terminal. */
class Program {
  #arrival = () => {};

  constructor(t, command, args, env = {}) {
    this.output = "";
    this.process = spawn(command, args, {
      cwd: ROOT,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        this.output += text;
        this.#arrival();
      });
    }
    this.exit = once(this.process, "exit").finally(() => this.#arrival());
    t.after(() => this.signalGroup("SIGKILL"));
  }

  /** What `pattern` finds in the output as soon as it finds something. */
  async shows(pattern) {
    for (;;) {
      const match = this.output.match(pattern);
      if (match) return match;
      const { exitCode, signalCode } = this.process;
      assert.ok(
        exitCode === null && signalCode === null,
        `it ended before it showed ${pattern}:\n${this.output}`,
      );
      await new Promise((resolve) => (this.#arrival = resolve));
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
async function assertGone(family) {
  const living = () =>
    processes().filter(({ pid, args }) =>
      family.some((one) => one.pid === pid && one.args === args),
    );
  for (let waited = 0; living().length > 0 && waited < 10_000; waited += 50) await delay(50);
  assert.deepEqual(living(), []);
}

test(
  "npm start shows events arriving and lines that work, and Ctrl-C leaves nothing behind",
  { timeout: PATIENCE },
  async (t) => {
    const start = new Program(t, "npm", ["start"]);
    for (const type of ["logout", "password_changed", "user_blocked"])
      await start.shows(new RegExp(`^{"id":.*"type":"${type}"`, "m"));
    assert.match(
      (await start.shows(/got the answer (.*)/))[1],
      /"received":4,"events":3,"duplicates":0,"ignored":1,"malformed":0/,
    );
    await start.shows(/Ctrl-C ends/);

    const lines = [...start.output.matchAll(/^  ((?:export|curl|node_modules).*)$/gm)].map(
      ([, line]) => line,
    );
    const exported = lines.filter((line) => line.startsWith("export"));
    const paste = (line) =>
      execFileSync("sh", ["-c", [...exported, line].join("\n")], {
        cwd: ROOT,
        encoding: "utf8",
        stdio: "pipe",
      });
    const answer = (path) =>
      JSON.parse(
        paste(lines.find((line) => line.startsWith("curl") && line.split(" ")[1].endsWith(path))),
      );

    assert.equal(typeof answer("/").version, "string");
    assert.equal(answer("/acme@us/_debug").tenant_domain, "acme.us.auth0.com");
    assert.equal(answer("/acme@us/api/_debug").tenant_domain, "acme.us.auth0.com");
    assert.equal(typeof answer("/oauth/token").access_token, "string");

    const listener = new Program(t, "sh", [
      "-c",
      [...exported, lines.find((line) => line.startsWith("node_modules"))].join("\n"),
    ]);
    await listener.shows(/"type":"authenticated"/);
    assert.equal(answer("/acme@us/api/listeners").count, 2);
    assert.equal(answer("/acme@us/api/publish").events, 1);
    for (const program of [start, listener])
      await program.shows(/"type":"logout".*"user_id":"auth0\|jane"/);
    assert.equal(answer("/acme@us/api/events").events[0].user_id, "auth0|jane");

    const family = start.family();
    assert.ok(
      family.some(({ args }) => args.includes("workerd")),
      "the runtime is among what must end",
    );
    start.signalGroup("SIGINT");
    await start.exit;
    await assertGone(family);
  },
);

test(
  "npm start that is told to end while it builds leaves nothing behind",
  { timeout: PATIENCE },
  async (t) => {
    const start = new Program(t, "npm", ["start"]);
    let family;
    do {
      await delay(20);
      family = start.family();
    } while (!family.some(({ args }) => args.includes("worker-build")));
    // npm alone gets the signal, as from a process manager.
    start.process.kill("SIGTERM");
    await start.exit;
    await assertGone(family);
  },
);
