// Runs `session-events events` and `listeners` against a Worker, and tests general behavior of the
// program.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { eventOf, scp, slo } from "../support/records.mjs";
import { jsonLines, runCli, startIssuerServer, startWorkerFor } from "./support/cli.mjs";

const issuerServer = await startIssuerServer();
const { newTenant } = await startWorkerFor(issuerServer);

describe("events and listeners", { concurrency: true }, () => {
  test("are printed one per line, exactly as the Worker sends them", async (t) => {
    const { tenant, allArgs } = newTenant();
    const none = await runCli(t, ["events", ...allArgs]);
    assert.deepEqual([none.code, none.stdout], [0, ""]);
    const records = [slo(), scp()];
    await tenant.publish(...records);
    const events = await runCli(t, ["events", ...allArgs]);
    assert.equal(events.code, 0, events.output);
    assert.deepEqual(jsonLines(events.stdout), records.map(eventOf).reverse());
    assert.equal(events.output, events.stdout, "nothing is written to standard error");

    await tenant.subscribe({ sub: "auth0|jane", scope: "listen:events:self" });
    await tenant.connect();
    const listeners = await runCli(t, ["listeners", ...allArgs]);
    assert.deepEqual(jsonLines(listeners.stdout), (await tenant.listeners()).connections);
  });

  test("require the permission listen:events, and print the Worker's error description", async (t) => {
    const { tenant, workerArgs } = newTenant();
    for (const command of ["events", "listeners"]) {
      const token = tenant.token({ scope: "listen:events:self" });
      const { code, stdout, output } = await runCli(t, [command, ...workerArgs, "--token", token]);
      assert.equal(code, 1);
      assert.equal(stdout, "");
      assert.match(output, /^error: 403 insufficient_scope: .*listen:events/);
      assert.ok(!output.includes(token));
    }
  });
});

test("an unreachable Worker results in an error with its URL and advice", async (t) => {
  const url = "http://127.0.0.1:1";
  const args = ["--url", url, "--tenant", "acme", "--token", "a.b.c"];
  for (const command of [["events"], ["listeners"], ["revocations"], ["status", "auth0|jane"]]) {
    const { code, stdout, output } = await runCli(t, [...command, ...args]);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(
      output,
      /^error: http:\/\/127\.0\.0\.1:1\/acme\/api\/\w+ cannot be reached: Connection refused .*: check the URL, and that the Worker is deployed there$/m,
    );
  }
});

describe("the program", { concurrency: true }, () => {
  for (const shell of ["bash", "elvish", "fish", "powershell", "zsh"]) {
    test(`prints completions for ${shell}`, async (t) => {
      const { code, stdout } = await runCli(t, ["completions", shell]);
      assert.equal(code, 0);
      assert.match(stdout, /listeners/);
      assert.match(stdout, /revocations/);
      assert.match(stdout, /round-trip/);
    });
  }

  test("does not print secrets from the environment in its help", async (t) => {
    const secrets = {
      SESSION_EVENTS_TOKEN: "hidden-1",
      AUTH0_CLIENT_SECRET: "hidden-2",
      PUBLISH_TOKEN: "hidden-3",
      PUBLISH_SECRET: "hidden-4",
    };
    const commands = [
      "listen",
      "events",
      "revocations",
      "status",
      "listeners",
      "publish",
      "doctor",
    ];
    for (const command of commands) {
      const { code, stdout } = await runCli(t, [command, "--help"], { env: secrets });
      assert.equal(code, 0);
      assert.match(stdout, /\[env: /);
      assert.doesNotMatch(stdout, /hidden/);
    }
  });

  test("exits with 2 if the command line is invalid", async (t) => {
    for (const args of [[], ["listn"], ["events"], ["events", "--tenant", "acme.us.auth0.com"]]) {
      const { code, stdout } = await runCli(t, args);
      assert.deepEqual([code, stdout], [2, ""]);
    }
  });
});
