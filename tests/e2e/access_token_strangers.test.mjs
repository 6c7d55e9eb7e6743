// Genuine tokens of another kind, tenant or purpose, which the Worker must reject. Also checks that
// a token on a WebSocket upgrade is checked as strictly as over HTTP and in a message.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { assertError, sendRawRequest, upgradeHeaders } from "../support/http.mjs";
import { AUDIENCE } from "../support/issuer.mjs";
import { jwk, otherKey, signingKey } from "../support/keys.mjs";
import { publishToken, Tenant } from "../support/tenant.mjs";
import { signToken, now, trackCredential } from "../support/token.mjs";
import { reasons, tokenTestsFor } from "../support/token_tests.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();
const tenant = new Tenant(worker, { name: "namesake", locality: "us" });
const { accepts, rejects } = tokenTestsFor(tenant);
const CLIENT = "1TAdZxKQk1kZ9hJ0dyWpm3vC0bLxPq2S";
const { issuer } = tenant.issuer;

/** Returns a token of the tenant with these claims, which expires in an hour. */
const genuineToken = (claims, typ = "JWT", header = {}) =>
  signToken({
    header: { alg: "RS256", typ, kid: "key-1", ...header },
    claims: { iss: issuer, iat: now(), exp: now() + 3600, ...claims },
    key: signingKey().privateKey,
  });

// Access tokens as Auth0 issues them.
const VALID = {
  "a user's token with the Auth0 profile": () =>
    genuineToken({
      sub: "auth0|6182002f34f4dd006b05b5c7",
      aud: [AUDIENCE, `${issuer}userinfo`],
      azp: CLIENT,
      scope: "openid profile listen:events",
      permissions: ["listen:events"],
      org_id: "org_9ybsU1dN2dKfDkBi",
    }),
  "a machine's token with the Auth0 profile": () =>
    genuineToken({
      sub: `${CLIENT}@clients`,
      aud: AUDIENCE,
      azp: CLIENT,
      gty: "client-credentials",
      scope: "listen:events",
    }),
  "a token with the RFC 9068 profile": () =>
    genuineToken(
      {
        sub: "auth0|6182002f34f4dd006b05b5c7",
        aud: AUDIENCE,
        client_id: CLIENT,
        jti: "dbe39bf3a3ba4238a513f51d6e1691c4",
        scope: "openid listen:events",
        auth_time: now(),
      },
      "at+jwt",
    ),
  "a machine's token with the RFC 9068 profile and PS256": () =>
    genuineToken(
      { sub: CLIENT, aud: AUDIENCE, client_id: CLIENT, jti: "1", permissions: ["listen:events"] },
      "at+jwt",
      { alg: "PS256" },
    ),
};

const user = { sub: "auth0|6182002f34f4dd006b05b5c7", scope: "listen:events" };
const logoutEvent = { "http://schemas.openid.net/event/backchannel-logout": {} };
const [otherLocality, noLocality, other] = [
  new Tenant(worker, { name: "namesake", locality: "eu" }),
  new Tenant(worker, { name: "namesake", locality: "" }),
  new Tenant(worker),
];
other.issuer.keys = [jwk(otherKey(), "key-1"), jwk(signingKey(), "key-2")];

const WRONG_TOKENS = {
  "an ID token": [
    () => genuineToken({ ...user, aud: CLIENT, nonce: "n", sid: "s", auth_time: now() }),
    reasons.audience,
  ],
  "a logout token": [
    () => genuineToken({ ...user, aud: CLIENT, jti: "1", events: logoutEvent }, "logout+jwt"),
    reasons.type,
  ],
  "a logout token for this audience": [
    () => genuineToken({ ...user, aud: AUDIENCE, jti: "1", events: logoutEvent }, "logout+jwt"),
    reasons.type,
  ],
  "a logout token without its type": [
    () => genuineToken({ ...user, aud: CLIENT, jti: "1", events: logoutEvent }),
    reasons.logoutToken,
  ],
  "a logout token for this audience without its type": [
    () => genuineToken({ ...user, aud: AUDIENCE, jti: "1", events: logoutEvent }),
    reasons.logoutToken,
  ],
  "an access token for the Management API": [
    () => genuineToken({ ...user, aud: `${issuer}api/v2/` }),
    reasons.audience,
  ],
  "an access token for userinfo": [
    () => genuineToken({ ...user, aud: `${issuer}userinfo` }),
    reasons.audience,
  ],
  "a client assertion": [
    () => genuineToken({ iss: CLIENT, sub: CLIENT, aud: issuer, jti: "1" }),
    reasons.issuer,
  ],
  "a DPoP proof": [
    () =>
      genuineToken({ ...user, aud: AUDIENCE, htm: "GET", htu: AUDIENCE }, "dpop+jwt", {
        jwk: jwk(signingKey(), "key-1"),
      }),
    reasons.header,
  ],
  "a security event token": [
    () => genuineToken({ ...user, aud: AUDIENCE, events: {} }, "secevent+jwt"),
    reasons.type,
  ],
  "a refresh token": [() => "v1.MRrtPRmbB9kXfDnQhHGEm4bJ0cVw2sYt8LzKpA6eUoI5r", reasons.form],
  "an API key": [() => "sk_live_4eC39HqLyjWDarjtT1zdp7dc", reasons.form],
  "the publish token": [() => publishToken(tenant.domain), reasons.form],
  "the publish token in three parts": [
    () => `${publishToken(tenant.domain)}.e30.e30`,
    reasons.form,
  ],
  "a user name and a password": [() => Buffer.from("admin:admin").toString("base64"), reasons.form],
  "a token of the tenant with the same name in another locality": [
    () => otherLocality.token(),
    reasons.issuer,
  ],
  "a token of the tenant with the same name without a locality": [
    () => noLocality.token(),
    reasons.issuer,
  ],
  "a token of another tenant": [() => other.token(), reasons.issuer],
  "a token signed with another tenant's key": [
    () => tenant.token({}, {}, { key: otherKey().privateKey }),
    reasons.signature,
  ],
  "a token with a kid that only another tenant has": [
    () => tenant.token({}, { kid: "key-2" }),
    reasons.key,
  ],
};

