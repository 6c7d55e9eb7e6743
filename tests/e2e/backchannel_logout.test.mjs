// Back-channel logout: an OpenID provider posts a logout token when a session ends. The token is
// verified, makes one event, and is accepted nowhere else.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, test } from "node:test";

import { assertError } from "../support/http.mjs";
import { Issuer } from "../support/issuer.mjs";
import { signingKey } from "../support/keys.mjs";
import { withinOneMinute } from "../support/one_minute.mjs";
import { managementOperation, slo, USER } from "../support/records.mjs";
import { Subscriber } from "../support/subscriber.mjs";
import { Tenant } from "../support/tenant.mjs";
import { now, signToken } from "../support/token.mjs";
import { startWorker } from "../support/worker.mjs";

const SESSION = "1TAd-4kVuzC9jBWqZbNnDTyIrh6FWMxO";
const LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout";
const LIMIT = 5;
const CLIENTS = ["client-1", "client-2"];
const TENANTS = Object.fromEntries(
  Array.from({ length: 60 }, (_, index) => [
    `tenant-${index + 1}@us`,
    { logout_token_audiences: CLIENTS },
  ]),
);
TENANTS["without-clients@us"] = {};
const SHARED_ISSUER = new Issuer("https://login.shared.example/");
for (const [slug, client] of [
  ["shared-1@us", "client-1"],
  ["shared-2@us", "client-2"],
]) {
  TENANTS[slug] = { issuers: [SHARED_ISSUER.issuer], logout_token_audiences: [client] };
}
TENANTS["only-blocks@us"] = { logout_token_audiences: CLIENTS, events: ["user_blocked"] };

const worker = await startWorker({
  vars: { TENANTS: JSON.stringify(TENANTS) },
  configure: (wranglerToml) => wranglerToml.replaceAll(/limit = \d+/g, `limit = ${LIMIT}`),
});

/** The claims of a logout token with `changes` applied; `undefined` removes a claim. */
const logoutClaims = (tenant, changes = {}) => ({
  iss: tenant.issuer.issuer,
  sub: USER,
  sid: SESSION,
  aud: CLIENTS[0],
  iat: now(),
  exp: now() + 120,
  jti: randomUUID(),
  events: { [LOGOUT_EVENT]: {} },
  ...changes,
});

const sign = (claims, header = {}) =>
  signToken({
    header: { alg: "RS256", typ: "JWT", kid: "key-1", ...header },
    claims,
    key: signingKey().privateKey,
  });

/** A valid logout token, except for the changes in `claims` and `header`. */
const logoutToken = (tenant, claims, header) => sign(logoutClaims(tenant, claims), header);

let addresses = 0;
/** Returns the header with a client address that no other request has. */
const newAddress = () => ({ "cf-connecting-ip": `2001:db8:${(addresses += 1).toString(16)}::1` });

const postForm = (tenant, form, headers = {}) =>
  tenant.fetch("/api/backchannel-logout", {
    method: "POST",
    body: typeof form === "string" ? form : new URLSearchParams(form),
    headers: { ...newAddress(), ...headers },
  });

/** Posts a logout token as an OpenID provider does and asserts that it is accepted. */
async function logOut(tenant, claims, header) {
  const response = await postForm(tenant, {
    logout_token: logoutToken(tenant, claims, header),
  });
  assert.equal(response.status, 200, await response.clone().text());
  assert.equal(await response.text(), "");
  assert.match(response.headers.get("cache-control"), /\bno-store\b/);
}

async function assertRejected(tenant, token, pattern) {
  const response = await postForm(tenant, { logout_token: token });
  const { error_description } = await assertError(response, 400, "invalid_request");
  assert.match(error_description, pattern);
  assert.match(response.headers.get("cache-control"), /\bno-store\b/);
}

/** Asserts that invalid requests from an address get 400, and 429 over the limit. */
async function assertLimited(post) {
  for (let count = 0; count < LIMIT; count += 1) assert.equal((await post()).status, 400);
  await assertError(await post(), 429, "too_many_requests");
}

/** Returns whether introspection reports an access token with these claims as active. */
async function isActive(tenant, claims) {
  const response = await tenant.fetch("/api/introspect", {
    method: "POST",
    headers: { authorization: `Bearer ${tenant.token()}` },
    body: new URLSearchParams({ token: tenant.token(claims) }),
  });
  return (await response.json()).active;
}

