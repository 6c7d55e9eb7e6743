// Runs `session-events doctor` against a Worker.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, describe, test } from "node:test";

import { keySetResponses } from "../support/issuer.mjs";
import { USER } from "../support/records.mjs";
import { publishToken } from "../support/tenant.mjs";
import { now } from "../support/token.mjs";
import { PUBLISH_SECRET, startWorker } from "../support/worker.mjs";
import {
  CLIENT_SECRET,
  jsonLines,
  runCli,
  startIssuerServer,
  startWorkerFor,
} from "./support/cli.mjs";

const issuerServer = await startIssuerServer();
const { newTenant, worker } = await startWorkerFor(issuerServer);

describe("doctor", { concurrency: true }, () => {
  const check = async (t, args, env) => {
    const { code, stdout, output } = await runCli(t, ["doctor", ...args], { env });
    const checks = jsonLines(stdout);
    return {
      code,
      output,
      status: Object.fromEntries(checks.map(({ check, status }) => [check, status])),
      message: Object.fromEntries(checks.map(({ check, message }) => [check, message])),
    };
  };

  test("reports every check as passed, including the round trip", async (t) => {
    const { allArgs } = newTenant();
    const { code, status, message, output } = await check(t, [...allArgs, "--round-trip"], {
      PUBLISH_SECRET,
    });
    assert.deepEqual(status, {
      tenant: "passed",
      network: "passed",
      worker: "passed",
      served: "passed",
      "key set": "passed",
      "access token": "passed",
      claims: "passed",
      access: "passed",
      health: "passed",
      publishing: "passed",
      "round trip": "passed",
    });
    assert.equal(code, 0);
    assert.match(message.health, /^the tenant's storage responds; keys of https:.*jwks\.json: /);
    assert.match(message["round trip"], /^an event arrived \d+ ms after it was published$/);
    assert.ok(!output.includes(CLIENT_SECRET) && !output.includes(PUBLISH_SECRET));
  });

  test("leaves a single revocation after several round trips", async (t) => {
    const { allArgs } = newTenant();
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const { code, output } = await check(t, [...allArgs, "--round-trip"], { PUBLISH_SECRET });
      assert.equal(code, 0, output);
    }
    const count = async (command) =>
      jsonLines((await runCli(t, [command, ...allArgs])).stdout).length;
    assert.deepEqual([await count("events"), await count("revocations")], [2, 1]);
  });

  test("skips checks without credentials, and publishes nothing without --round-trip", async (t) => {
    const { tenant, workerArgs } = newTenant();
    const { code, status } = await check(t, [...workerArgs, "--issuer", issuerServer.url]);
    assert.equal(status["access token"], "skipped");
    assert.equal(status.publishing, "skipped");
    assert.equal("round trip" in status, false);
    assert.equal(code, 0);
    assert.deepEqual(await tenant.events(), []);
  });

  test("accepts a token that is limited to its user, except for the round trip", async (t) => {
    const { tenant, workerArgs } = newTenant();
    const token = issuerServer.issuer.token({ sub: USER, scope: "listen:events:self" });
    const args = [...workerArgs, "--issuer", issuerServer.url, "--token", token];
    const { code, status, message } = await check(t, args);
    assert.equal(status.access, "passed");
    assert.match(message.claims, /may receive its own events, for another \d+ s/);
    assert.equal(code, 0);
    const env = { PUBLISH_TOKEN: publishToken(tenant.domain) };
    const roundTrip = await check(t, [...args, "--round-trip"], env);
    assert.match(roundTrip.message["round trip"], /use a token with listen:events/);
    assert.equal(roundTrip.code, 1);
  });

  test("warns about an unexpected issuer, because only the Worker knows all accepted issuers", async (t) => {
    const { workerArgs } = newTenant();
    const args = [...workerArgs, "--token", token({ sub: USER, scope: "listen:events" })];
    const { status, message } = await check(t, args);
    assert.deepEqual([status.claims, status.access], ["warning", "passed"]);
    assert.match(message.claims, /it was issued by .* instead of .*: if access is refused, use/);
    const otherTenant = await check(t, [...workerArgs, "--token", newTenant().tenant.token()]);
    assert.deepEqual([otherTenant.status.claims, otherTenant.status.access], ["warning", "failed"]);
  });

  for (const [problem, changes, failedCheck, advice, env] of [
    ["an unknown host", { "--url": "https://no-such-host.invalid" }, "network", /check the URL/],
    ["a port without a server", { "--url": "http://127.0.0.1:1" }, "worker", /cannot be reached/],
    [
      "another service",
      { "--url": () => issuerServer.url },
      "worker",
      /with a body that is not from a session-events Worker/,
    ],
    [
      "an issuer without keys",
      { "--issuer": () => `${worker.url}` },
      "key set",
      /check the tenant's loc/,
    ],
    [
      "a wrong client secret",
      { "--client-secret": "wrong" },
      "access token",
      /check the client id and secret/,
    ],
    [
      "a wrong audience",
      { "--audience": "https://other.example.com" },
      "access",
      /for another API/,
    ],
    ["an opaque token", { "--token": "opaque" }, "claims", /request it with an audience/],
    [
      "a token of another tenant",
      { "--token": () => newTenant().tenant.token() },
      "access",
      /^401 invalid_token: /,
    ],
    [
      "a token for another API",
      { "--token": () => token({ aud: "https://x" }) },
      "claims",
      /for the audience/,
    ],
    ["an expired token", { "--token": () => token({ exp: now() - 5 }) }, "claims", /has expired/],
    [
      "a token without permissions",
      { "--token": () => token({ scope: "openid listen" }) },
      "claims",
      /neither/,
    ],
    [
      "a wrong publish token",
      {},
      "publishing",
      /not valid for this tenant/,
      { PUBLISH_TOKEN: "x" },
    ],
    [
      "a publish secret that is too short",
      {},
      "publishing",
      /PUBLISH_SECRET is shorter than 32 bytes/,
      { PUBLISH_SECRET: "short" },
    ],
  ]) {
    test(`detects ${problem} and prints how to fix it`, async (t) => {
      const { allArgs } = newTenant();
      const options = new Map();
      for (let index = 0; index < allArgs.length; index += 2)
        options.set(allArgs[index], allArgs[index + 1]);
      for (const [name, value] of Object.entries(changes))
        options.set(name, typeof value === "function" ? value() : value);
      const { code, status, message, output } = await check(t, [...options].flat(), env);
      assert.equal(code, 1, output);
      assert.equal(status[failedCheck], "failed", output);
      assert.match(message[failedCheck], advice);
    });
  }
  const token = (claims) => issuerServer.issuer.token(claims);

  test("skips the checks that depend on a failed check", async (t) => {
    const { loginArgs } = newTenant();
    const args = ["--url", "http://127.0.0.1:1", "--tenant", "acme", ...loginArgs];
    const { status, message } = await check(t, args, { PUBLISH_SECRET });
    assert.equal(message.served, "skipped: fix the problem above first");
    const { served, access, health, publishing } = status;
    assert.deepEqual(
      { served, access, health, publishing },
      {
        served: "skipped",
        access: "skipped",
        health: "skipped",
        publishing: "skipped",
      },
    );
  });

  test("detects a key set that the Worker cannot fetch", async (t) => {
    const { tenant, allArgs } = newTenant();
    await tenant.subscribe();
    tenant.issuer.behaviour = keySetResponses.unreachable;
    const listener = await tenant.connect();
    await listener.authenticate(tenant.token({}, { kid: "rotated" }));
    const { code, status, message } = await check(t, allArgs);
    assert.deepEqual([code, status.health], [1, "failed"]);
    const uri = RegExp.escape(tenant.issuer.jwksUri);
    const expected = `^the Worker could not fetch ${uri} at .* \\(its keys: fetched \\d min ago\\): check`;
    assert.match(message.health, new RegExp(expected));
  });

  describe("revocations that the Worker dropped", { concurrency: true }, () => {
    /** Starts a server that responds like a Worker which last dropped revocations at this time. */
    async function startDropping(last_at) {
      const bodies = {
        "/": { name: "session-events", version: "0.1.0", description: "" },
        "/acme/api/_debug": {},
        "/acme/api/health": {
          storage: "ok",
          key_sets: [{ jwks_uri: "https://acme.auth0.com/jwks.json", fetched_at: null }],
          dropped_revocations: { count: 50_000, last_at },
        },
      };
      const server = createServer((request, response) =>
        response.end(JSON.stringify(bodies[request.url])),
      ).listen(0, "127.0.0.1");
      after(() => server.close());
      await once(server, "listening");
      return `http://127.0.0.1:${server.address().port}`;
    }
    const checkAt = async (t, hoursAgo) => {
      const url = await startDropping(new Date(Date.now() - hoursAgo * 3_600_000).toISOString());
      return check(t, ["--url", url, "--tenant", "acme", "--issuer", issuerServer.url]);
    };

    test("within the last day are a failure", async (t) => {
      const { code, status, message } = await checkAt(t, 23);
      assert.deepEqual([code, status.health], [1, "failed"]);
      assert.match(
        message.health,
        /^the Worker dropped the revocations of 50000 sessions, the last at .*: lower/,
      );
    });

    test("before that are a warning, because the Worker reports them for ever", async (t) => {
      const { code, status, message } = await checkAt(t, 25);
      assert.deepEqual([code, status.health], [0, "warning"]);
      assert.match(
        message.health,
        /^the tenant's storage responds; .*the Worker dropped the revocations of 50000 sessions/,
      );
    });
  });

  test("detects a tenant that is not in TENANTS", async (t) => {
    const otherWorker = await startWorker({ vars: { TENANTS: "someone-else@us" } });
    const { loginArgs } = newTenant();
    const args = ["--url", String(otherWorker.url), "--tenant", "acme@us", ...loginArgs];
    const { code, message } = await check(t, args);
    assert.equal(code, 1);
    assert.match(message.served, /acme@us is not served: add it to TENANTS/);
  });
});
