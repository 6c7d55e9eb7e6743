// The middleware in an Express application, with tokens that real middleware has verified, and
// with the events of the real worker.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, describe, test } from "node:test";

import express from "express";
import { auth } from "express-oauth2-jwt-bearer";
import { createLocalJWKSet, jwtVerify } from "jose";
import { revocation, RevocationError } from "session-events/express";

import { AUDIENCE, nodeFetch } from "../../tests/support/issuer.mjs";
import { scp, slo } from "../../tests/support/records.mjs";
import { Tenant } from "../../tests/support/tenant.mjs";
import { now } from "../../tests/support/token.mjs";
import { waitFor } from "../../tests/support/wait_for.mjs";
import { startWorker } from "../../tests/support/worker.mjs";
import "./support/own_fetch.mjs";

const worker = await startWorker();

async function serve(handler) {
  const server = createServer(handler).listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => server.close() && server.closeAllConnections());
  return `http://127.0.0.1:${server.address().port}/`;
}

/** Verifies as others do, and leaves the claims where they leave them. */
const leavingClaims = (tenant, leave) => async (request, _response, next) => {
  const token = request.headers.authorization.slice("Bearer ".length);
  const keys = createLocalJWKSet({ keys: tenant.issuer.keys });
  leave(request, (await jwtVerify(token, keys, { audience: AUDIENCE })).payload);
  next();
};

const VERIFIERS = {
  "express-oauth2-jwt-bearer, which sets req.auth.payload": async (tenant) => {
    const jwksUri = await serve((_request, response) =>
      response.end(JSON.stringify({ keys: tenant.issuer.keys })),
    );
    return auth({ issuer: tenant.issuer.issuer, audience: AUDIENCE, jwksUri });
  },
  "one that sets req.auth, as express-jwt does": (tenant) =>
    leavingClaims(tenant, (request, claims) => (request.auth = claims)),
  "one that sets req.user, as Passport does": (tenant) =>
    leavingClaims(tenant, (request, claims) => (request.user = claims)),
};
const [BEARER] = Object.values(VERIFIERS);

/** An API of a tenant of its own; what is refused is answered by Express itself. */
async function api({ verifier = BEARER, handleError, ...options } = {}) {
  const tenant = new Tenant(worker);
  const check = revocation({
    url: worker.url,
    tenant: tenant.slug,
    getToken: () => tenant.token(),
    whileDisconnected: "refuse",
    ...options,
  });
  after(() => check.close());
  const app = express();
  app.set("env", "test");
  const verify = await verifier?.(tenant);
  if (verify) app.use(verify);
  app.use(check);
  app.get("/", (_request, response) => response.send("welcome"));
  if (handleError) app.use(handleError);
  const url = await serve(app);
  const get = (token) => nodeFetch(url, { headers: { authorization: `Bearer ${token}` } });
  const statusOf = async (token) => (await get(token)).status;
  const refused = (token) => waitFor(async () => (await statusOf(token)) === 401);
  return { tenant, check, get, statusOf, refused };
}

const earlier = (seconds) => now() - seconds;
const date = (seconds) => new Date(earlier(seconds) * 1000).toISOString();