const ids = async (tenant) => (await tenant.events()).map(({ id }) => id);

describe("a logout token", { concurrency: true }, () => {
  test("with a session makes a logout event of the session, and revokes its tokens", async () => {
    const tenant = new Tenant(worker);
    const subscriber = await tenant.subscribe();
    const issuedAt = now() - 10;
    await logOut(tenant, { iat: issuedAt });
    const event = await subscriber.next();
    assert.match(event.id, /^[\w-]{43}$/);
    assert.deepEqual(event, {
      id: event.id,
      type: "logout",
      date: new Date(issuedAt * 1000).toISOString(),
      user_id: USER,
      session_id: SESSION,
      revokes: "session",
    });
    assert.deepEqual(await tenant.events(), [event]);
    const iat = issuedAt - 60;
    assert.equal(await isActive(tenant, { iat, sid: SESSION }), false);
    assert.equal(await isActive(tenant, { iat, sid: "another" }), true);
  });

  test("without a session makes a logout event of the user", async () => {
    const tenant = new Tenant(worker);
    await logOut(tenant, { sid: undefined });
    const [event] = await tenant.events();
    assert.equal(event.revokes, "user");
    assert.equal(event.session_id, undefined);
  });

  test("is accepted for each of the tenant's clients, with any typ that the specification permits", async () => {
    const tenant = new Tenant(worker);
    for (const [index, [claims, header]] of [
      [{ aud: "client-2" }],
      [{ aud: ["x", "client-1"] }],
      [{}, { typ: undefined }],
      [{}, { typ: "logout+jwt" }],
      [{ exp: undefined }],
      [{ iat: now() - 240 }],
    ].entries()) {
      await logOut(tenant, { sid: `s${index}`, ...claims }, header);
    }
    assert.equal((await ids(tenant)).length, 6);
  });

  test("that is received twice makes one event, also after the object was evicted", async () => {
    const tenant = new Tenant(worker);
    for (const sid of [SESSION, undefined]) {
      const token = logoutToken(tenant, { sid });
      for (let count = 0; count < 3; count += 1) {
        const response = await postForm(tenant, { logout_token: token });
        assert.equal(response.status, 200);
        if (count === 1) await tenant.evictAll();
      }
    }
    assert.equal((await ids(tenant)).length, 2);
  });

  test("has an id that depends on issuer and jti alone", async () => {
    const tenant = new Tenant(worker);
    const jti = randomUUID();
    await logOut(tenant, { jti, sid: "s1" });
    await logOut(tenant, { jti, sid: "s2" });
    assert.equal((await ids(tenant)).length, 1);
  });
});

