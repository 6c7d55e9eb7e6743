// Logout tokens at two receivers: this Worker, and an application with the middleware
// express-openid-connect. Both follow OpenID Connect Back-Channel Logout, so they must agree.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { after, describe, test } from "node:test";

import express from "express";
import openIdConnect from "express-openid-connect";

import { nodeFetch } from "../support/issuer.mjs";
import { otherKey, signingKey } from "../support/keys.mjs";
import { USER } from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { now, signToken } from "../support/token.mjs";
import { startWorker } from "../support/worker.mjs";

const CLIENT = "Ds7NGbWuBPz3eSaJvK4fMxCt1oQhLr2Y";
const LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout";

const worker = await startWorker({
  vars: { TENANTS: JSON.stringify({ "tenant-1@us": { logout_token_audiences: [CLIENT] } }) },
});
const tenant = new Tenant(worker);
const { issuer } = tenant.issuer;

/** The application's requests to the issuer: for its metadata and for its key set. */
async function respondAsIssuer(url) {
  if (String(url) === tenant.issuer.jwksUri) return tenant.issuer.respond();
  assert.equal(String(url), `${issuer}.well-known/openid-configuration`);
  return Response.json({
    issuer,
    jwks_uri: tenant.issuer.jwksUri,
    authorization_endpoint: `${issuer}authorize`,
    token_endpoint: `${issuer}oauth/token`,
    id_token_signing_alg_values_supported: ["RS256"],
    response_types_supported: ["id_token"],
    response_modes_supported: ["form_post"],
  });
}

/** The sessions and users that the application regards as logged out. */
const loggedOut = new Map();
const application = express()
  .use(
    openIdConnect.auth({
      issuerBaseURL: issuer,
      baseURL: "https://app.example",
      clientID: CLIENT,
      secret: "a secret for the cookies of the application",
      authRequired: false,
      backchannelLogout: {
        store: {
          get: (id, done) => done(null, loggedOut.get(id)),
          set: (id, entry, done) => done(null, loggedOut.set(id, entry)),
          destroy: (id, done) => done(null, loggedOut.delete(id)),
        },
      },
      customFetch: respondAsIssuer,
    }),
  )
  .listen(0, "127.0.0.1");
await once(application, "listening");
after(() => application.close());

/** A logout token as Auth0 describes it, except for the changes. */
const logoutToken = ({ claims = {}, header = {}, key = signingKey().privateKey } = {}) =>
  signToken({
    header: { alg: "RS256", typ: "JWT", kid: "key-1", ...header },
    claims: {
      iss: issuer,
      sub: USER,
      aud: CLIENT,
      iat: now(),
      exp: now() + 120,
      jti: randomUUID(),
      events: { [LOGOUT_EVENT]: {} },
      trace_id: "8cc0a5a2a7d4a9d5",
      sid: randomUUID(),
      ...claims,
    },
    key,
  });

const form = (token) => ({ method: "POST", body: new URLSearchParams({ logout_token: token }) });
/** Posts a token to the application and returns the response. */
const postToApplication = (token) =>
  nodeFetch(`http://127.0.0.1:${application.address().port}/backchannel-logout`, form(token));
/** Posts a token to the Worker and returns the response. */
const postToWorker = (token) => tenant.fetch("/api/backchannel-logout", form(token));

describe("the Worker and a relying party", () => {
  test("both accept a logout token as Auth0 describes it", async () => {
    const sid = randomUUID();
    const token = logoutToken({ claims: { sid } });
    assert.equal((await postToApplication(token)).status, 204);
    assert.ok(loggedOut.has(`${issuer}|${sid}`));
    assert.equal((await postToWorker(token)).status, 200);
    const [event] = await tenant.events();
    assert.equal(event.session_id, sid);
  });

  for (const [name, changes] of Object.entries({
    "with a nonce": { claims: { nonce: "n" } },
    "without the events claim": { claims: { events: undefined } },
    "without the logout event": { claims: { events: { "https://events.example/login": {} } } },
    "of another client": { claims: { aud: "another client" } },
    "of another issuer": { claims: { iss: "https://other.us.auth0.com/" } },
    "without a user and a session": { claims: { sub: undefined, sid: undefined } },
    "that has expired": { claims: { iat: now() - 200, exp: now() - 80 } },
    "that another key has signed": { key: otherKey().privateKey },
    "with an unknown key": { header: { kid: "unknown" } },
    "with an HMAC": { header: { alg: "HS256" }, key: "secret" },
  })) {
    test(`both reject a logout token ${name}`, async () => {
      const token = logoutToken(changes);
      const [users, events] = [loggedOut.size, await tenant.events()];
      for (const response of [await postToApplication(token), await postToWorker(token)]) {
        assert.equal(response.status, 400);
        assert.equal((await response.json()).error, "invalid_request");
      }
      assert.equal(loggedOut.size, users);
      assert.deepEqual(await tenant.events(), events);
    });
  }
});
