// Where the keys come from that tokens are checked with: fetched seldom, shared, kept, and never
// taken from anywhere but the tenant's own issuer.
//
// Minutes and hours go by in the object's database: what it holds of a key set is made older while
// the object is out of memory. Tokens are presented on sockets there, for it is the object that
// checks these.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { authenticateOnSocket, authenticateOverHttp } from "../support/token_checks.mjs";
import { keySetResponses } from "../support/issuer.mjs";
import { jwk, otherKey } from "../support/keys.mjs";
import { slo } from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { waitFor } from "../support/wait_for.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();
const SECOND = 1000;
const MINUTE = 60 * SECOND;

describe("the key set", { concurrency: true }, () => {
  test("comes from the tenant's own issuer, and the request tells nothing of the token", async () => {
    const tenant = new Tenant(worker);
    assert.equal(tenant.issuer.jwksUri, `https://${tenant.domain}/.well-known/jwks.json`);
    assert.equal(await authenticateOverHttp(tenant), "accepted");
    assert.equal(tenant.issuer.fetches, 1);
    for (const [name, value] of tenant.issuer.requests[0]) {
      assert.doesNotMatch(value, /eyJ|Bearer/, name);
    }
  });

  test("is not fetched before a token asks for it", async () => {
    const tenant = new Tenant(worker);
    await tenant.publish(slo());
    await tenant.fetch("/api/_debug");
    await tenant.connect();
    await tenant.fetch("/api/events");
    assert.equal(tenant.issuer.fetches, 0);
  });

  test("is fetched once for all tokens at both doors", async () => {
    const tenant = new Tenant(worker);
    for (let count = 0; count < 5; count += 1) {
      assert.equal(await authenticateOverHttp(tenant), "accepted");
      assert.equal(await authenticateOnSocket(tenant), "accepted");
    }
    assert.equal(tenant.issuer.fetches, 1);
  });

  test("is fetched once when many need it at the same time", async () => {
    const tenant = new Tenant(worker);
    tenant.issuer.behaviour = keySetResponses.slow(400);
    const needs = Array.from({ length: 10 }, () => [
      authenticateOverHttp(tenant),
      authenticateOnSocket(tenant),
    ]).flat();
    for (const outcome of await Promise.all(needs)) assert.equal(outcome, "accepted");
    assert.equal(tenant.issuer.fetches, 1);
  });

  test("survives the object's hibernation", async () => {
    const tenant = new Tenant(worker);
    assert.equal(await authenticateOnSocket(tenant), "accepted");
    tenant.issuer.behaviour = keySetResponses.unreachable;
    await tenant.hub.evict();
    assert.equal(await authenticateOnSocket(tenant), "accepted");
    assert.equal(tenant.issuer.fetches, 1);
  });

  test("of one tenant counts for no other, even under the same kid", async () => {
    const [mine, other] = [new Tenant(worker), new Tenant(worker)];
    other.issuer.keys = [jwk(otherKey(), "key-1")];
    assert.equal(await authenticateOverHttp(mine), "accepted");
    assert.equal(await authenticateOnSocket(mine), "accepted");
    assert.equal(await authenticateOverHttp(other), "invalid_token");
    assert.equal(await authenticateOnSocket(other), "invalid_token");
  });

  test("may hold keys that nobody understands beside the one that is needed", async () => {
    const tenant = new Tenant(worker);
    tenant.issuer.keys = [{}, { kty: "PQC", kid: "key-1" }, { kty: "RSA" }, ...tenant.issuer.keys];
    assert.equal(await authenticateOverHttp(tenant), "accepted");
    assert.equal(await authenticateOnSocket(tenant), "accepted");
  });

  test("serves for 10 minutes without being asked for again", async () => {
    const tenant = new Tenant(worker);
    assert.equal(await authenticateOnSocket(tenant), "accepted");
    await tenant.ageKeySet("fetched_at", 9 * MINUTE);
    assert.equal(await authenticateOnSocket(tenant), "accepted");
    assert.equal(tenant.issuer.fetches, 1);
  });

  test("is fetched anew after 10 minutes, so that a withdrawn key is no longer trusted", async () => {
    const tenant = new Tenant(worker);
    assert.equal(await authenticateOnSocket(tenant), "accepted");
    tenant.issuer.keys = [jwk(otherKey(), "key-2")];
    await tenant.ageKeySet("fetched_at", 10 * MINUTE + SECOND);
    assert.equal(await authenticateOnSocket(tenant), "invalid_token");
    assert.equal(tenant.issuer.fetches, 2);
  });
});

