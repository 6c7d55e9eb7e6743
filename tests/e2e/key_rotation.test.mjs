// Keys that change, and those who try to have them fetched: a rotation is noticed at once, and no
// number of tokens, doors, sleeps or copies of the Worker makes the issuer be asked more often.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { authenticateOnSocket, authenticateOverHttp } from "../support/token_checks.mjs";
import { keySetResponses } from "../support/issuer.mjs";
import { jwk, otherKey, signingKey } from "../support/keys.mjs";
import { Tenant } from "../support/tenant.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();
const restarted = await startWorker();
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const DOORS = { "over HTTP": authenticateOverHttp, "on a socket": authenticateOnSocket };

const byOtherKey = (tenant, kid) => tenant.token({}, { kid }, { key: otherKey().privateKey });
const several = (count, make) => Array.from({ length: count }, (_, number) => make(number));

/** Asserts that a tenant's issuer was asked so often, and then at most once in 30 seconds. */
function assertFetches({ issuer }, expected, start) {
  const most = expected + Math.floor((Date.now() - start) / (30 * SECOND));
  assert.ok(issuer.fetches >= expected && issuer.fetches <= most, `${issuer.fetches} fetches`);
}

describe("a rotation", { concurrency: true }, () => {
  for (const [where, door] of Object.entries(DOORS)) {
    test(`that is noticed ${where} lets the new key in and the withdrawn one out`, async () => {
      const tenant = new Tenant(worker);
      assert.equal(await door(tenant), "accepted");
      tenant.issuer.keys = [jwk(otherKey(), "key-2")];
      assert.equal(await door(tenant, byOtherKey(tenant, "key-2")), "accepted");
      assert.equal(await door(tenant), "invalid_token");
    });

    test(`${where} to the next key and back to the one before is followed`, async () => {
      const tenant = new Tenant(worker);
      const [one, two] = [jwk(signingKey(), "key-1"), jwk(otherKey(), "key-2")];
      assert.equal(await door(tenant), "accepted");
      tenant.issuer.keys = [one, two];
      assert.equal(await door(tenant, byOtherKey(tenant, "key-2")), "accepted");
      tenant.issuer.keys = [two, one];
      for (const token of [tenant.token(), byOtherKey(tenant, "key-2")]) {
        assert.equal(await door(tenant, token), "accepted");
      }
    });

    test(`to another key under the same kid is no reason to ask ${where}`, async () => {
      const tenant = new Tenant(worker);
      assert.equal(await door(tenant), "accepted");
      tenant.issuer.keys = [jwk(otherKey(), "key-1")];
      for (let count = 0; count < 5; count += 1) {
        assert.equal(await door(tenant, byOtherKey(tenant, "key-1")), "invalid_token");
      }
      assert.equal(await door(tenant), "accepted");
      assert.equal(tenant.issuer.fetches, 1);
    });
  }

  test("to another key under the same kid is noticed after 10 minutes", async () => {
    const tenant = new Tenant(worker);
    assert.equal(await authenticateOnSocket(tenant), "accepted");
    tenant.issuer.keys = [jwk(otherKey(), "key-1")];
    await tenant.ageKeySet("fetched_at", 10 * MINUTE + SECOND);
    for (const door of [authenticateOnSocket, authenticateOverHttp]) {
      assert.equal(await door(tenant, byOtherKey(tenant, "key-1")), "accepted");
      assert.equal(await door(tenant), "invalid_token");
    }
    assert.equal(tenant.issuer.fetches, 2);
  });

  test("is missed while the issuer is out of reach, and that is not the token's fault for long", async () => {
    const tenant = new Tenant(worker);
    assert.equal(await authenticateOnSocket(tenant), "accepted");
    tenant.issuer.behaviour = keySetResponses.status(503);
    assert.equal(await authenticateOnSocket(tenant, byOtherKey(tenant, "key-2")), "invalid_token");
    assert.equal(await authenticateOnSocket(tenant), "accepted", "the cached key serves on");
    tenant.issuer.behaviour = keySetResponses.keySet;
    tenant.issuer.keys = [jwk(otherKey(), "key-2")];
    await tenant.ageKeySet("failed_at", 30 * SECOND);
    assert.equal(await authenticateOnSocket(tenant, byOtherKey(tenant, "key-2")), "accepted");
    assert.equal(tenant.issuer.fetches, 3);
  });
});

