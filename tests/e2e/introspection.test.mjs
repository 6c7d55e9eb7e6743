// Whether a token is still good, asked by a backend that cannot hold a socket (RFC 7662).
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

const ask = (tenant, token, more = {}) => post(tenant, new URLSearchParams({ token, ...more }));

async function introspect(tenant, token) {
  const response = await ask(tenant, token);
  assert.equal(response.status, 200, await response.clone().text());
  assert.match(response.headers.get("content-type"), /^application\/json/);
  assert.equal(response.headers.get("cache-control"), "no-store");
  return response.json();
}

const assertInactive = async (tenant, token) =>
  assert.deepEqual(await introspect(tenant, token), { active: false });

describe("a token that is good", { concurrency: true }, () => {
  test("is active, with its claims, whatever API it is for", async () => {
    const tenant = new Tenant(worker);
    const claims = tenant.issuer.claims(JANE);
    assert.deepEqual(await introspect(tenant, tenant.issuer.token(claims)), {
      ...claims,
      active: true,
      client_id: claims.azp,
      token_type: "Bearer",
    });
  });

  test("keeps the client that it names, and no claim of its own passes for an answer", async () => {
    const tenant = new Tenant(worker);
    const claims = { ...JANE, client_id: "app", active: false, token_type: "mac" };
    const answer = await introspect(tenant, tenant.token(claims));
    assert.deepEqual([answer.active, answer.client_id, answer.token_type], [true, "app", "Bearer"]);
  });

  test("may be about nobody", async () => {
    const tenant = new Tenant(worker);
    assert.equal(
      (await introspect(tenant, tenant.token({ ...JANE, sub: undefined }))).active,
      true,
    );
  });
});

describe("a token that is no good", { concurrency: true }, () => {
  for (const [name, token] of Object.entries({
    "has expired": (tenant) => tenant.token({ ...JANE, exp: now() - 1 }),
    "is not valid yet": (tenant) => tenant.token({ ...JANE, nbf: now() + 300 }),
    "was signed by a stranger": (tenant) => tenant.token(JANE, {}, { key: otherKey().privateKey }),
    "is another tenant's": () => new Tenant(worker).token(JANE),
    "is no token": () => "token",
    "is too long": (tenant) => tenant.token({ ...JANE, pad: "x".repeat(9_000) }),
  })) {
    test(`because it ${name} is not active, and nothing else is told of it`, async () => {
      const tenant = new Tenant(worker);
      await assertInactive(tenant, token(tenant));
    });
  }
});

describe("a token that was revoked", { concurrency: true }, () => {
  const issued = now() - 600;
  const tokenOf = (tenant, claims) => tenant.token({ ...JANE, iat: issued, ...claims });
  const isActive = async (tenant, claims) =>
    (await introspect(tenant, tokenOf(tenant, claims))).active;

  test("is not active from the event on, and one issued after it is", async () => {
    const tenant = new Tenant(worker);
    assert.equal(await isActive(tenant), true);
    await tenant.publish(scp({ user_id: JANE.sub, date: iso(issued + 60) }));
    assert.deepEqual(await introspect(tenant, tokenOf(tenant)), { active: false });
    assert.equal(await isActive(tenant, { iat: issued + 60 }), false, "in the same second");
    assert.equal(await isActive(tenant, { iat: issued + 61 }), true);
    assert.equal(await isActive(tenant, { iat: undefined }), false, "since when is not known");
    assert.equal(await isActive(tenant, { sub: "auth0|mary" }), true);
  });

  test("stays so through 150 newer events and the object's sleep", async () => {
    const tenant = new Tenant(worker);
    await tenant.publish(scp({ user_id: JANE.sub, date: iso(issued + 60) }));
    const others = Array.from({ length: 150 }, (_, number) => scp({ user_id: `auth0|${number}` }));
    await tenant.publish(...others);
    await tenant.hub.evict();
    assert.equal(await isActive(tenant), false);
  });

  test("for one session is so alone, where both tell which session it is", async () => {
    const tenant = new Tenant(worker);
    const details = { session_id: "s1" };
    await tenant.publish(slo({ user_id: JANE.sub, date: iso(issued + 60), details }));
    assert.equal(await isActive(tenant, { sid: "s1" }), false);
    assert.equal(await isActive(tenant, { sid: "s2" }), true);
    assert.equal(await isActive(tenant), false, "it may be of that session");
    await tenant.publish(slo({ user_id: JANE.sub, date: iso(issued + 60), details: {} }));
    assert.equal(await isActive(tenant, { sid: "s2" }), false, "all sessions have ended");
  });

  test("is not revived by an older event that comes later", async () => {
    const tenant = new Tenant(worker);
    await tenant.publish(scp({ user_id: JANE.sub, date: iso(issued + 60) }));
    await tenant.publish(scp({ user_id: JANE.sub, date: iso(issued - 60) }));
    assert.equal(await isActive(tenant), false);
  });

  test("by an event of the future is so up to now, and not for ever", async () => {
    const tenant = new Tenant(worker);
    await tenant.publish(scp({ user_id: JANE.sub, date: "2199-01-01T00:00:00.000Z" }));
    assert.equal(await isActive(tenant), false);
    assert.equal(await isActive(tenant, { iat: now() + 30 }), true);
  });
});

describe("to ask", { concurrency: true }, () => {
  const tenant = new Tenant(worker);

  test("takes an access token with the right to listen to all", async () => {
    const body = () => new URLSearchParams({ token: tenant.token(JANE) });
    const none = await tenant.fetch("/api/introspect", { method: "POST", body: body() });
    await assertError(none, 401, "invalid_token");
    assert.equal(none.headers.get("www-authenticate"), 'Bearer realm="session-events"');
    const own = { authorization: `Bearer ${tenant.token({ scope: "listen:events:self" })}` };
    await assertError(await post(tenant, body(), own), 403, "insufficient_scope");
  });

  test("takes a form with one token", async () => {
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
    const hint = await ask(tenant, tenant.token(JANE), { token_type_hint: "refresh_token" });
    assert.equal((await hint.json()).active, true);
  });

  test("is bounded", async () => {
    await assertError(await ask(tenant, "x".repeat(33_000)), 413, "payload_too_large");
  });

  test("while the issuer's keys cannot be had is answered with neither yes nor no", async () => {
    const [asking, asked] = [new Tenant(worker), new Tenant(worker)];
    await introspect(asking, asking.token(JANE));
    asked.issuer.behaviour = keySetResponses.unreachable;
    await assertError(await ask(asked, asked.token(JANE)), 503, "temporarily_unavailable");
  });

  test("is done by POST", async () => {
    const response = await tenant.get("/api/introspect");
    await assertError(response, 405, "method_not_allowed");
    assert.equal(response.headers.get("allow"), "POST, OPTIONS");
  });
});
