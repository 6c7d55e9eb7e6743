// `npm start`, run as a process: it prints events and commands that work, and it leaves no process
// behind however it ends.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

import { ROOT } from "../scripts/toolchain.mjs";
import { Program, assertExited } from "./support/program.mjs";

// The first build of a checkout takes several minutes.
const TIMEOUT_MS = 300_000;

test(
  "npm start prints the received events and working commands, and Ctrl-C ends all of its processes",
  { timeout: TIMEOUT_MS },
  async (t) => {
    const start = new Program(t, "npm", ["start"]);
    for (const type of ["logout", "password_changed", "user_blocked"])
      await start.waitForOutput(new RegExp(`^{"id":.*"type":"${type}"`, "m"));
    assert.match(
      (await start.waitForOutput(/responded to the log stream: (.*)/))[1],
      /"received":4,"events":3,"duplicates":0,"ignored":1,"malformed":0/,
    );
    await start.waitForOutput(/Ctrl-C ends/);

    const lines = [...start.output.matchAll(/^  ((?:export|curl|node_modules|npm).*)$/gm)].map(
      ([, line]) => line,
    );
    const exported = lines.filter((line) => line.startsWith("export"));
    const runCommand = (line) =>
      execFileSync("sh", ["-c", [...exported, line].join("\n")], {
        cwd: ROOT,
        encoding: "utf8",
        stdio: "pipe",
      });
    /** Runs the printed curl command whose URL ends in `path` and returns the response. */
    const curl = (path) =>
      JSON.parse(runCommand(lines.find((line) => line.match(/^curl (\S+)/)?.[1].endsWith(path))));

    assert.equal(typeof curl("/").version, "string");
    assert.equal(curl("/acme@us/_debug").tenant_domain, "acme.us.auth0.com");
    assert.equal(curl("/acme@us/api/_debug").tenant_domain, "acme.us.auth0.com");
    assert.equal(typeof curl("/oauth/token").access_token, "string");

    const subscriber = new Program(t, "sh", [
      "-c",
      [...exported, lines.find((line) => line.startsWith("node_modules"))].join("\n"),
    ]);
    await subscriber.waitForOutput(/"type":"authenticated"/);
    assert.equal(curl("/acme@us/api/listeners").count, 2);
    assert.equal(curl("/acme@us/api/publish").events, 1);
    for (const program of [start, subscriber])
      await program.waitForOutput(/"type":"logout".*"user_id":"auth0\|jane"/);
    assert.equal(curl("/acme@us/api/events").events[0].user_id, "auth0|jane");

    const [page] = await start.waitForOutput(/http:\S+\/console#issuer=\S+/);
    assert.match(await (await fetch(page)).text(), /<title>session-events<\/title>/);
    const doctor = runCommand(lines.find((line) => line.includes("cli -- doctor")));
    assert.doesNotMatch(doctor, /"status":"failed"/);
    assert.match(doctor, /"check":"access","status":"passed"/);
    assert.equal(curl("/auth0%7C6182002f34f4dd006b05b5c7").blocked, true);
    const [{ id, type }] = curl("/acme@us/api/events").events;
    assert.equal(type, "user_blocked");
    await subscriber.waitForOutput(new RegExp(`"id":"${id}"`));

    const family = start.processTree();
    assert.ok(
      family.some(({ args }) => args.includes("workerd")),
      "workerd is one of the processes",
    );
    start.signalGroup("SIGINT");
    await start.exit;
    await assertExited(family);
  },
);

test(
  "npm start ends all of its processes if it is stopped during the build",
  { timeout: TIMEOUT_MS },
  async (t) => {
    const start = new Program(t, "npm", ["start"]);
    const family = await start.waitForProcess("worker-build");
    // Only npm receives the signal, as from a process manager.
    start.process.kill("SIGTERM");
    await start.exit;
    await assertExited(family);
  },
);

test(
  "npm start can be restarted immediately, several times in a row",
  { timeout: TIMEOUT_MS },
  async (t) => {
    // The issuer has new keys in each run, and the Worker refreshes a cached key set less often than
    // this test restarts.
    for (let run = 0; run < 3; run += 1) {
      const start = new Program(t, "npm", ["start"]);
      await start.waitForOutput(/Ctrl-C ends/);
      start.signalGroup("SIGINT");
      await start.exit;
    }
  },
);
