// Token introspection (RFC 7662), for backends that cannot hold a WebSocket open.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { assertError } from "../support/http.mjs";
import { keySetResponses } from "../support/issuer.mjs";
import { otherKey } from "../support/keys.mjs";
import { scp, slo } from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { now } from "../support/token.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();
const JANE = { sub: "auth0|jane", aud: "https://api.example.com", scope: "read:orders" };
const iso = (seconds) => new Date(seconds * 1000).toISOString();

const post = (tenant, body, headers = {}) =>
  tenant.fetch("/api/introspect", {
    method: "POST",
    headers: { authorization: `Bearer ${tenant.token()}`, ...headers },
    body,
  });

const requestIntrospection = (tenant, token, parameters = {}) =>
  post(tenant, new URLSearchParams({ token, ...parameters }));

async function introspect(tenant, token) {
  const response = await requestIntrospection(tenant, token);
  assert.equal(response.status, 200, await response.clone().text());
  assert.match(response.headers.get("content-type"), /^application\/json/);
  assert.equal(response.headers.get("cache-control"), "no-store");
  return response.json();
}

const assertInactive = async (tenant, token) =>
  assert.deepEqual(await introspect(tenant, token), { active: false });

describe("a valid token", { concurrency: true }, () => {
  test("is active and returned with its claims, for any audience", async () => {
    const tenant = new Tenant(worker);
    const claims = tenant.issuer.claims(JANE);
    assert.deepEqual(await introspect(tenant, tenant.issuer.token(claims)), {
      ...claims,
      active: true,
      client_id: claims.azp,
      token_type: "Bearer",
    });
  });

  test("has the type DPoP if it is bound to a DPoP key, whatever its claims say", async () => {
    const tenant = new Tenant(worker);
    const cnf = { jkt: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" };
    const claims = { ...JANE, cnf, token_type: "Bearer" };
    const bound = await introspect(tenant, tenant.token(claims));
    assert.deepEqual([bound.active, bound.token_type, bound.cnf], [true, "DPoP", cnf]);
  });

  test("has the type Bearer if it is bound to a TLS certificate", async () => {
    const tenant = new Tenant(worker);
    const cnf = { "x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2" };
    const bound = await introspect(tenant, tenant.token({ ...JANE, cnf, token_type: "DPoP" }));
    assert.deepEqual([bound.active, bound.token_type, bound.cnf], [true, "Bearer", cnf]);
  });

  test("keeps its client_id claim, but cannot override active or token_type", async () => {
    const tenant = new Tenant(worker);
    const claims = { ...JANE, client_id: "app", active: false, token_type: "mac" };
    const result = await introspect(tenant, tenant.token(claims));
    assert.deepEqual([result.active, result.client_id, result.token_type], [true, "app", "Bearer"]);
  });

  test("is active without a subject", async () => {
    const tenant = new Tenant(worker);
    assert.equal(
      (await introspect(tenant, tenant.token({ ...JANE, sub: undefined }))).active,
      true,
    );
  });
});

describe("an invalid token", { concurrency: true }, () => {
  for (const [name, token] of Object.entries({
    "has expired": (tenant) => tenant.token({ ...JANE, exp: now() - 1 }),
    "is not valid yet": (tenant) => tenant.token({ ...JANE, nbf: now() + 300 }),
    "was signed with an unknown key": (tenant) =>
      tenant.token(JANE, {}, { key: otherKey().privateKey }),
    "belongs to another tenant": () => new Tenant(worker).token(JANE),
    "is not a JWT": () => "token",
    "is too long": (tenant) => tenant.token({ ...JANE, pad: "x".repeat(9_000) }),
  })) {
    test(`that ${name} is inactive, and the response has no other member`, async () => {
      const tenant = new Tenant(worker);
      await assertInactive(tenant, token(tenant));
    });
  }
});

describe("a revoked token", { concurrency: true }, () => {
  const issued = now() - 600;
  const tokenOf = (tenant, claims) => tenant.token({ ...JANE, iat: issued, ...claims });
  const isActive = async (tenant, claims) =>
    (await introspect(tenant, tokenOf(tenant, claims))).active;

  test("is inactive after the event, unless it was issued later", async () => {
    const tenant = new Tenant(worker);
    assert.equal(await isActive(tenant), true);
    await tenant.publish(scp({ user_id: JANE.sub, date: iso(issued + 60) }));
    assert.deepEqual(await introspect(tenant, tokenOf(tenant)), { active: false });
    assert.equal(await isActive(tenant, { iat: issued + 60 }), false, "issued in the same second");
    assert.equal(await isActive(tenant, { iat: issued + 61 }), true);
    assert.equal(await isActive(tenant, { iat: undefined }), false, "the time of issue is unknown");
    assert.equal(await isActive(tenant, { sub: "auth0|mary" }), true);
  });

  test("stays inactive after 150 later events and hibernation", async () => {
    const tenant = new Tenant(worker);
    await tenant.publish(scp({ user_id: JANE.sub, date: iso(issued + 60) }));
    const others = Array.from({ length: 150 }, (_, number) => scp({ user_id: `auth0|${number}` }));
    await tenant.publish(...others);
    await tenant.object.evict();
    assert.equal(await isActive(tenant), false);
  });

  test("is inactive for one session only, if the event and the token both name a session", async () => {
    const tenant = new Tenant(worker);
    const details = { session_id: "s1" };
    await tenant.publish(slo({ user_id: JANE.sub, date: iso(issued + 60), details }));
    assert.equal(await isActive(tenant, { sid: "s1" }), false);
    assert.equal(await isActive(tenant, { sid: "s2" }), true);
    assert.equal(await isActive(tenant), false, "the token may belong to that session");
    await tenant.publish(slo({ user_id: JANE.sub, date: iso(issued + 60), details: {} }));
    assert.equal(await isActive(tenant, { sid: "s2" }), false, "all sessions have ended");
  });

  test("stays inactive when an older event arrives later", async () => {
    const tenant = new Tenant(worker);
    await tenant.publish(scp({ user_id: JANE.sub, date: iso(issued + 60) }));
    await tenant.publish(scp({ user_id: JANE.sub, date: iso(issued - 60) }));
    assert.equal(await isActive(tenant), false);
  });

  test("that was issued up to a minute after an event with a date in the future is inactive, and a later one is active", async () => {
    const tenant = new Tenant(worker);
    await tenant.publish(scp({ user_id: JANE.sub, date: "2099-01-01T00:00:00.000Z" }));
    const [{ date }] = await tenant.events();
    const clamped = Math.floor(Date.parse(date) / 1000);
    assert.ok(Math.abs(clamped - now() - 60) <= 5, date);
    assert.equal(await isActive(tenant, { iat: clamped }), false);
    const { revocations } = await (await tenant.get("/api/revocations")).json();
    assert.equal(revocations[0].date, date);
  });

  test("that was issued before an event by the same clock is inactive, even if that clock is ahead", async () => {
    const tenant = new Tenant(worker);
    const ahead = now() + 3;
    await tenant.publish(scp({ user_id: JANE.sub, date: iso(ahead) }));
    assert.equal(await isActive(tenant, { iat: ahead - 1 }), false);
    assert.equal(await isActive(tenant, { iat: ahead + 1 }), true);
  });
});

describe("an introspection request", { concurrency: true }, () => {
  const tenant = new Tenant(worker);

  test("requires an access token with listen:events", async () => {
    const body = () => new URLSearchParams({ token: tenant.token(JANE) });
    const withoutToken = await tenant.fetch("/api/introspect", { method: "POST", body: body() });
    await assertError(withoutToken, 401, "invalid_token");
    assert.equal(withoutToken.headers.get("www-authenticate"), 'Bearer realm="session-events"');
    const own = { authorization: `Bearer ${tenant.token({ scope: "listen:events:self" })}` };
    await assertError(await post(tenant, body(), own), 403, "insufficient_scope");
  });

  test("requires a form with exactly one token", async () => {
    for (const body of [
      new URLSearchParams(),
      new URLSearchParams({ token: "" }),
      new URLSearchParams([
        ["token", "a"],
        ["token", "b"],
      ]),
    ])
      await assertError(await post(tenant, body), 400, "invalid_request");
    const json = { "content-type": "application/json" };
    await assertError(await post(tenant, '{"token":"a"}', json), 400, "invalid_request");
    const hint = await requestIntrospection(tenant, tenant.token(JANE), {
      token_type_hint: "refresh_token",
    });
    assert.equal((await hint.json()).active, true);
  });

  test("has a size limit", async () => {
    await assertError(
      await requestIntrospection(tenant, "x".repeat(33_000)),
      413,
      "payload_too_large",
    );
  });

  test("gets 503 while the issuer's key set is unavailable", async () => {
    const [reachable, unreachable] = [new Tenant(worker), new Tenant(worker)];
    await introspect(reachable, reachable.token(JANE));
    unreachable.issuer.behaviour = keySetResponses.unreachable;
    await assertError(
      await requestIntrospection(unreachable, unreachable.token(JANE)),
      503,
      "temporarily_unavailable",
    );
  });

  test("must use POST", async () => {
    const response = await tenant.get("/api/introspect");
    await assertError(response, 405, "method_not_allowed");
    assert.equal(response.headers.get("allow"), "POST, OPTIONS");
  });
});
