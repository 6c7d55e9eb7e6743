// The key set that verifies tokens. It is fetched rarely, shared and stored. Its only source is the
// tenant's own issuer.
//
// These tests do not wait for minutes or hours. They evict the object and change the times that its
// database stores with the key set. Such tests present their tokens on a socket, because the tenant
// object verifies those.
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
  test("is fetched from the tenant's own issuer, without the token in the request", async () => {
    const tenant = new Tenant(worker);
    assert.equal(tenant.issuer.jwksUri, `https://${tenant.domain}/.well-known/jwks.json`);
    assert.equal(await authenticateOverHttp(tenant), "accepted");
    assert.equal(tenant.issuer.fetches, 1);
    for (const [name, value] of tenant.issuer.requests[0]) {
      assert.doesNotMatch(value, /eyJ|Bearer/, name);
    }
  });

  test("is not fetched before a token needs it", async () => {
    const tenant = new Tenant(worker);
    await tenant.publish(slo());
    await tenant.fetch("/api/_debug");
    await tenant.connect();
    await tenant.fetch("/api/events");
    assert.equal(tenant.issuer.fetches, 0);
  });

  test("is fetched once for all tokens, over HTTP and on sockets", async () => {
    const tenant = new Tenant(worker);
    for (let count = 0; count < 5; count += 1) {
      assert.equal(await authenticateOverHttp(tenant), "accepted");
      assert.equal(await authenticateOnSocket(tenant), "accepted");
    }
    assert.equal(tenant.issuer.fetches, 1);
  });

  test("is fetched once when many tokens need it at the same time", async () => {
    const tenant = new Tenant(worker);
    tenant.issuer.behaviour = keySetResponses.slow(400);
    const outcomes = Array.from({ length: 10 }, () => [
      authenticateOverHttp(tenant),
      authenticateOnSocket(tenant),
    ]).flat();
    for (const outcome of await Promise.all(outcomes)) assert.equal(outcome, "accepted");
    assert.equal(tenant.issuer.fetches, 1);
  });

  test("survives hibernation", async () => {
    const tenant = new Tenant(worker);
    assert.equal(await authenticateOnSocket(tenant), "accepted");
    tenant.issuer.behaviour = keySetResponses.unreachable;
    await tenant.object.evict();
    assert.equal(await authenticateOnSocket(tenant), "accepted");
    assert.equal(tenant.issuer.fetches, 1);
  });

  test("of one tenant is not used for another, even with the same kid", async () => {
    const [mine, other] = [new Tenant(worker), new Tenant(worker)];
    other.issuer.keys = [jwk(otherKey(), "key-1")];
    assert.equal(await authenticateOverHttp(mine), "accepted");
    assert.equal(await authenticateOnSocket(mine), "accepted");
    assert.equal(await authenticateOverHttp(other), "invalid_token");
    assert.equal(await authenticateOnSocket(other), "invalid_token");
  });

  test("may contain unsupported keys beside the signing key", async () => {
    const tenant = new Tenant(worker);
    tenant.issuer.keys = [{}, { kty: "PQC", kid: "key-1" }, { kty: "RSA" }, ...tenant.issuer.keys];
    assert.equal(await authenticateOverHttp(tenant), "accepted");
    assert.equal(await authenticateOnSocket(tenant), "accepted");
  });

  test("is used for 10 minutes without a refresh", async () => {
    const tenant = new Tenant(worker);
    assert.equal(await authenticateOnSocket(tenant), "accepted");
    await tenant.ageKeySet("fetched_at", 9 * MINUTE);
    assert.equal(await authenticateOnSocket(tenant), "accepted");
    assert.equal(tenant.issuer.fetches, 1);
  });

  test("is refreshed after 10 minutes, so that a withdrawn key becomes invalid", async () => {
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

  for (const [transport, present] of [
    ["over HTTP", authenticateOverHttp],
    ["on a socket", authenticateOnSocket],
  ]) {
    test(`${transport} refreshes the key set, so that a rotation takes effect at once`, async () => {
      const tenant = new Tenant(worker);
      assert.equal(await present(tenant), "accepted");
      tenant.issuer.keys = [...tenant.issuer.keys, jwk(otherKey(), "key-2")];
      assert.equal(await present(tenant, rotated(tenant, "key-2")), "accepted");
      assert.equal(tenant.issuer.fetches, 2);
      assert.equal(await present(tenant), "accepted", "the old key is still valid");
      assert.equal(tenant.issuer.fetches, 2);
    });

    test(`${transport} refreshes the key set at most once in 30 seconds`, async () => {
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
        "no refresh within 30 seconds",
      );
      assert.equal(
        await present(tenant),
        "accepted",
        "tokens with a known kid are accepted meanwhile",
      );
      assert.equal(tenant.issuer.fetches, 2);
    });
  }

  test("over HTTP and on a socket refreshes the key set once in all", async () => {
    const tenant = new Tenant(worker);
    assert.equal(await authenticateOverHttp(tenant), "accepted");
    assert.equal(await authenticateOnSocket(tenant, rotated(tenant, "made-up")), "invalid_token");
    assert.equal(await authenticateOverHttp(tenant, rotated(tenant, "made-up")), "invalid_token");
    assert.equal(tenant.issuer.fetches, 2);
  });

  test("in the first token causes no second fetch", async () => {
    const tenant = new Tenant(worker);
    assert.equal(await authenticateOnSocket(tenant, rotated(tenant, "made-up")), "invalid_token");
    assert.equal(
      await authenticateOnSocket(tenant, rotated(tenant, "made-up-too")),
      "invalid_token",
    );
    assert.equal(tenant.issuer.fetches, 1);
  });

  test("survives hibernation and refreshes the key set again after 30 seconds", async () => {
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

  test("refreshes the key set again over HTTP after 30 seconds of real time", async () => {
    const tenant = new Tenant(worker);
    assert.equal(await authenticateOverHttp(tenant), "accepted");
    const before = Date.now();
    assert.equal(await authenticateOverHttp(tenant, rotated(tenant, "key-2")), "invalid_token");
    tenant.issuer.keys = [...tenant.issuer.keys, jwk(otherKey(), "key-2")];
    await waitFor(
      async () => (await authenticateOverHttp(tenant, rotated(tenant, "key-2"))) === "accepted",
      () => "the key set is not refreshed again",
      { timeout: 60 * SECOND, interval: 250 },
    );
    assert.ok(Date.now() - before >= 30 * SECOND, `refreshed after ${Date.now() - before} ms`);
    assert.equal(tenant.issuer.fetches, 3);
  });
});
