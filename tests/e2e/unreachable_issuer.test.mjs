// What happens when the issuer's key set cannot be had: no token is called bad for that, what is
// cached serves on, and nothing that is no key set is taken for one.
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

/** Asserts that both doors say that the issuer is out of reach, and that nobody blames the token. */
async function assertUnavailable(tenant) {
  const response = await tenant.get("/api/events");
  assert.match(response.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
  await assertError(response, 503, "temporarily_unavailable");
  const listener = await tenant.connect();
  const { type, ...fault } = await listener.authenticate(tenant.token());
  assert.equal(type, "authentication_failed");
  assertErrorMembers(fault, "temporarily_unavailable");
  await listener.closedWith(1013);
}

describe("an issuer that cannot be reached", { concurrency: true }, () => {
  test("is a passing trouble as long as nothing is cached, and is asked again 5 seconds after the fifth failure", async () => {
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
    // The Worker has a copy of what the object knew, and for it the time goes on.
    await tenant.ageKeySet("failed_at", 5 * SECOND);
    assert.equal(await authenticateOnSocket(tenant), "accepted");
    await waitFor(async () => (await authenticateOverHttp(tenant)) === "accepted");
    assert.ok(Date.now() - before >= 5 * SECOND, `asked after ${Date.now() - before} ms`);
    assert.equal(tenant.issuer.fetches, 6);
  });

  // Tokens that come at once may all be met by one fetch.
  for (const [manner, least, present] of [
    ["at once", 1, (door, tenant) => Promise.all(Array.from({ length: 50 }, () => door(tenant)))],
    [
      "one after the other",
      5,
      async (door, tenant) => {
        const outcomes = [];
        while (outcomes.length < 50) outcomes.push(await door(tenant));
        return outcomes;
      },
    ],
  ]) {
    test(`is asked five times in a row and then once in 5 seconds by tokens that come ${manner} while nothing is cached`, async () => {
      const tenant = new Tenant(worker);
      tenant.issuer.behaviour = keySetResponses.unreachable;
      const start = Date.now();
      for (const outcomes of await Promise.all([
        present(authenticateOnSocket, tenant),
        present(authenticateOverHttp, tenant),
      ])) {
        assert.deepEqual(new Set(outcomes), new Set(["temporarily_unavailable"]));
      }
      await tenant.hub.evict();
      assert.equal(
        await authenticateOnSocket(tenant),
        "temporarily_unavailable",
        "through hibernation too",
      );
      const most = 5 + Math.floor((Date.now() - start) / (5 * SECOND));
      const { fetches } = tenant.issuer;
      assert.ok(fetches >= least && fetches <= most, `${fetches} fetches`);
    });
  }

  test("leaves the cached set serving for up to 24 hours", async () => {
    const tenant = new Tenant(worker);
    assert.equal(await authenticateOnSocket(tenant), "accepted");
    tenant.issuer.behaviour = keySetResponses.unreachable;
    await tenant.ageKeySet("fetched_at", 11 * MINUTE);
    assert.equal(await authenticateOnSocket(tenant), "accepted");
    assert.equal(tenant.issuer.fetches, 2, "it was tried");
    await tenant.ageKeySet("fetched_at", 24 * HOUR - 12 * MINUTE);
    assert.equal(await authenticateOnSocket(tenant), "accepted");
    await tenant.ageKeySet("fetched_at", 2 * MINUTE);
    assert.equal(await authenticateOnSocket(tenant), "temporarily_unavailable");
    tenant.issuer.behaviour = keySetResponses.keySet;
    await tenant.ageKeySet("failed_at", 5 * SECOND);
    assert.equal(await authenticateOnSocket(tenant), "accepted");
  });

  test("is left in peace for 30 seconds while the cached set serves", async () => {
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

  test("is not asked about a token that is bad on its face", async () => {
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

describe("an answer that is no key set", { concurrency: 20 }, () => {
  const elsewhere = "https://elsewhere.example/keys.json";
  const USELESS = {
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
    "a page": keySetResponses.text("<!doctype html><title>Down for maintenance</title>"),
    nothing: keySetResponses.text(""),
    null: keySetResponses.text("null"),
    "JSON without keys": keySetResponses.text("{}"),
    "keys that are no array": keySetResponses.text('{"keys":{"key-1":{}}}'),
    "keys that are an empty object": keySetResponses.text('{"keys":{}}'),
    "keys that are null": keySetResponses.text('{"keys":null}'),
    "two lists of keys": keySetResponses.text('{"keys":[],"keys":[]}'),
    "a bare array": (issuer) => keySetResponses.text(JSON.stringify(issuer.keys))(),
    "a bare key": (issuer) => keySetResponses.text(JSON.stringify(issuer.keys[0]))(),
    "half a set": keySetResponses.encoded((text) => text.slice(0, -2)),
    "two sets": keySetResponses.encoded((text) => text + text),
    "UTF-16": keySetResponses.encoded((text) => Buffer.from(text, "utf16le")),
    "bytes of no text": keySetResponses.encoded((text) =>
      Buffer.from(text.replace("key-1", "\xff"), "latin1"),
    ),
    "compressed bytes": keySetResponses.encoded((text) => gzipSync(text)),
    garbage: keySetResponses.encoded(() => "garbage"),
    "more than 64 KiB": keySetResponses.sized(64 * 1024 + 1),
    "more than 64 KiB of unknown length": keySetResponses.streamed(64 * 1024 + 1),
    "several megabytes": keySetResponses.streamed(4 * 1024 * 1024),
  };
  for (const [answer, behaviour] of Object.entries(USELESS)) {
    test(`such as ${answer} counts as none`, async () => {
      const tenant = new Tenant(worker);
      tenant.issuer.behaviour = behaviour;
      await assertUnavailable(tenant);
    });
  }

  for (const [answer, behaviour] of Object.entries({
    "another content type": keySetResponses.encoded((text) => text, {
      "content-type": "text/html",
    }),
    "another charset": keySetResponses.encoded((text) => text, {
      "content-type": "application/json; charset=utf-16",
    }),
  })) {
    test(`it is not for ${answer}`, async () => {
      const tenant = new Tenant(worker);
      tenant.issuer.behaviour = behaviour;
      assert.equal(await authenticateOverHttp(tenant), "accepted");
    });
  }

  test("it is not for having no keys: then nobody is trusted, and it is not asked at once again", async () => {
    const tenant = new Tenant(worker);
    tenant.issuer.behaviour = keySetResponses.text('{"keys":[]}');
    const start = Date.now();
    for (const door of [authenticateOverHttp, authenticateOnSocket])
      assert.equal(await door(tenant), "invalid_token");
    const most = 1 + Math.floor((Date.now() - start) / (30 * SECOND));
    const { fetches } = tenant.issuer;
    assert.ok(fetches >= 1 && fetches <= most, `${fetches} fetches`);
  });

  test("such as a redirect to itself is not followed either", async () => {
    const tenant = new Tenant(worker);
    tenant.issuer.behaviour = keySetResponses.redirect(tenant.issuer.jwksUri);
    assert.equal(await authenticateOverHttp(tenant), "temporarily_unavailable");
    assert.equal(tenant.issuer.fetches, 1);
  });

  test("does not push out a good one that is cached", async () => {
    const tenant = new Tenant(worker);
    assert.equal(await authenticateOnSocket(tenant), "accepted");
    tenant.issuer.behaviour = keySetResponses.text('{"keys":"none"}');
    await tenant.ageKeySet("fetched_at", 11 * MINUTE);
    assert.equal(await authenticateOnSocket(tenant), "accepted");
    assert.equal(tenant.issuer.fetches, 2);
  });

  for (const [answer, behaviour] of [
    ["64 KiB", keySetResponses.sized(64 * 1024)],
    ["64 KiB of unknown length", keySetResponses.streamed(64 * 1024)],
  ]) {
    test(`it is not for being as large as ${answer}`, async () => {
      const tenant = new Tenant(worker);
      tenant.issuer.behaviour = behaviour;
      assert.equal(await authenticateOverHttp(tenant), "accepted");
    });
  }
});

describe("a slow issuer", { concurrency: true }, () => {
  test("is waited for", async () => {
    const tenant = new Tenant(worker);
    tenant.issuer.behaviour = keySetResponses.slow(2_000);
    assert.equal(await authenticateOverHttp(tenant), "accepted");
  });

  for (const [answer, behaviour] of [
    ["the answer", keySetResponses.slow(20_000)],
    ["the body of the answer", keySetResponses.stalled()],
    ["the end of the answer", keySetResponses.dripping()],
  ]) {
    test(`is given up after 5 seconds when ${answer} does not come`, async () => {
      const tenant = new Tenant(worker);
      tenant.issuer.behaviour = behaviour;
      const before = Date.now();
      assert.equal(await authenticateOverHttp(tenant), "temporarily_unavailable");
      const took = Date.now() - before;
      assert.ok(took > 4_500 && took < 15_000, `it took ${took} ms`);
    });
  }

  test("keeps a socket waiting no longer", async () => {
    const tenant = new Tenant(worker);
    tenant.issuer.behaviour = keySetResponses.slow(20_000);
    const listener = await tenant.connect();
    listener.send({ type: "authenticate", access_token: tenant.token() });
    assert.equal((await listener.next(15_000)).error, "temporarily_unavailable");
    await listener.closedWith(1013);
  });
});
