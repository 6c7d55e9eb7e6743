// The middleware in an Express application, with tokens that were verified by real middleware and
// events of the real Worker.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, describe, test } from "node:test";

import express from "express";
import { auth } from "express-oauth2-jwt-bearer";
import { createLocalJWKSet, jwtVerify } from "jose";
import { revocation, RevocationError } from "session-events/express";
import { FakeRevocations } from "session-events/testing";

import { AUDIENCE, nodeFetch } from "../../tests/support/issuer.mjs";
import { scp, slo, USER } from "../../tests/support/records.mjs";
import { Tenant } from "../../tests/support/tenant.mjs";
import { now } from "../../tests/support/token.mjs";
import { waitFor } from "../../tests/support/wait_for.mjs";
import { startWorker } from "../../tests/support/worker.mjs";
import "./support/real_fetch.mjs";

const worker = await startWorker();

async function serve(handler) {
  const server = createServer(handler).listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => server.close() && server.closeAllConnections());
  return `http://127.0.0.1:${server.address().port}/`;
}

/** Verifies the token as other middleware does. `store` puts the claims into the request. */
const verifyingMiddleware = (tenant, store) => async (request, _response, next) => {
  const token = request.headers.authorization.slice("Bearer ".length);
  const keys = createLocalJWKSet({ keys: tenant.issuer.keys });
  store(request, (await jwtVerify(token, keys, { audience: AUDIENCE })).payload);
  next();
};

const VERIFIERS = {
  "express-oauth2-jwt-bearer, which sets req.auth.payload": async (tenant, options) => {
    const jwksUri = await serve((_request, response) =>
      response.end(JSON.stringify({ keys: tenant.issuer.keys })),
    );
    return auth({ issuer: tenant.issuer.issuer, audience: AUDIENCE, jwksUri, ...options });
  },
  "a verifier that sets req.auth, as express-jwt does": (tenant) =>
    verifyingMiddleware(tenant, (request, claims) => (request.auth = claims)),
  "a verifier that sets req.user, as Passport does": (tenant) =>
    verifyingMiddleware(tenant, (request, claims) => (request.user = claims)),
};
const [BEARER] = Object.values(VERIFIERS);

/** Starts an API for a new tenant. Without `handleError`, Express responds to rejected requests. */
async function startApi({ verifier = BEARER, handleError, ...options } = {}) {
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
  const waitUntilRejected = (token) => waitFor(async () => (await statusOf(token)) === 401);
  return { tenant, check, url, get, statusOf, waitUntilRejected };
}

const secondsAgo = (seconds) => now() - seconds;
const dateAgo = (seconds) => new Date(secondsAgo(seconds) * 1000).toISOString();