describe("access tokens of Auth0", { concurrency: 20 }, () => {
  for (const [name, token] of Object.entries(VALID)) accepts(name, token);
});

describe("other tokens", { concurrency: 20 }, () => {
  for (const [name, [token, reason]] of Object.entries(WRONG_TOKENS)) rejects(name, token, reason);

  test("an access token is rejected as a publish token", async () => {
    for (const token of Object.values(VALID)) {
      for (const authorization of [token(), `Bearer ${token()}`]) {
        await assertError(await tenant.post("[]", { authorization }), 401, "invalid_token");
      }
    }
  });

  test("another tenant's publish token is rejected", async () => {
    for (const { domain } of [otherLocality, noLocality, other]) {
      const authorization = publishToken(domain);
      await assertError(await tenant.post("[]", { authorization }), 401, "invalid_token");
    }
    assert.equal(
      (await tenant.post("[]")).status,
      200,
      "the tenant's own publish token is accepted",
    );
  });
});

const TRANSPORTS = {
  "the Authorization header": (token) => ({ authorization: `Bearer ${token}` }),
  "a subprotocol": (token) => ({ "sec-websocket-protocol": `session-events, bearer.${token}` }),
};
const INVALID = {
  ...WRONG_TOKENS,
  "a token without a signature": [
    () => tenant.token({}, { alg: "none" }, { signedAs: "none" }),
    reasons.algorithm,
  ],
  "a token signed with HS256 and the public key": [
    () => {
      const key = signingKey().publicKey.export({ type: "spki", format: "pem" });
      return tenant.token({}, { alg: "HS256" }, { key });
    },
    reasons.algorithm,
  ],
  "a token with a jwk that signs it": [
    () => tenant.token({}, { jwk: jwk(otherKey()), kid: "x" }, { key: otherKey().privateKey }),
    reasons.header,
  ],
  "a token with a jku": [() => tenant.token({}, { jku: "https://evil.example/" }), reasons.header],
  "a token with padding": [() => `${tenant.token()}==`, reasons.form],
  "an expired token": [() => tenant.token({ exp: now() - 1 }), reasons.expired],
  "a token with an empty sub": [() => tenant.token({ sub: "" }), reasons.subject],
  "a token with a sub of 1,025 bytes": [
    () => tenant.token({ sub: "x".repeat(1_025) }),
    reasons.subject,
  ],
  "a token with too many levels of nesting": [
    () => {
      const claims = JSON.stringify(tenant.issuer.claims());
      const nested = `,"x":${"[".repeat(124)}${"]".repeat(124)}}`;
      return signToken({
        header: { alg: "RS256", kid: "key-1" },
        claims: claims.replace(/}$/, nested),
        key: signingKey().privateKey,
      });
    },
    reasons.form,
  ],
};

for (const [transport, present] of Object.entries(TRANSPORTS)) {
  describe(`an upgrade with the token in ${transport}`, { concurrency: 20 }, () => {
    const requestUpgrade = (token) =>
      sendRawRequest(worker.url, {
        path: `/${tenant.slug}/api/subscribe`,
        headers: { ...upgradeHeaders, ...present(trackCredential(token)) },
      });

    for (const [name, token] of Object.entries(VALID)) {
      test(`accepts ${name}`, async () => {
        assert.equal((await requestUpgrade(token())).status, 101);
      });
    }
    for (const [name, [token, reason]] of Object.entries(INVALID)) {
      test(`rejects ${name}`, async () => {
        const response = await requestUpgrade(token());
        const { error_description } = await assertError(response, 401, "invalid_token");
        assert.match(error_description, reason);
      });
    }
  });
}

describe("two tokens in one request", { concurrency: 20 }, () => {
  const requestEvents = async (headers) => {
    const path = `/${tenant.slug}/api/events`;
    return sendRawRequest(worker.url, { path, headers });
  };

  test("two Authorization headers are a 401", async () => {
    const [valid, invalid] = [`Bearer ${tenant.token()}`, `Bearer ${other.token()}`];
    for (const authorization of [
      [valid, invalid],
      [invalid, valid],
      [valid, valid],
    ]) {
      await assertError(await requestEvents({ authorization }), 401, "invalid_token");
    }
  });

  test("two tokens in the subprotocols are a 400", async () => {
    const headers = {
      ...upgradeHeaders,
      "sec-websocket-protocol": `session-events, bearer.${tenant.token()}, bearer.${other.token()}`,
    };
    const path = `/${tenant.slug}/api/subscribe`;
    await assertError(await sendRawRequest(worker.url, { path, headers }), 400, "invalid_request");
  });
});
