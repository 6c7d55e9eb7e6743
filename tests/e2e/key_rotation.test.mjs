// Rotation of signing keys, and attackers who try to cause fetches of the key set. A rotation takes
// effect at once. The fetch limit holds for any number of tokens, over HTTP and on sockets, after
// hibernation, and across isolates of the Worker.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { authenticateOnSocket, authenticateOverHttp } from "../support/token_checks.mjs";
import { WITHOUT_DEADLINE } from "../support/instrumented_runtime.mjs";
import { keySetResponses } from "../support/issuer.mjs";
import { jwk, otherKey, signingKey } from "../support/keys.mjs";
import { Tenant } from "../support/tenant.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker({ runtime: WITHOUT_DEADLINE });
const restarted = await startWorker();
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const TRANSPORTS = { "over HTTP": authenticateOverHttp, "on a socket": authenticateOnSocket };

const signedWithOtherKey = (tenant, kid) =>
  tenant.token({}, { kid }, { key: otherKey().privateKey });
const times = (count, make) => Array.from({ length: count }, (_, number) => make(number));

/** Asserts the number of fetches; each 30 seconds since `start` allow one more. */
function assertFetches({ issuer }, expected, start) {
  const most = expected + Math.floor((Date.now() - start) / (30 * SECOND));
  assert.ok(issuer.fetches >= expected && issuer.fetches <= most, `${issuer.fetches} fetches`);
}

describe("a key rotation", { concurrency: true }, () => {
  for (const [transport, present] of Object.entries(TRANSPORTS)) {
    test(`makes the new key valid and the withdrawn key invalid ${transport}`, async () => {
      const tenant = new Tenant(worker);
      assert.equal(await present(tenant), "accepted");
      tenant.issuer.keys = [jwk(otherKey(), "key-2")];
      assert.equal(await present(tenant, signedWithOtherKey(tenant, "key-2")), "accepted");
      assert.equal(await present(tenant), "invalid_token");
    });

    test(`that adds a key and changes the order keeps both keys valid ${transport}`, async () => {
      const tenant = new Tenant(worker);
      const [one, two] = [jwk(signingKey(), "key-1"), jwk(otherKey(), "key-2")];
      assert.equal(await present(tenant), "accepted");
      tenant.issuer.keys = [one, two];
      assert.equal(await present(tenant, signedWithOtherKey(tenant, "key-2")), "accepted");
      tenant.issuer.keys = [two, one];
      for (const token of [tenant.token(), signedWithOtherKey(tenant, "key-2")]) {
        assert.equal(await present(tenant, token), "accepted");
      }
    });

    test(`that reuses a kid causes no fetch ${transport}`, async () => {
      const tenant = new Tenant(worker);
      assert.equal(await present(tenant), "accepted");
      tenant.issuer.keys = [jwk(otherKey(), "key-1")];
      for (let count = 0; count < 5; count += 1) {
        assert.equal(await present(tenant, signedWithOtherKey(tenant, "key-1")), "invalid_token");
      }
      assert.equal(await present(tenant), "accepted");
      assert.equal(tenant.issuer.fetches, 1);
    });
  }

  test("that reuses a kid takes effect after 10 minutes", async () => {
    const tenant = new Tenant(worker);
    assert.equal(await authenticateOnSocket(tenant), "accepted");
    tenant.issuer.keys = [jwk(otherKey(), "key-1")];
    await tenant.ageKeySet("fetched_at", 10 * MINUTE + SECOND);
    for (const present of [authenticateOnSocket, authenticateOverHttp]) {
      assert.equal(await present(tenant, signedWithOtherKey(tenant, "key-1")), "accepted");
      assert.equal(await present(tenant), "invalid_token");
    }
    assert.equal(tenant.issuer.fetches, 2);
  });

  test("during an outage of the issuer takes effect once the issuer is reachable again", async () => {
    const tenant = new Tenant(worker);
    assert.equal(await authenticateOnSocket(tenant), "accepted");
    tenant.issuer.behaviour = keySetResponses.status(503);
    assert.equal(
      await authenticateOnSocket(tenant, signedWithOtherKey(tenant, "key-2")),
      "invalid_token",
    );
    assert.equal(await authenticateOnSocket(tenant), "accepted", "the cached key is still valid");
    tenant.issuer.behaviour = keySetResponses.keySet;
    tenant.issuer.keys = [jwk(otherKey(), "key-2")];
    await tenant.ageKeySet("failed_at", 30 * SECOND);
    assert.equal(
      await authenticateOnSocket(tenant, signedWithOtherKey(tenant, "key-2")),
      "accepted",
    );
    assert.equal(tenant.issuer.fetches, 3);
  });
});

