// `session-events events` and `listeners`, and the program as such, as processes against the running
// worker.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { eventOf, scp, slo } from "../support/records.mjs";
import { lines, run, startIssuer, startWorkerFor } from "./support/cli.mjs";

const issuing = await startIssuer();
const { tenant: newTenant } = await startWorkerFor(issuing);

describe("events and listeners", { concurrency: true }, () => {
  test("are written one a line, as the worker has them", async (t) => {
    const { tenant, at } = newTenant();
    const none = await run(t, ["events", ...at]);
    assert.deepEqual([none.code, none.stdout], [0, ""]);
    const records = [slo(), scp()];
    await tenant.publish(...records);
    const events = await run(t, ["events", ...at]);
    assert.equal(events.code, 0, events.output);
    assert.deepEqual(lines(events.stdout), records.map(eventOf).reverse());
    assert.equal(events.output, events.stdout, "there is nothing else to say");

    const odd = slo({ user_id: "auth0|\u007f\u009b1m" });
    await tenant.publish(odd);
    const text = JSON.stringify(eventOf(odd));
    const { stdout } = await run(t, ["events", ...at]);
    assert.equal(stdout.split("\n")[0], text, "to the letter");

    await tenant.subscribe({ sub: "auth0|jane", scope: "listen:events:self" });
    await tenant.connect();
    const listeners = await run(t, ["listeners", ...at]);
    assert.deepEqual(lines(listeners.stdout), (await tenant.listeners()).connections);
  });

  test("are not written for who may not see them, in the worker's words", async (t) => {
    const { tenant, address } = newTenant();
    for (const command of ["events", "listeners"]) {
      const token = tenant.token({ scope: "listen:events:self" });
      const { code, stdout, output } = await run(t, [command, ...address, "--token", token]);
      assert.equal(code, 1);
      assert.equal(stdout, "");
      assert.match(output, /^error: 403 insufficient_scope: .*listen:events/);
      assert.ok(!output.includes(token));
    }
  });
});

test("a worker that is not there is named, with what to check", async (t) => {
  const url = "http://127.0.0.1:1";
  const at = ["--url", url, "--tenant", "acme", "--token", "a.b.c"];
  for (const command of [["events"], ["listeners"], ["revocations"], ["status", "auth0|jane"]]) {
    const { code, stdout, output } = await run(t, [...command, ...at]);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(
      output,
      /^error: http:\/\/127\.0\.0\.1:1\/acme\/api\/\w+ cannot be reached: Connection refused .*: check the URL, and that the worker runs there$/m,
    );
  }
});

describe("the program", { concurrency: true }, () => {
  for (const shell of ["bash", "elvish", "fish", "powershell", "zsh"]) {
    test(`prints completions for ${shell}`, async (t) => {
      const { code, stdout } = await run(t, ["completions", shell]);
      assert.equal(code, 0);
      assert.match(stdout, /listeners/);
      assert.match(stdout, /revocations/);
      assert.match(stdout, /round-trip/);
    });
  }

  test("shows no secret of the environment in its help", async (t) => {
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
      const { code, stdout } = await run(t, [command, "--help"], { env: secrets });
      assert.equal(code, 0);
      assert.match(stdout, /\[env: /);
      assert.doesNotMatch(stdout, /hidden/);
    }
  });

  test("tells a wrong command line from a failure", async (t) => {
    for (const args of [[], ["listn"], ["events"], ["events", "--tenant", "acme.us.auth0.com"]]) {
      const { code, stdout } = await run(t, args);
      assert.deepEqual([code, stdout], [2, ""]);
    }
  });
});