describe("an unknown kid", { concurrency: true }, () => {
  const rotated = (tenant, kid) => tenant.token({}, { kid }, { key: otherKey().privateKey });

  for (const [door, present] of [
    ["over HTTP", authenticateOverHttp],
    ["on a socket", authenticateOnSocket],
  ]) {
    test(`${door} has the set fetched anew, so that a rotation is noticed at once`, async () => {
      const tenant = new Tenant(worker);
      assert.equal(await present(tenant), "accepted");
      tenant.issuer.keys = [...tenant.issuer.keys, jwk(otherKey(), "key-2")];
      assert.equal(await present(tenant, rotated(tenant, "key-2")), "accepted");
      assert.equal(tenant.issuer.fetches, 2);
      assert.equal(await present(tenant), "accepted", "the old key is still there");
      assert.equal(tenant.issuer.fetches, 2);
    });

    test(`${door} has the set fetched anew at most once in 30 seconds`, async () => {
      const tenant = new Tenant(worker);
      assert.equal(await present(tenant), "accepted");
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, number) =>
          present(tenant, rotated(tenant, `made-up-${number}`)),
        ),
      );
      for (const outcome of outcomes) assert.equal(outcome, "invalid_token");
      assert.equal(tenant.issuer.fetches, 2);
      tenant.issuer.keys = [...tenant.issuer.keys, jwk(otherKey(), "key-2")];
      assert.notEqual(
        await present(tenant, rotated(tenant, "key-2")),
        "accepted",
        "the rotation comes too soon",
      );
      assert.equal(await present(tenant), "accepted", "known keys are not kept waiting");
      assert.equal(tenant.issuer.fetches, 2);
    });
  }

  test("in both doors at once counts once", async () => {
    const tenant = new Tenant(worker);
    assert.equal(await authenticateOverHttp(tenant), "accepted");
    assert.equal(await authenticateOnSocket(tenant, rotated(tenant, "made-up")), "invalid_token");
    assert.equal(await authenticateOverHttp(tenant, rotated(tenant, "made-up")), "invalid_token");
    assert.equal(tenant.issuer.fetches, 2);
  });

  test("right at the first fetch is not looked for a second time", async () => {
    const tenant = new Tenant(worker);
    assert.equal(await authenticateOnSocket(tenant, rotated(tenant, "made-up")), "invalid_token");
    assert.equal(
      await authenticateOnSocket(tenant, rotated(tenant, "made-up-too")),
      "invalid_token",
    );
    assert.equal(tenant.issuer.fetches, 1);
  });

  test("is remembered through a hibernation, and looked for again after the 30 seconds", async () => {
    const tenant = new Tenant(worker);
    assert.equal(await authenticateOnSocket(tenant), "accepted");
    assert.equal(await authenticateOnSocket(tenant, rotated(tenant, "key-2")), "invalid_token");
    tenant.issuer.keys = [...tenant.issuer.keys, jwk(otherKey(), "key-2")];
    await tenant.ageKeySet("unknown_kid_at", 15 * SECOND);
    assert.equal(await authenticateOnSocket(tenant, rotated(tenant, "key-2")), "invalid_token");
    assert.equal(tenant.issuer.fetches, 2);
    await tenant.ageKeySet("unknown_kid_at", 16 * SECOND);
    assert.equal(await authenticateOnSocket(tenant, rotated(tenant, "key-2")), "accepted");
    assert.equal(tenant.issuer.fetches, 3);
  });

  test("is looked for again over HTTP after 30 seconds of real time", async () => {
    const tenant = new Tenant(worker);
    assert.equal(await authenticateOverHttp(tenant), "accepted");
    const before = Date.now();
    assert.equal(await authenticateOverHttp(tenant, rotated(tenant, "key-2")), "invalid_token");
    tenant.issuer.keys = [...tenant.issuer.keys, jwk(otherKey(), "key-2")];
    await waitFor(
      async () => (await authenticateOverHttp(tenant, rotated(tenant, "key-2"))) === "accepted",
      () => "it is not looked for again",
      { timeout: 60 * SECOND, interval: 250 },
    );
    assert.ok(Date.now() - before >= 30 * SECOND, `looked for after ${Date.now() - before} ms`);
    assert.equal(tenant.issuer.fetches, 3);
  });
});
