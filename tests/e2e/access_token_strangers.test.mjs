// Tokens that are genuine, and not for this door: of another kind, another tenant, another use. And
// that every way to present a token is as strict as the two that the other files try.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { assertError, sendRawRequest, upgradeHeaders } from "../support/http.mjs";
import { AUDIENCE } from "../support/issuer.mjs";
import { jwk, otherKey, signingKey } from "../support/keys.mjs";
import { publishToken, Tenant } from "../support/tenant.mjs";
import { mint, now, shown } from "../support/token.mjs";
import { reasons, verdictsFor } from "../support/token_tests.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();
const tenant = new Tenant(worker, { name: "namesake", locality: "us" });
const { accepted, refused } = verdictsFor(tenant);
const CLIENT = "1TAdZxKQk1kZ9hJ0dyWpm3vC0bLxPq2S";
const { issuer } = tenant.issuer;

/** A token of the tenant with just these claims, which last for an hour. */
const genuine = (claims, typ = "JWT", header = {}) =>
  mint({
    header: { alg: "RS256", typ, kid: "key-1", ...header },
    claims: { iss: issuer, iat: now(), exp: now() + 3600, ...claims },
    key: signingKey().privateKey,
  });

// The access tokens as Auth0 makes them.
const HONEST = {
  "of Auth0's profile, for a user,": () =>
    genuine({
      sub: "auth0|6182002f34f4dd006b05b5c7",
      aud: [AUDIENCE, `${issuer}userinfo`],
      azp: CLIENT,
      scope: "openid profile listen:events",
      permissions: ["listen:events"],
      org_id: "org_9ybsU1dN2dKfDkBi",
    }),
  "of Auth0's profile, for a machine,": () =>
    genuine({
      sub: `${CLIENT}@clients`,
      aud: AUDIENCE,
      azp: CLIENT,
      gty: "client-credentials",
      scope: "listen:events",
    }),
  "of RFC 9068": () =>
    genuine(
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
  "of RFC 9068, for a machine, with PS256,": () =>
    genuine(
      { sub: CLIENT, aud: AUDIENCE, client_id: CLIENT, jti: "1", permissions: ["listen:events"] },
      "at+jwt",
      { alg: "PS256" },
    ),
};

const user = { sub: "auth0|6182002f34f4dd006b05b5c7", scope: "listen:events" };
const logoutEvent = { "http://schemas.openid.net/event/backchannel-logout": {} };
const [there, nowhere, other] = [
  new Tenant(worker, { name: "namesake", locality: "eu" }),
  new Tenant(worker, { name: "namesake", locality: "" }),
  new Tenant(worker),
];
other.issuer.keys = [jwk(otherKey(), "key-1"), jwk(signingKey(), "key-2")];

const STRANGE = {
  "an ID token": [
    () => genuine({ ...user, aud: CLIENT, nonce: "n", sid: "s", auth_time: now() }),
    reasons.audience,
  ],
  "a logout token": [
    () => genuine({ ...user, aud: CLIENT, jti: "1", events: logoutEvent }, "logout+jwt"),
    reasons.type,
  ],
  "a logout token for this audience": [
    () => genuine({ ...user, aud: AUDIENCE, jti: "1", events: logoutEvent }, "logout+jwt"),
    reasons.type,
  ],
  "a logout token without its type": [
    () => genuine({ ...user, aud: CLIENT, jti: "1", events: logoutEvent }),
    reasons.audience,
  ],
  "an access token for the Management API": [
    () => genuine({ ...user, aud: `${issuer}api/v2/` }),
    reasons.audience,
  ],
  "an access token for userinfo": [
    () => genuine({ ...user, aud: `${issuer}userinfo` }),
    reasons.audience,
  ],
  "a client's assertion": [
    () => genuine({ iss: CLIENT, sub: CLIENT, aud: issuer, jti: "1" }),
    reasons.issuer,
  ],
  "a proof of possession": [
    () =>
      genuine({ ...user, aud: AUDIENCE, htm: "GET", htu: AUDIENCE }, "dpop+jwt", {
        jwk: jwk(signingKey(), "key-1"),
      }),
    reasons.header,
  ],
  "a security event": [
    () => genuine({ ...user, aud: AUDIENCE, events: {} }, "secevent+jwt"),
    reasons.type,
  ],
  "a refresh token": [() => "v1.MRrtPRmbB9kXfDnQhHGEm4bJ0cVw2sYt8LzKpA6eUoI5r", reasons.form],
  "a key of an API": [() => "sk_live_4eC39HqLyjWDarjtT1zdp7dc", reasons.form],
  "the publish token": [() => publishToken(tenant.domain), reasons.form],
  "the publish token in three parts": [
    () => `${publishToken(tenant.domain)}.e30.e30`,
    reasons.form,
  ],
  "a name and a password": [() => Buffer.from("admin:admin").toString("base64"), reasons.form],
  "a token of the namesake in another locality": [() => there.token(), reasons.issuer],
  "a token of the namesake in no locality": [() => nowhere.token(), reasons.issuer],
  "a token of another tenant": [() => other.token(), reasons.issuer],
  "a token by another tenant's key": [
    () => tenant.token({}, {}, { key: otherKey().privateKey }),
    reasons.signature,
  ],
  "a token by a key that another tenant has under that kid": [
    () => tenant.token({}, { kid: "key-2" }),
    reasons.key,
  ],
};

describe("an honest token", { concurrency: 20 }, () => {
  for (const [name, token] of Object.entries(HONEST)) accepted(name, token);
});

describe("a stranger's token,", { concurrency: 20 }, () => {
  for (const [name, [token, reason]] of Object.entries(STRANGE)) refused(name, token, reason);

  test("an access token, does not publish", async () => {
    for (const token of Object.values(HONEST)) {
      for (const authorization of [token(), `Bearer ${token()}`]) {
        await assertError(await tenant.post("[]", { authorization }), 401, "invalid_token");
      }
    }
  });

  test("another tenant's publish token, does not publish", async () => {
    for (const { domain } of [there, nowhere, other]) {
      const authorization = publishToken(domain);
      await assertError(await tenant.post("[]", { authorization }), 401, "invalid_token");
    }
    assert.equal((await tenant.post("[]")).status, 200, "its own does");
  });
});

const WAYS = {
  "the Authorization header": (token) => ({ authorization: `Bearer ${token}` }),
  "a subprotocol": (token) => ({ "sec-websocket-protocol": `session-events, bearer.${token}` }),
};
const BAD = {
  ...STRANGE,
  "a token without a signature": [
    () => tenant.token({}, { alg: "none" }, { signedAs: "none" }),
    reasons.algorithm,
  ],
  "a token by the public key": [
    () => {
      const key = signingKey().publicKey.export({ type: "spki", format: "pem" });
      return tenant.token({}, { alg: "HS256" }, { key });
    },
    reasons.algorithm,
  ],
  "a token by a key of its own": [
    () => tenant.token({}, { jwk: jwk(otherKey()), kid: "x" }, { key: otherKey().privateKey }),
    reasons.header,
  ],
  "a token that names a place": [
    () => tenant.token({}, { jku: "https://evil.example/" }),
    reasons.header,
  ],
  "a token with padding": [() => `${tenant.token()}==`, reasons.form],
  "a token that is over": [() => tenant.token({ exp: now() - 1 }), reasons.expired],
  "a token about nobody": [() => tenant.token({ sub: "" }), reasons.subject],
  "a token about a very long name": [
    () => tenant.token({ sub: "x".repeat(1_025) }),
    reasons.subject,
  ],
  "a token that is nested too deep": [
    () => {
      const claims = JSON.stringify(tenant.issuer.claims());
      const nested = `,"x":${"[".repeat(124)}${"]".repeat(124)}}`;
      return mint({
        header: { alg: "RS256", kid: "key-1" },
        claims: claims.replace(/}$/, nested),
        key: signingKey().privateKey,
      });
    },
    reasons.form,
  ],
};