describe("the Express middleware", { concurrency: true }, () => {
  for (const [name, verifier] of Object.entries(VERIFIERS))
    test(`refuses what was issued before the user's session ended, after ${name}`, async () => {
      const { tenant, check, get, statusOf, refused } = await api({ verifier });
      await check.ready;
      const token = tenant.token({ iat: earlier(60) });
      const welcome = await get(token);
      assert.deepEqual([welcome.status, await welcome.text()], [200, "welcome"]);

      await tenant.publish(scp({ date: date(30) }));
      await refused(token);
      const response = await get(token);
      assert.equal(
        response.headers.get("www-authenticate"),
        'Bearer error="invalid_token", ' +
          'error_description="The session that this access token belongs to has ended."',
      );
      assert.equal(await statusOf(tenant.token({ iat: earlier(29) })), 200, "a new session");
      assert.equal(await statusOf(tenant.token({ iat: earlier(60), sub: "auth0|joe" })), 200);
    });

  test("knows at once what was published before it was started", async () => {
    const tenant = new Tenant(worker);
    await tenant.publish(scp({ date: date(30) }));
    const { check, statusOf } = await api({
      tenant: tenant.slug,
      getToken: () => tenant.token(),
      verifier: () => leavingClaims(tenant, (request, claims) => (request.auth = claims)),
    });
    assert.equal(check.connected, false);
    await check.ready;
    assert.equal(check.connected, true);
    assert.equal(await statusOf(tenant.token({ iat: earlier(60) })), 401);
  });

  test("ends only the session that logged out, where the token names one", async () => {
    const { tenant, check, statusOf, refused } = await api();
    await check.ready;
    const token = (sid) => tenant.token({ iat: earlier(60), sid });
    await tenant.publish(slo({ date: date(30), details: { session_id: "s1" } }));
    await refused(token("s1"));
    assert.equal(await statusOf(token("s2")), 200);
    assert.equal(await statusOf(token(undefined)), 401, "it might be of that session");
  });

  test("finds the session in a claim of the application's own", async () => {
    const SID = "https://example.com/sid";
    const { tenant, check, statusOf, refused } = await api({
      sessionId: (claims) => claims[SID],
    });
    await check.ready;
    const token = (sid) => tenant.token({ iat: earlier(60), [SID]: sid, sid: "other" });
    await tenant.publish(slo({ date: date(30), details: { session_id: "s1" } }));
    await refused(token("s1"));
    assert.equal(await statusOf(token("s2")), 200);
  });

  test("hands a typed error to the application's own handler", async () => {
    let seen;
    const { tenant, check, get, refused } = await api({
      handleError: (error, _request, response, _next) => {
        seen = error;
        response.status(error.status).set(error.headers).json({ error: error.code });
      },
    });
    await check.ready;
    const changed = date(30);
    await tenant.publish(scp({ date: changed }));
    const token = tenant.token({ iat: earlier(60) });
    await refused(token);
    const response = await get(token);
    assert.deepEqual(await response.json(), { error: "invalid_token" });
    assert.ok(seen instanceof RevocationError);
    assert.equal(seen.name, "TokenRevokedError");
    assert.equal(seen.statusCode, 401);
    assert.deepEqual(seen.revokedAt, new Date(changed));
    assert.ok(!seen.stack.includes(token));
  });

  for (const [name, leave] of [
    ["no claims", () => {}],
    ["claims without a sub", (request) => (request.auth = { payload: { iat: 1 } })],
    [
      "a user beside claims without a sub",
      (request) =>
        Object.assign(request, { auth: { payload: {} }, user: { sub: "auth0|joe", iat: now() } }),
    ],
    ["a name for claims", (request) => (request.user = "auth0|joe")],
  ])
    test(`refuses a request that has ${name}, and tells the developer why`, async () => {
      const { check, get } = await api({
        verifier: () => (request, _response, next) => {
          leave(request);
          next();
        },
        handleError: (error, _request, response, _next) =>
          response.status(error.status).set(error.headers).json([error.code, error.message]),
      });
      await check.ready;
      const response = await get("none");
      assert.equal(response.status, 401);
      assert.equal(response.headers.get("www-authenticate"), "Bearer");
      const [code, message] = await response.json();
      assert.equal(code, "missing_claims");
      assert.match(message, /after the one that verifies the JWT/);
    });

  test("while disconnected, refuses everybody if it was told to", async () => {
    const { tenant, check, get, statusOf, refused } = await api();
    const first = await get(tenant.token());
    assert.equal(first.status, 503, "before the replay has come");
    assert.equal(first.headers.get("retry-after"), "5");
    await check.ready;
    const revoked = tenant.token({ iat: earlier(60) });
    await tenant.publish(scp({ date: date(30) }));
    await refused(revoked);
    check.close();
    assert.equal(check.connected, false);
    assert.equal(await statusOf(tenant.token()), 503);
    assert.equal(await statusOf(revoked), 401, "what is known stays known");
  });

  test("while disconnected, goes by what is known if it was told to", async () => {
    const { tenant, check, statusOf, refused } = await api({ whileDisconnected: "pass" });
    assert.equal(await statusOf(tenant.token()), 200, "before the replay has come");
    await check.ready;
    const revoked = tenant.token({ iat: earlier(60) });
    await tenant.publish(scp({ date: date(30) }));
    await refused(revoked);
    check.close();
    assert.equal(await statusOf(tenant.token()), 200);
    assert.equal(await statusOf(revoked), 401);
  });

  test("leaves that choice to nobody but the developer", () => {
    for (const whileDisconnected of [undefined, "maybe", true])
      assert.throws(
        () =>
          revocation({ url: worker.url, tenant: "acme", getToken: () => "", whileDisconnected }),
        { name: "TypeError", message: /whileDisconnected must be chosen: "refuse".*"pass"/ },
      );
  });
});
