// `npm start` as a user runs it: the events arrive, the lines to paste work, and whatever way
// it ends, nothing that it started is left.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

import { ROOT } from "../scripts/toolchain.mjs";
import { Program, assertExited } from "./support/program.mjs";

// The first build of a checkout takes its time.
const PATIENCE = 300_000;

test(
  "npm start shows events arriving and lines that work, and Ctrl-C leaves nothing behind",
  { timeout: PATIENCE },
  async (t) => {
    const start = new Program(t, "npm", ["start"]);
    for (const type of ["logout", "password_changed", "user_blocked"])
      await start.waitForOutput(new RegExp(`^{"id":.*"type":"${type}"`, "m"));
    assert.match(
      (await start.waitForOutput(/got the answer (.*)/))[1],
      /"received":4,"events":3,"duplicates":0,"ignored":1,"malformed":0/,
    );
    await start.waitForOutput(/Ctrl-C ends/);

    const lines = [...start.output.matchAll(/^  ((?:export|curl|node_modules|npm).*)$/gm)].map(
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
      JSON.parse(paste(lines.find((line) => line.match(/^curl (\S+)/)?.[1].endsWith(path))));

    assert.equal(typeof answer("/").version, "string");
    assert.equal(answer("/acme@us/_debug").tenant_domain, "acme.us.auth0.com");
    assert.equal(answer("/acme@us/api/_debug").tenant_domain, "acme.us.auth0.com");
    assert.equal(typeof answer("/oauth/token").access_token, "string");

    const listener = new Program(t, "sh", [
      "-c",
      [...exported, lines.find((line) => line.startsWith("node_modules"))].join("\n"),
    ]);
    await listener.waitForOutput(/"type":"authenticated"/);
    assert.equal(answer("/acme@us/api/listeners").count, 2);
    assert.equal(answer("/acme@us/api/publish").events, 1);
    for (const program of [start, listener])
      await program.waitForOutput(/"type":"logout".*"user_id":"auth0\|jane"/);
    assert.equal(answer("/acme@us/api/events").events[0].user_id, "auth0|jane");

    const [page] = await start.waitForOutput(/http:\S+\/console#issuer=\S+/);
    assert.match(await (await fetch(page)).text(), /<title>session-events<\/title>/);
    const doctor = paste(lines.find((line) => line.includes("cli -- doctor")));
    assert.doesNotMatch(doctor, /"status":"bad"/);
    assert.match(doctor, /"check":"access","status":"good"/);
    assert.equal(answer("/auth0%7C6182002f34f4dd006b05b5c7").blocked, true);
    const [{ id, type }] = answer("/acme@us/api/events").events;
    assert.equal(type, "user_blocked");
    await listener.waitForOutput(new RegExp(`"id":"${id}"`));

    const family = start.processTree();
    assert.ok(
      family.some(({ args }) => args.includes("workerd")),
      "the runtime is among what must end",
    );
    start.signalGroup("SIGINT");
    await start.exit;
    await assertExited(family);
  },
);

test(
  "npm start that is told to end while it builds leaves nothing behind",
  { timeout: PATIENCE },
  async (t) => {
    const start = new Program(t, "npm", ["start"]);
    const family = await start.waitForProcess("worker-build");
    // npm alone gets the signal, as from a process manager.
    start.process.kill("SIGTERM");
    await start.exit;
    await assertExited(family);
  },
);

test(
  "npm start serves again at once after it was ended, however often",
  { timeout: PATIENCE },
  async (t) => {
    // The worker remembers the issuer's keys, which are others each time, and does not ask for
    // them as often as this.
    for (let times = 0; times < 3; times += 1) {
      const start = new Program(t, "npm", ["start"]);
      await start.waitForOutput(/Ctrl-C ends/);
      start.signalGroup("SIGINT");
      await start.exit;
    }
  },
);