for (const [way, present] of Object.entries(WAYS)) {
  describe(`on the upgrade, in ${way},`, { concurrency: 20 }, () => {
    const ask = (token) =>
      sendRawRequest(worker.url, {
        path: `/${tenant.slug}/api/subscribe`,
        headers: { ...upgradeHeaders, ...present(shown(token)) },
      });

    for (const [name, token] of Object.entries(HONEST)) {
      test(`a token ${name} is accepted`, async () => {
        assert.equal((await ask(token())).status, 101);
      });
    }
    for (const [name, [token, reason]] of Object.entries(BAD)) {
      test(`${name} is refused`, async () => {
        const answer = await ask(token());
        const { error_description } = await assertError(answer, 401, "invalid_token");
        assert.match(error_description, reason);
      });
    }
  });
}

describe("two tokens at once", { concurrency: 20 }, () => {
  const both = async (headers) => {
    const path = `/${tenant.slug}/api/events`;
    return sendRawRequest(worker.url, { path, headers });
  };

  test("in two Authorization headers are none", async () => {
    const [good, bad] = [`Bearer ${tenant.token()}`, `Bearer ${other.token()}`];
    for (const authorization of [
      [good, bad],
      [bad, good],
      [good, good],
    ]) {
      await assertError(await both({ authorization }), 401, "invalid_token");
    }
  });

  test("in two subprotocols are one too many", async () => {
    const headers = {
      ...upgradeHeaders,
      "sec-websocket-protocol": `session-events, bearer.${tenant.token()}, bearer.${other.token()}`,
    };
    const path = `/${tenant.slug}/api/subscribe`;
    await assertError(await sendRawRequest(worker.url, { path, headers }), 400, "invalid_request");
  });
});