describe("a flood of unknown kids", () => {
  const flood = async (tenant, round) => {
    const tokens = times(20, (number) => signedWithOtherKey(tenant, `made-up-${round}-${number}`));
    const outcomes = tokens.flatMap((token) => [
      authenticateOnSocket(tenant, token),
      authenticateOverHttp(tenant, token),
    ]);
    assert.deepEqual(new Set(await Promise.all(outcomes)), new Set(["invalid_token"]));
  };

  test("over HTTP and on sockets, with evictions, causes one fetch in 30 seconds", async () => {
    const tenant = new Tenant(worker);
    const start = Date.now();
    assert.equal(await authenticateOverHttp(tenant), "accepted");
    for (let round = 0; round < 4; round += 1) {
      await flood(tenant, round);
      await tenant.object.evict();
    }
    assertFetches(tenant, 2, start);
  });

  test("at many new isolates of the Worker causes one fetch in 30 seconds", async () => {
    const tenant = new Tenant(restarted);
    const start = Date.now();
    assert.equal(await authenticateOverHttp(tenant), "accepted");
    for (let round = 0; round < 3; round += 1) {
      await flood(tenant, round);
      await restarted.reconfigure({});
    }
    assert.equal(await authenticateOverHttp(tenant), "accepted");
    assertFetches(tenant, 2, start);
  });

  test("at a tenant without a cached key set causes one fetch", async () => {
    const tenant = new Tenant(worker);
    const start = Date.now();
    await flood(tenant, 0);
    await flood(tenant, 1);
    assertFetches(tenant, 1, start);
  });

  test("with a failing issuer causes one fetch, and the cached key stays valid", async () => {
    const tenant = new Tenant(worker);
    const start = Date.now();
    assert.equal(await authenticateOverHttp(tenant), "accepted");
    tenant.issuer.behaviour = keySetResponses.status(500);
    for (let round = 0; round < 3; round += 1) {
      await flood(tenant, round);
      await tenant.object.evict();
    }
    for (const present of Object.values(TRANSPORTS))
      assert.equal(await present(tenant), "accepted");
    assertFetches(tenant, 2, start);
  });

  test("at one tenant does not delay a rotation at another", async () => {
    const [tenant, other] = [new Tenant(worker), new Tenant(worker)];
    assert.equal(await authenticateOverHttp(other), "accepted");
    await flood(tenant, 0);
    other.issuer.keys = [jwk(otherKey(), "key-2")];
    assert.equal(await authenticateOverHttp(other, signedWithOtherKey(other, "key-2")), "accepted");
    assert.equal(other.issuer.fetches, 2);
  });
});

describe("200 concurrent tokens over HTTP and on sockets", () => {
  const presentOverHttp = (tenant) => times(100, () => authenticateOverHttp(tenant));
  /** The options of a socket from its own address: an address may have 50 unauthenticated ones. */
  const fromOwnAddress = (number) => ({ headers: { "cf-connecting-ip": `203.0.113.${number}` } });
  const presentOnSockets = (tenant) =>
    times(100, (number) => authenticateOnSocket(tenant, tenant.token(), fromOwnAddress(number)));

  test("cause one fetch when the tenant object wakes up with an expired key set", async () => {
    const tenant = new Tenant(worker);
    assert.equal(await authenticateOnSocket(tenant), "accepted");
    await tenant.ageKeySet("fetched_at", 11 * MINUTE);
    const sockets = await Promise.all(
      times(100, (number) => tenant.connect(fromOwnAddress(number))),
    );
    await tenant.object.evict();
    tenant.issuer.behaviour = keySetResponses.slow(300);
    const token = tenant.token();
    const outcomes = await Promise.all([
      ...sockets.map(async (socket) => (await socket.authenticate(token)).type),
      ...presentOverHttp(tenant),
    ]);
    assert.deepEqual(new Set(outcomes), new Set(["authenticated", "accepted"]));
    assert.equal(tenant.issuer.fetches, 2);
  });

  test("cause one fetch when the tenant has no key set", async () => {
    const tenant = new Tenant(worker);
    tenant.issuer.behaviour = keySetResponses.slow(300);
    const outcomes = [...presentOverHttp(tenant), ...presentOnSockets(tenant)];
    assert.deepEqual(new Set(await Promise.all(outcomes)), new Set(["accepted"]));
    assert.equal(tenant.issuer.fetches, 1);
  });

  test("cause one failed fetch, and the expired key set validates them all", async () => {
    const tenant = new Tenant(worker);
    const start = Date.now();
    assert.equal(await authenticateOnSocket(tenant), "accepted");
    await tenant.ageKeySet("fetched_at", 11 * MINUTE);
    tenant.issuer.behaviour = keySetResponses.status(503);
    const outcomes = [...presentOverHttp(tenant), ...presentOnSockets(tenant)];
    assert.deepEqual(new Set(await Promise.all(outcomes)), new Set(["accepted"]));
    assertFetches(tenant, 2, start);
  });
});