describe("a logout token is rejected", { concurrency: true }, () => {
  const CASES = {
    "of another client": [{ aud: "client-3" }, {}, /logout_token_audiences/],
    "of the events API": [{ aud: "https://events.auth0a.com/api" }, {}, /logout_token_audiences/],
    "without the logout event": [{ events: undefined }, {}, /events claim/],
    "with a logout event that is not an object": [
      { events: { [LOGOUT_EVENT]: true } },
      {},
      /events claim/,
    ],
    "with a nonce": [{ nonce: "n" }, {}, /nonce/],
    "that is older than five minutes": [{ iat: now() - 400 }, {}, /five minutes/],
    "without an iat": [{ iat: undefined }, {}, /five minutes/],
    "that was issued in the future": [{ iat: now() + 120 }, {}, /not valid yet/],
    "that has expired": [{ exp: now() - 1 }, {}, /expired/],
    "without a jti": [{ jti: undefined }, {}, /jti/],
    "with a session but no user": [{ sub: undefined }, {}, /\(sid\) but no user \(sub\)/],
    "with a session id that is not text": [{ sid: 1 }, {}, /The sid/],
    "with an empty session id": [{ sid: "" }, {}, /The sid/],
    "without a user and a session": [{ sub: undefined, sid: undefined }, {}, /neither sub nor sid/],
    "of another issuer": [{ iss: "https://evil.us.auth0.com/" }, {}, /not an issuer/],
    "with the typ of an access token": [{}, { typ: "at+jwt" }, /typ/],
    "with an unknown key": [{}, { kid: "other" }, /kid/],
    "with an HMAC": [{}, { alg: "HS256" }, /RS256/],
    "with its own key": [{}, { jwk: {} }, /header/],
  };
  for (const [name, [claims, header, pattern]] of Object.entries(CASES)) {
    test(name, async () => {
      const tenant = new Tenant(worker);
      const token =
        header.alg === "HS256"
          ? signToken({
              header: { alg: "HS256", kid: "key-1" },
              claims: logoutClaims(tenant),
              key: "secret",
            })
          : logoutToken(tenant, claims, header);
      await assertRejected(tenant, token, pattern);
      assert.deepEqual(await tenant.events(), []);
    });
  }

  test("with a changed signature", async () => {
    const tenant = new Tenant(worker);
    const other = logoutToken(tenant, { jti: "other" });
    const token = logoutToken(tenant).replace(/[^.]*$/, other.split(".")[2]);
    await assertRejected(tenant, token, /signature/);
  });

  test("if it is an access token or an ID token", async () => {
    const tenant = new Tenant(worker);
    await assertRejected(tenant, tenant.token({ aud: CLIENTS[0] }), /not a logout token/);
    const idToken = { aud: CLIENTS[0], sid: SESSION, jti: "j", nonce: "n", scope: undefined };
    await assertRejected(tenant, tenant.token(idToken), /not a logout token/);
  });

  test("anywhere else", async () => {
    const tenant = new Tenant(worker);
    const token = logoutToken(tenant, {
      aud: ["https://events.auth0a.com/api", CLIENTS[0]],
      scope: "listen:events",
    });
    for (const route of ["/api/events", "/api/listeners", "/api/revocations", "/api/health"]) {
      const response = await tenant.get(route, token);
      const { error_description } = await assertError(response, 401, "invalid_token");
      assert.match(error_description, /logout token/);
    }
    const subscriber = await tenant.connect();
    subscriber.send({ type: "authenticate", access_token: token });
    assert.equal((await subscriber.next()).error, "invalid_token");
    const protocols = ["session-events", `bearer.${token}`];
    const options = { protocols, headers: newAddress() };
    const upgrade = Subscriber.connect(tenant.subscribeUrl(), options);
    await assert.rejects(upgrade, /answered with 401/);
    const published = await tenant.post("[]", { authorization: token, ...newAddress() });
    await assertError(published, 401, "invalid_token");
    const introspect = (accessToken) =>
      tenant.fetch("/api/introspect", {
        method: "POST",
        headers: { authorization: `Bearer ${accessToken}`, ...newAddress() },
        body: new URLSearchParams({ token }),
      });
    await assertError(await introspect(token), 401, "invalid_token");
    assert.deepEqual(await (await introspect(tenant.token())).json(), { active: false });
  });

  test("by a tenant with the same issuer that does not list the client", async () => {
    const [first, second] = ["shared-1", "shared-2"].map((name) => new Tenant(worker, { name }));
    const claims = { iss: SHARED_ISSUER.issuer };
    await assertRejected(second, logoutToken(second, claims), /logout_token_audiences/);
    await logOut(first, claims);
    assert.deepEqual([(await ids(first)).length, (await ids(second)).length], [1, 0]);
  });
});