describe("the Express middleware", { concurrency: true }, () => {
  for (const [name, verifier] of Object.entries(VERIFIERS))
    test(`rejects tokens issued before the session ended, after ${name}`, async () => {
      const { tenant, check, get, statusOf, waitUntilRejected } = await startApi({ verifier });
      await check.ready;
      const token = tenant.token({ iat: secondsAgo(60) });
      const welcome = await get(token);
      assert.deepEqual([welcome.status, await welcome.text()], [200, "welcome"]);

      await tenant.publish(scp({ date: dateAgo(30) }));
      await waitUntilRejected(token);
      const response = await get(token);
      assert.equal(
        response.headers.get("www-authenticate"),
        'Bearer error="invalid_token", ' +
          'error_description="The session that this access token belongs to has ended."',
      );
      assert.equal(await statusOf(tenant.token({ iat: secondsAgo(29) })), 200, "a new session");
      assert.equal(await statusOf(tenant.token({ iat: secondsAgo(60), sub: "auth0|joe" })), 200);
    });

  test("knows revocations from before its start", async () => {
    const tenant = new Tenant(worker);
    await tenant.publish(scp({ date: dateAgo(30) }));
    const { check, statusOf } = await startApi({
      tenant: tenant.slug,
      getToken: () => tenant.token(),
      verifier: () => verifyingMiddleware(tenant, (request, claims) => (request.auth = claims)),
    });
    assert.equal(check.connected, false);
    await check.ready;
    assert.equal(check.connected, true);
    assert.equal(await statusOf(tenant.token({ iat: secondsAgo(60) })), 401);
  });

  test("rejects only the tokens of the session that logged out, if the token names its session", async () => {
    const { tenant, check, statusOf, waitUntilRejected } = await startApi();
    await check.ready;
    const token = (sid) => tenant.token({ iat: secondsAgo(60), sid });
    await tenant.publish(slo({ date: dateAgo(30), details: { session_id: "s1" } }));
    await waitUntilRejected(token("s1"));
    assert.equal(await statusOf(token("s2")), 200);
    assert.equal(await statusOf(token(undefined)), 401, "the token may belong to that session");
  });

  test("reads the session from a custom claim", async () => {
    const SID = "https://example.com/sid";
    const { tenant, check, statusOf, waitUntilRejected } = await startApi({
      sessionId: (claims) => claims[SID],
    });
    await check.ready;
    const token = (sid) => tenant.token({ iat: secondsAgo(60), [SID]: sid, sid: "other" });
    await tenant.publish(slo({ date: dateAgo(30), details: { session_id: "s1" } }));
    await waitUntilRejected(token("s1"));
    assert.equal(await statusOf(token("s2")), 200);
  });

  test("passes a typed error to the application's error handler", async () => {
    let handledError;
    const { tenant, check, get, waitUntilRejected } = await startApi({
      handleError: (error, _request, response, _next) => {
        handledError = error;
        response.status(error.status).set(error.headers).json({ error: error.code });
      },
    });
    await check.ready;
    const changed = dateAgo(30);
    await tenant.publish(scp({ date: changed }));
    const token = tenant.token({ iat: secondsAgo(60) });
    await waitUntilRejected(token);
    const response = await get(token);
    assert.deepEqual(await response.json(), { error: "invalid_token" });
    assert.ok(handledError instanceof RevocationError);
    assert.equal(handledError.name, "TokenRevokedError");
    assert.equal(handledError.statusCode, 401);
    assert.deepEqual(handledError.revokedAt, new Date(changed));
    assert.ok(!handledError.stack.includes(token));
  });

  for (const [name, prepare] of [
    ["no claims", () => {}],
    ["claims without a sub", (request) => (request.auth = { payload: { iat: 1 } })],
    [
      "a user in addition to claims without a sub",
      (request) =>
        Object.assign(request, { auth: { payload: {} }, user: { sub: "auth0|joe", iat: now() } }),
    ],
    ["a string instead of claims", (request) => (request.user = "auth0|joe")],
    [
      "a function as auth in addition to a user",
      (request) =>
        Object.assign(request, { auth: () => {}, user: { sub: "auth0|joe", iat: now() } }),
    ],
    [
      "the payload of a token without its header",
      (request) => (request.auth = { payload: { sub: "auth0|joe", iat: now() }, token: "a.b.c" }),
    ],
  ])
    test(`rejects a request with ${name} and explains the reason to the developer`, async () => {
      const { check, get } = await startApi({
        verifier: () => (request, _response, next) => {
          prepare(request);
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

  test("checks the token of a request, whatever claims the token has", async () => {
    const { tenant, check, statusOf, waitUntilRejected } = await startApi({
      verifier: (tenant) =>
        verifyingMiddleware(tenant, (request, claims) => (request.auth = claims)),
    });
    await check.ready;
    await tenant.publish(scp({ date: dateAgo(30) }));
    await waitUntilRejected(tenant.token({ iat: secondsAgo(60) }));
    const payload = { sub: "auth0|joe", iat: now() };
    for (const claims of [
      { payload },
      { payload, header: { alg: "RS256" }, token: "a.b.c" },
      { auth: { payload }, user: payload, claims: payload },
    ])
      assert.equal(await statusOf(tenant.token({ iat: secondsAgo(60), ...claims })), 401);
  });

  test("reads the claims where the option claims says", async () => {
    const { tenant, check, statusOf, waitUntilRejected } = await startApi({
      verifier: (tenant) =>
        verifyingMiddleware(tenant, (request, claims) => {
          request.user = { sub: "auth0|joe", iat: now() };
          request.token = { claims };
        }),
      claims: (request) => request.token.claims,
    });
    await check.ready;
    const token = tenant.token({ iat: secondsAgo(60) });
    assert.equal(await statusOf(token), 200);
    await tenant.publish(scp({ date: dateAgo(30) }));
    await waitUntilRejected(token);
  });

  test("passes an error of the option claims to the error handler", async () => {
    const { get } = await startApi({
      verifier: () => undefined,
      claims: () => {
        throw Object.assign(new Error("no session store"), { status: 502 });
      },
    });
    assert.equal((await get("token")).status, 502);
  });

  test("with anonymous set to pass, lets requests without a token pass, and no others", async () => {
    const { tenant, check, url, statusOf, waitUntilRejected } = await startApi({
      verifier: (tenant) => BEARER(tenant, { authRequired: false }),
      anonymous: "pass",
    });
    const statusOfHeaders = async (headers) => (await nodeFetch(url, { headers })).status;
    assert.equal(await statusOfHeaders({}), 200, "there is no token to look up in the list");
    assert.equal(await statusOf(tenant.token()), 503, "before the list is complete");
    await check.ready;
    assert.equal(await statusOfHeaders({ authorization: "Basic YTpi" }), 200);
    const token = tenant.token({ iat: secondsAgo(60) });
    assert.equal(await statusOf(token), 200);
    await tenant.publish(scp({ date: dateAgo(30) }));
    await waitUntilRejected(token);
    assert.equal(await statusOf(tenant.token({ exp: secondsAgo(10) })), 401, "not verified");
  });

  test("with anonymous set to pass, rejects a token that no middleware has verified", async () => {
    const { tenant, check, url, get } = await startApi({
      verifier: () => undefined,
      anonymous: "pass",
    });
    await check.ready;
    assert.equal((await nodeFetch(url)).status, 200);
    assert.equal((await get(tenant.token())).status, 401);
    for (const scheme of ["bearer", "BEARER", "DPoP"]) {
      const authorization = `${scheme} ${tenant.token()}`;
      assert.equal((await nodeFetch(url, { headers: { authorization } })).status, 401, scheme);
    }
  });

  test("checks with existing revocations, which several middlewares can share", async () => {
    const revocations = new FakeRevocations();
    const { get, tenant } = await startApi({ revocations });
    const token = tenant.token({ iat: secondsAgo(60) });
    assert.equal((await get(token)).status, 200);
    revocations.revoke({ user_id: USER });
    assert.equal((await get(token)).status, 401);
  });

  test("rejects invalid options", () => {
    const options = { revocations: new FakeRevocations() };
    for (const anonymous of ["allow", true, null])
      assert.throws(() => revocation({ ...options, anonymous }), {
        name: "TypeError",
        message: /anonymous must be "refuse", or "pass"/,
      });
    assert.throws(() => revocation({ ...options, claims: "auth" }), {
      name: "TypeError",
      message: /claims must be a function/,
    });
  });

  test("rejects all requests while disconnected if whileDisconnected is refuse", async () => {
    const { tenant, check, get, statusOf, waitUntilRejected } = await startApi();
    const first = await get(tenant.token());
    assert.equal(first.status, 503, "before the replay");
    assert.equal(first.headers.get("retry-after"), "5");
    await check.ready;
    const revoked = tenant.token({ iat: secondsAgo(60) });
    await tenant.publish(scp({ date: dateAgo(30) }));
    await waitUntilRejected(revoked);
    check.close();
    assert.equal(check.connected, false);
    assert.equal(await statusOf(tenant.token()), 503);
    assert.equal(await statusOf(revoked), 401, "known revocations are kept");
  });

  test("uses the known revocations while disconnected if whileDisconnected is pass", async () => {
    const { tenant, check, statusOf, waitUntilRejected } = await startApi({
      whileDisconnected: "pass",
    });
    assert.equal(await statusOf(tenant.token()), 200, "before the replay");
    await check.ready;
    const revoked = tenant.token({ iat: secondsAgo(60) });
    await tenant.publish(scp({ date: dateAgo(30) }));
    await waitUntilRejected(revoked);
    check.close();
    assert.equal(await statusOf(tenant.token()), 200);
    assert.equal(await statusOf(revoked), 401);
  });

  test("requires the option whileDisconnected, unless there are revocations", () => {
    const options = { url: worker.url, tenant: "acme", getToken: () => "", revocations: undefined };
    for (const whileDisconnected of [undefined, "maybe", true])
      assert.throws(() => revocation({ ...options, whileDisconnected }), {
        name: "TypeError",
        message: /whileDisconnected must be chosen: "refuse".*"pass"/,
      });
  });
});