describe("a flood of unknown kids", () => {
  const flood = async (tenant, round) => {
    const tokens = several(20, (number) => byOtherKey(tenant, `made-up-${round}-${number}`));
    const outcomes = tokens.flatMap((token) => [
      authenticateOnSocket(tenant, token),
      authenticateOverHttp(tenant, token),
    ]);
    assert.deepEqual(new Set(await Promise.all(outcomes)), new Set(["invalid_token"]));
  };

  test("over both doors and through evictions has the set fetched once in 30 seconds", async () => {
    const tenant = new Tenant(worker);
    const start = Date.now();
    assert.equal(await authenticateOverHttp(tenant), "accepted");
    for (let round = 0; round < 4; round += 1) {
      await flood(tenant, round);
      await tenant.hub.evict();
    }
    assertFetches(tenant, 2, start);
  });

  test("at many copies of the Worker, each of which knows nothing yet, does so too", async () => {
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

  test("on a tenant that nobody has used makes one fetch", async () => {
    const tenant = new Tenant(worker);
    const start = Date.now();
    await flood(tenant, 0);
    await flood(tenant, 1);
    assertFetches(tenant, 1, start);
  });

  test("at an issuer that fails makes one fetch, and leaves the known key alone", async () => {
    const tenant = new Tenant(worker);
    const start = Date.now();
    assert.equal(await authenticateOverHttp(tenant), "accepted");
    tenant.issuer.behaviour = keySetResponses.status(500);
    for (let round = 0; round < 3; round += 1) {
      await flood(tenant, round);
      await tenant.hub.evict();
    }
    for (const door of Object.values(DOORS)) assert.equal(await door(tenant), "accepted");
    assertFetches(tenant, 2, start);
  });

  test("at one tenant is nothing to another", async () => {
    const [tenant, other] = [new Tenant(worker), new Tenant(worker)];
    assert.equal(await authenticateOverHttp(other), "accepted");
    await flood(tenant, 0);
    other.issuer.keys = [jwk(otherKey(), "key-2")];
    assert.equal(await authenticateOverHttp(other, byOtherKey(other, "key-2")), "accepted");
    assert.equal(other.issuer.fetches, 2);
  });
});

describe("a herd of 200 tokens at both doors", () => {
  const needs = (tenant) => several(100, () => authenticateOverHttp(tenant));

  test("has the set fetched once when the tenant wakes up with an old one", async () => {
    const tenant = new Tenant(worker);
    assert.equal(await authenticateOnSocket(tenant), "accepted");
    await tenant.ageKeySet("fetched_at", 11 * MINUTE);
    const listeners = await Promise.all(several(100, () => tenant.connect()));
    await tenant.hub.evict();
    tenant.issuer.behaviour = keySetResponses.slow(300);
    const token = tenant.token();
    const outcomes = await Promise.all([
      ...listeners.map(async (listener) => (await listener.authenticate(token)).type),
      ...needs(tenant),
    ]);
    assert.deepEqual(new Set(outcomes), new Set(["authenticated", "accepted"]));
    assert.equal(tenant.issuer.fetches, 2);
  });

  test("has the set fetched once when the tenant has none", async () => {
    const tenant = new Tenant(worker);
    tenant.issuer.behaviour = keySetResponses.slow(300);
    const outcomes = [...needs(tenant), ...several(100, () => authenticateOnSocket(tenant))];
    assert.deepEqual(new Set(await Promise.all(outcomes)), new Set(["accepted"]));
    assert.equal(tenant.issuer.fetches, 1);
  });

  test("has a failing issuer asked once, whose old set serves them all", async () => {
    const tenant = new Tenant(worker);
    const start = Date.now();
    assert.equal(await authenticateOnSocket(tenant), "accepted");
    await tenant.ageKeySet("fetched_at", 11 * MINUTE);
    tenant.issuer.behaviour = keySetResponses.status(503);
    const outcomes = [...needs(tenant), ...several(100, () => authenticateOnSocket(tenant))];
    assert.deepEqual(new Set(await Promise.all(outcomes)), new Set(["accepted"]));
    assertFetches(tenant, 2, start);
  });
});
