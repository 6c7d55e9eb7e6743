// `session-events doctor`, as a process against the running worker.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { keySetResponses } from "../support/issuer.mjs";
import { USER } from "../support/records.mjs";
import { publishToken } from "../support/tenant.mjs";
import { now } from "../support/token.mjs";
import { PUBLISH_SECRET, startWorker } from "../support/worker.mjs";
import { SECRET, lines, run, startIssuer, startWorkerFor } from "./support/cli.mjs";

const issuing = await startIssuer();
const { tenant: newTenant, worker } = await startWorkerFor(issuing);

describe("doctor", { concurrency: true }, () => {
  const check = async (t, args, env) => {
    const { code, stdout, output } = await run(t, ["doctor", ...args], { env });
    const found = lines(stdout);
    return {
      code,
      output,
      status: Object.fromEntries(found.map(({ check, status }) => [check, status])),
      message: Object.fromEntries(found.map(({ check, message }) => [check, message])),
    };
  };

  test("finds nothing where all is well, the whole way included", async (t) => {
    const { at } = newTenant();
    const { code, status, message, output } = await check(t, [...at, "--round-trip"], {
      PUBLISH_SECRET,
    });
    assert.deepEqual(status, {
      tenant: "good",
      network: "good",
      worker: "good",
      served: "good",
      "key set": "good",
      login: "good",
      token: "good",
      access: "good",
      health: "good",
      publishing: "good",
      "round trip": "good",
    });
    assert.equal(code, 0);
    assert.match(message.health, /^its storage answers; keys of https:.*jwks\.json: /);
    assert.match(message["round trip"], /^an event arrived \d+ ms after it was published$/);
    assert.ok(!output.includes(SECRET) && !output.includes(PUBLISH_SECRET));
  });

  test("leaves one revocation, however often it goes the whole way", async (t) => {
    const { at } = newTenant();
    for (let time = 0; time < 2; time += 1) {
      const { code, output } = await check(t, [...at, "--round-trip"], { PUBLISH_SECRET });
      assert.equal(code, 0, output);
    }
    const count = async (command) => lines((await run(t, [command, ...at])).stdout).length;
    assert.deepEqual([await count("events"), await count("revocations")], [2, 1]);
  });

  test("leaves out what it is not given, and publishes nothing unasked", async (t) => {
    const { tenant, address } = newTenant();
    const { code, status } = await check(t, [...address, "--issuer", issuing.url]);
    assert.equal(status.login, "left out");
    assert.equal(status.publishing, "left out");
    assert.equal("round trip" in status, false);
    assert.equal(code, 0);
    assert.deepEqual(await tenant.events(), []);
  });

  test("takes a user's own token for what it is", async (t) => {
    const { tenant, address } = newTenant();
    const token = issuing.issuer.token({ sub: USER, scope: "listen:events:self" });
    const args = [...address, "--issuer", issuing.url, "--token", token];
    const { code, status, message } = await check(t, args);
    assert.equal(status.access, "good");
    assert.match(message.token, /may listen to its own events, for another \d+ s/);
    assert.equal(code, 0);
    const env = { PUBLISH_TOKEN: publishToken(tenant.domain) };
    const roundTrip = await check(t, [...args, "--round-trip"], env);
    assert.match(roundTrip.message["round trip"], /takes a token with listen:events/);
    assert.equal(roundTrip.code, 1);
  });

  test("lets the worker decide on an issuer that is not the tenant's own", async (t) => {
    const { address } = newTenant();
    const args = [...address, "--token", token({ sub: USER, scope: "listen:events" })];
    const { status, message } = await check(t, args);
    assert.deepEqual([status.token, status.access], ["warning", "good"]);
    assert.match(message.token, /it is issued by .*, and not by .*: if access is refused, take/);
    const elsewhere = await check(t, [...address, "--token", newTenant().tenant.token()]);
    assert.deepEqual([elsewhere.status.token, elsewhere.status.access], ["warning", "bad"]);
  });

  for (const [what, changes, broken, fix, env] of [
    [
      "a name that is not found",
      { "--url": "https://no-such-host.invalid" },
      "network",
      /check the URL/,
    ],
    ["a port where nobody is", { "--url": "http://127.0.0.1:1" }, "worker", /cannot be reached/],
    [
      "another service",
      { "--url": () => issuing.url },
      "worker",
      /with what no session-events worker says/,
    ],
    [
      "an issuer that has no keys",
      { "--issuer": () => `${worker.url}` },
      "key set",
      /check the tenant's loc/,
    ],
    [
      "a secret that is wrong",
      { "--client-secret": "wrong" },
      "login",
      /check client id and secret/,
    ],
    [
      "another audience",
      { "--audience": "https://other.example.com" },
      "access",
      /for another API/,
    ],
    ["a token that is none", { "--token": "opaque" }, "token", /without an audience/],
    [
      "another tenant's token",
      { "--token": () => newTenant().tenant.token() },
      "access",
      /^401 invalid_token: /,
    ],
    [
      "a token for another API",
      { "--token": () => token({ aud: "https://x" }) },
      "token",
      /for the audience/,
    ],
    ["an old token", { "--token": () => token({ exp: now() - 5 }) }, "token", /has expired/],
    [
      "a token without a right",
      { "--token": () => token({ scope: "openid listen" }) },
      "token",
      /neither/,
    ],
    [
      "a publish token that is wrong",
      {},
      "publishing",
      /not this tenant's/,
      { PUBLISH_TOKEN: "x" },
    ],
  ]) {
    test(`finds ${what}, and says what to fix`, async (t) => {
      const { at } = newTenant();
      const options = new Map();
      for (let place = 0; place < at.length; place += 2) options.set(at[place], at[place + 1]);
      for (const [name, value] of Object.entries(changes))
        options.set(name, typeof value === "function" ? value() : value);
      const { code, status, message, output } = await check(t, [...options].flat(), env);
      assert.equal(code, 1, output);
      assert.equal(status[broken], "bad", output);
      assert.match(message[broken], fix);
    });
  }
  const token = (claims) => issuing.issuer.token(claims);

  test("leaves out what depends on something broken, and says so", async (t) => {
    const { login } = newTenant();
    const args = ["--url", "http://127.0.0.1:1", "--tenant", "acme", ...login];
    const { status, message } = await check(t, args, { PUBLISH_SECRET });
    assert.equal(message.served, "skipped: fix the problem above first");
    const { served, access, health, publishing } = status;
    assert.deepEqual(
      { served, access, health, publishing },
      {
        served: "left out",
        access: "left out",
        health: "left out",
        publishing: "left out",
      },
    );
  });

  test("finds keys that the worker cannot have", async (t) => {
    const { tenant, at } = newTenant();
    await tenant.subscribe();
    tenant.issuer.behaviour = keySetResponses.unreachable;
    const listener = await tenant.connect();
    await listener.authenticate(tenant.token({}, { kid: "rotated" }));
    const { code, status, message } = await check(t, at);
    assert.deepEqual([code, status.health], [1, "bad"]);
    const uri = RegExp.escape(tenant.issuer.jwksUri);
    const complaint = `^the worker could not fetch ${uri} at .* \\(its keys: fetched \\d min ago\\): check`;
    assert.match(message.health, new RegExp(complaint));
  });

  test("finds a tenant that is not served", async (t) => {
    const other = await startWorker({ vars: { TENANTS: "someone-else@us" } });
    const { login } = newTenant();
    const args = ["--url", String(other.url), "--tenant", "acme@us", ...login];
    const { code, message } = await check(t, args);
    assert.equal(code, 1);
    assert.match(message.served, /acme@us is not served: add it to TENANTS/);
  });
});
