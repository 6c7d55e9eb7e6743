// An issuer whose key set is unavailable. Tokens are not rejected as invalid for that reason, a cached
// key set stays in use, and a response that is not a key set is ignored.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { gzipSync } from "node:zlib";

import { authenticateOnSocket, authenticateOverHttp } from "../support/token_checks.mjs";
import { assertError, assertErrorMembers } from "../support/http.mjs";
import { keySetResponses } from "../support/issuer.mjs";
import { Tenant } from "../support/tenant.mjs";
import { waitFor } from "../support/wait_for.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Asserts that a token gets temporarily_unavailable, not invalid_token, over HTTP and on a socket. */
async function assertUnavailable(tenant) {
  const response = await tenant.get("/api/events");
  assert.match(response.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
  await assertError(response, 503, "temporarily_unavailable");
  const subscriber = await tenant.connect();
  const { type, ...body } = await subscriber.authenticate(tenant.token());
  assert.equal(type, "authentication_failed");
  assertErrorMembers(body, "temporarily_unavailable");
  await subscriber.closedWith(1013);
}

describe("an issuer that cannot be reached", { concurrency: true }, () => {
  test("causes temporarily_unavailable while no key set is cached, and a retry 5 seconds after the fifth failure", async () => {
    const tenant = new Tenant(worker);
    tenant.issuer.behaviour = keySetResponses.unreachable;
    await assertUnavailable(tenant);
    assert.equal(tenant.issuer.fetches, 2);
    let before;
    for (let fetches = 3; fetches <= 5; fetches += 1) {
      before = Date.now();
      assert.equal(await authenticateOverHttp(tenant), "temporarily_unavailable");
      assert.equal(tenant.issuer.fetches, fetches);
    }
    tenant.issuer.behaviour = keySetResponses.keySet;
    // This changes the time in the object. The Worker has its own copy and waits in real time.
    await tenant.ageKeySet("failed_at", 5 * SECOND);
    assert.equal(await authenticateOnSocket(tenant), "accepted");
    await waitFor(async () => (await authenticateOverHttp(tenant)) === "accepted");
    assert.ok(Date.now() - before >= 5 * SECOND, `fetched after ${Date.now() - before} ms`);
    assert.equal(tenant.issuer.fetches, 6);
  });

  // Concurrent tokens may share one fetch, so at least one is expected.
  for (const [timing, minimum, presentTokens] of [
    [
      "at once",
      1,
      (present, tenant) => Promise.all(Array.from({ length: 50 }, () => present(tenant))),
    ],
    [
      "one after the other",
      5,
      async (present, tenant) => {
        const outcomes = [];
        while (outcomes.length < 50) outcomes.push(await present(tenant));
        return outcomes;
      },
    ],
  ]) {
    test(`gets five requests and then one every 5 seconds, if tokens arrive ${timing} while no key set is cached`, async () => {
      const tenant = new Tenant(worker);
      tenant.issuer.behaviour = keySetResponses.unreachable;
      const start = Date.now();
      for (const outcomes of await Promise.all([
        presentTokens(authenticateOnSocket, tenant),
        presentTokens(authenticateOverHttp, tenant),
      ])) {
        assert.deepEqual(new Set(outcomes), new Set(["temporarily_unavailable"]));
      }
      await tenant.object.evict();
      assert.equal(
        await authenticateOnSocket(tenant),
        "temporarily_unavailable",
        "also after hibernation",
      );
      const maximum = 5 + Math.floor((Date.now() - start) / (5 * SECOND));
      const { fetches } = tenant.issuer;
      assert.ok(fetches >= minimum && fetches <= maximum, `${fetches} fetches`);
    });
  }

  test("leaves the cached key set in use for up to 24 hours", async () => {
    const tenant = new Tenant(worker);
    assert.equal(await authenticateOnSocket(tenant), "accepted");
    tenant.issuer.behaviour = keySetResponses.unreachable;
    await tenant.ageKeySet("fetched_at", 11 * MINUTE);
    assert.equal(await authenticateOnSocket(tenant), "accepted");
    assert.equal(tenant.issuer.fetches, 2, "a refresh was attempted");
    await tenant.ageKeySet("fetched_at", 24 * HOUR - 12 * MINUTE);
    assert.equal(await authenticateOnSocket(tenant), "accepted");
    await tenant.ageKeySet("fetched_at", 2 * MINUTE);
    assert.equal(await authenticateOnSocket(tenant), "temporarily_unavailable");
    tenant.issuer.behaviour = keySetResponses.keySet;
    await tenant.ageKeySet("failed_at", 5 * SECOND);
    assert.equal(await authenticateOnSocket(tenant), "accepted");
  });

  test("gets one request in 30 seconds while the cached key set is in use", async () => {
    const tenant = new Tenant(worker);
    assert.equal(await authenticateOnSocket(tenant), "accepted");
    tenant.issuer.behaviour = keySetResponses.status(500);
    await tenant.ageKeySet("fetched_at", 11 * MINUTE);
    for (let count = 0; count < 5; count += 1)
      assert.equal(await authenticateOnSocket(tenant), "accepted");
    assert.equal(tenant.issuer.fetches, 2);
    tenant.issuer.behaviour = keySetResponses.keySet;
    await tenant.ageKeySet("failed_at", 31 * SECOND);
    assert.equal(await authenticateOnSocket(tenant), "accepted");
    assert.equal(tenant.issuer.fetches, 3);
  });

  test("gets no request for a token that fails the checks before signature verification", async () => {
    const tenant = new Tenant(worker);
    tenant.issuer.behaviour = keySetResponses.unreachable;
    for (const token of [
      "x",
      tenant.token({ iss: "https://evil.example/" }),
      tenant.token({}, { alg: "none" }),
    ]) {
      assert.equal(await authenticateOverHttp(tenant, token), "invalid_token");
      assert.equal(await authenticateOnSocket(tenant, token), "invalid_token");
    }
    assert.equal(tenant.issuer.fetches, 0);
  });
});

describe("a key set response", { concurrency: 20 }, () => {
  const elsewhere = "https://elsewhere.example/keys.json";
  const INVALID_RESPONSES = {
    ...Object.fromEntries(
      [301, 302, 303, 307, 308].map((status) => [
        `a redirect of status ${status}`,
        keySetResponses.redirect(elsewhere, status),
      ]),
    ),
    "a redirect within the host": (issuer) =>
      keySetResponses.redirect(new URL("/other.json", issuer.issuer).href)(),
    "a redirect to a path": keySetResponses.redirect("/other.json", 307),
    ...Object.fromEntries(
      [201, 203, 204, 206, 304, 400, 401, 403, 404, 410, 429, 500, 502, 503].map((status) => [
        `status ${status}`,
        keySetResponses.status(status),
      ]),
    ),
    "an HTML page": keySetResponses.text("<!doctype html><title>Down for maintenance</title>"),
    "an empty body": keySetResponses.text(""),
    null: keySetResponses.text("null"),
    "JSON without keys": keySetResponses.text("{}"),
    "keys that are not an array": keySetResponses.text('{"keys":{"key-1":{}}}'),
    "keys that are an empty object": keySetResponses.text('{"keys":{}}'),
    "keys that are null": keySetResponses.text('{"keys":null}'),
    "two lists of keys": keySetResponses.text('{"keys":[],"keys":[]}'),
    "a bare array": (issuer) => keySetResponses.text(JSON.stringify(issuer.keys))(),
    "a bare key": (issuer) => keySetResponses.text(JSON.stringify(issuer.keys[0]))(),
    "a truncated set": keySetResponses.encoded((text) => text.slice(0, -2)),
    "two sets": keySetResponses.encoded((text) => text + text),
    "UTF-16": keySetResponses.encoded((text) => Buffer.from(text, "utf16le")),
    "bytes that are not UTF-8": keySetResponses.encoded((text) =>
      Buffer.from(text.replace("key-1", "\xff"), "latin1"),
    ),
    "compressed bytes": keySetResponses.encoded((text) => gzipSync(text)),
    garbage: keySetResponses.encoded(() => "garbage"),
    "more than 64 KiB": keySetResponses.sized(64 * 1024 + 1),
    "more than 64 KiB of unknown length": keySetResponses.streamed(64 * 1024 + 1),
    "several megabytes": keySetResponses.streamed(4 * 1024 * 1024),
  };
  for (const [response, behaviour] of Object.entries(INVALID_RESPONSES)) {
    test(`with ${response} is ignored`, async () => {
      const tenant = new Tenant(worker);
      tenant.issuer.behaviour = behaviour;
      await assertUnavailable(tenant);
    });
  }

  for (const [response, behaviour] of Object.entries({
    "another content type": keySetResponses.encoded((text) => text, {
      "content-type": "text/html",
    }),
    "another charset": keySetResponses.encoded((text) => text, {
      "content-type": "application/json; charset=utf-16",
    }),
  })) {
    test(`with ${response} is accepted`, async () => {
      const tenant = new Tenant(worker);
      tenant.issuer.behaviour = behaviour;
      assert.equal(await authenticateOverHttp(tenant), "accepted");
    });
  }

  test("with an empty list of keys is accepted: all tokens are invalid, and no refresh follows at once", async () => {
    const tenant = new Tenant(worker);
    tenant.issuer.behaviour = keySetResponses.text('{"keys":[]}');
    const start = Date.now();
    for (const present of [authenticateOverHttp, authenticateOnSocket])
      assert.equal(await present(tenant), "invalid_token");
    const maximum = 1 + Math.floor((Date.now() - start) / (30 * SECOND));
    const { fetches } = tenant.issuer;
    assert.ok(fetches >= 1 && fetches <= maximum, `${fetches} fetches`);
  });

  test("with a redirect to itself is not followed", async () => {
    const tenant = new Tenant(worker);
    tenant.issuer.behaviour = keySetResponses.redirect(tenant.issuer.jwksUri);
    assert.equal(await authenticateOverHttp(tenant), "temporarily_unavailable");
    assert.equal(tenant.issuer.fetches, 1);
  });

  test("that is invalid does not replace a cached key set", async () => {
    const tenant = new Tenant(worker);
    assert.equal(await authenticateOnSocket(tenant), "accepted");
    tenant.issuer.behaviour = keySetResponses.text('{"keys":"none"}');
    await tenant.ageKeySet("fetched_at", 11 * MINUTE);
    assert.equal(await authenticateOnSocket(tenant), "accepted");
    assert.equal(tenant.issuer.fetches, 2);
  });

  for (const [size, behaviour] of [
    ["64 KiB", keySetResponses.sized(64 * 1024)],
    ["64 KiB of unknown length", keySetResponses.streamed(64 * 1024)],
  ]) {
    test(`of ${size} is accepted`, async () => {
      const tenant = new Tenant(worker);
      tenant.issuer.behaviour = behaviour;
      assert.equal(await authenticateOverHttp(tenant), "accepted");
    });
  }
});

describe("a slow issuer", { concurrency: true }, () => {
  test("is awaited", async () => {
    const tenant = new Tenant(worker);
    tenant.issuer.behaviour = keySetResponses.slow(2_000);
    assert.equal(await authenticateOverHttp(tenant), "accepted");
  });

  for (const [part, behaviour] of [
    ["the response", keySetResponses.slow(20_000)],
    ["the body of the response", keySetResponses.stalled()],
    ["the end of the response", keySetResponses.dripping()],
  ]) {
    test(`times out after 5 seconds if ${part} does not arrive`, async () => {
      const tenant = new Tenant(worker);
      tenant.issuer.behaviour = behaviour;
      const before = Date.now();
      assert.equal(await authenticateOverHttp(tenant), "temporarily_unavailable");
      const took = Date.now() - before;
      assert.ok(took > 4_500 && took < 15_000, `it took ${took} ms`);
    });
  }

  test("delays a socket no longer than the timeout", async () => {
    const tenant = new Tenant(worker);
    tenant.issuer.behaviour = keySetResponses.slow(20_000);
    const subscriber = await tenant.connect();
    subscriber.send({ type: "authenticate", access_token: tenant.token() });
    assert.equal((await subscriber.next(15_000)).error, "temporarily_unavailable");
    await subscriber.closedWith(1013);
  });
});