describe("the end of a session that several sources report", { concurrency: true }, () => {
  const date = () => ({ date: new Date().toISOString() });
  const logout = () => slo(date());
  const revoked = () => {
    const path = `users/${encodeURIComponent(USER)}/revoke-access`;
    const record = managementOperation("post", path, { body: { session_id: SESSION } });
    Object.assign(record.data, date());
    return record;
  };

  for (const [name, createRecord] of Object.entries({
    logout,
    session_revoked: revoked,
  })) {
    test(`is one event: a ${name} in the log, then the tokens of several clients`, async () => {
      const tenant = new Tenant(worker);
      const record = createRecord();
      assert.equal((await tenant.publish(record)).events, 1);
      for (const aud of CLIENTS) await logOut(tenant, { aud });
      assert.deepEqual(await ids(tenant), [record.log_id]);
    });

    test(`is one event: the tokens of several clients, then a ${name} in the log`, async () => {
      const tenant = new Tenant(worker);
      for (const aud of CLIENTS) await logOut(tenant, { aud });
      assert.deepEqual(await tenant.publish(createRecord()), {
        received: 1,
        events: 0,
        duplicates: 1,
        ignored: 0,
        malformed: 0,
      });
      const [event, ...others] = await tenant.events();
      assert.deepEqual(others, []);
      assert.match(event.id, /^[\w-]{43}$/);
    });
  }

  test("is one event if they report it at the same time", async () => {
    const tenant = new Tenant(worker);
    await Promise.all([
      tenant.publish(logout()),
      ...CLIENTS.map((aud) => logOut(tenant, { aud })),
      ...CLIENTS.map((aud) => logOut(tenant, { aud })),
    ]);
    assert.equal((await ids(tenant)).length, 1);
  });

  test("is not merged without a session, because the user may have signed in again", async () => {
    const tenant = new Tenant(worker);
    await logOut(tenant, { sid: undefined });
    await logOut(tenant, { sid: undefined, aud: "client-2" });
    assert.equal((await tenant.publish(slo({ details: {} }))).events, 1);
    assert.equal((await ids(tenant)).length, 3);
  });

  test("is not merged with that of another user or another session", async () => {
    const tenant = new Tenant(worker);
    await logOut(tenant, {});
    await logOut(tenant, { sub: "auth0|other" });
    await logOut(tenant, { sid: "other" });
    assert.equal((await ids(tenant)).length, 3);
  });

  test("is an event although refresh tokens of the session were revoked before", async () => {
    const tenant = new Tenant(worker);
    const details = { session_id: SESSION };
    await tenant.publish(slo({ type: "srrt", details, ...date() }));
    await logOut(tenant, {});
    const types = (await tenant.events()).map(({ type }) => type);
    assert.deepEqual(types, ["logout", "refresh_token_revoked"]);
  });

  test("is one event for each record of the log", async () => {
    const tenant = new Tenant(worker);
    await tenant.publish(logout(), logout());
    assert.equal((await ids(tenant)).length, 2);
  });
});

describe("the endpoint", { concurrency: true }, () => {
  test("does not exist for a tenant without logout_token_audiences", async () => {
    const tenant = new Tenant(worker, { name: "without-clients" });
    for (const method of ["POST", "GET", "OPTIONS"]) {
      const response = await tenant.fetch("/api/backchannel-logout", { method });
      await assertError(response, 404, "not_found");
    }
  });

  test("accepts tokens without an event for a tenant that does not report logouts", async () => {
    const tenant = new Tenant(worker, { name: "only-blocks" });
    await logOut(tenant);
    assert.deepEqual(await tenant.events(), []);
  });

  test("supports only POST", async () => {
    const tenant = new Tenant(worker);
    const response = await tenant.fetch("/api/backchannel-logout");
    await assertError(response, 405, "method_not_allowed");
    assert.equal(response.headers.get("allow"), "POST, OPTIONS");
  });

  test("needs a form with exactly one logout token", async () => {
    const tenant = new Tenant(worker);
    const token = logoutToken(tenant);
    const form = { "content-type": "application/x-www-form-urlencoded" };
    for (const [body, headers] of [
      ["", form],
      ["logout_token=", form],
      [`logout_token=${token}&logout_token=${token}`, form],
      [`token=${token}`, form],
      [`logout_token=${token}`, { "content-type": "text/plain" }],
      [JSON.stringify({ logout_token: token }), { "content-type": "application/json" }],
    ]) {
      const response = await postForm(tenant, body, headers);
      const { error_description } = await assertError(response, 400, "invalid_request");
      assert.match(error_description, /logout_token=…/);
    }
    const long = await postForm(tenant, `logout_token=${"a".repeat(40_000)}`, form);
    await assertError(long, 413, "payload_too_large");
    await assertRejected(tenant, "a".repeat(9_000), /8 KiB/);
    await assertRejected(tenant, "not.a.token", /JSON Web Token/);
  });

  test("answers 429 to an address with too many invalid tokens, and accepts its valid ones", () =>
    withinOneMinute(async () => {
      const tenant = new Tenant(worker);
      const headers = newAddress();
      const post = (token) => postForm(tenant, { logout_token: token }, headers);
      await assertLimited(() => post("e30.e30.e30"));
      assert.equal((await post(logoutToken(tenant))).status, 200);
    }));

  test("answers 429 to an address with too many forms without a token", () =>
    withinOneMinute(async () => {
      const headers = newAddress();
      await assertLimited(() => postForm(new Tenant(worker), {}, headers));
    }));
});
