// Vars and secrets: what each of them changes, what counts when it is not there, and that a bad
// one is named rather than guessed at.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { authenticateOnSocket, authenticateOverHttp } from "../support/token_checks.mjs";
import { assertError, sendRawRequest, upgradeHeaders } from "../support/http.mjs";
import { AUDIENCE, Issuer } from "../support/issuer.mjs";
import { jwk, otherKey } from "../support/keys.mjs";
import { slo } from "../support/records.mjs";
import { publishToken, Tenant } from "../support/tenant.mjs";
import { PUBLISH_SECRET, startWorker } from "../support/worker.mjs";

const LOOPBACK = ["http://localhost:8080/", "http://127.0.0.1:8080/", "http://[::1]:8080/realm/"];
const ISSUERS = {
  "acme@us": [
    { issuer: "https://login.acme.com/" },
    { issuer: "https://id.acme.com/", jwks_uri: "https://keys.acme.com/all.json" },
  ],
  local: LOOPBACK.map((issuer) => ({ issuer })),
};
const PREVIOUS = "the secret before";

const [configured, bare, misconfigured] = await Promise.all([
  startWorker({
    vars: {
      AUDIENCE: "https://example.com/own",
      TENANTS: "acme@us,local,spare",
      ISSUERS: JSON.stringify(ISSUERS),
    },
    secrets: { PUBLISH_SECRET, PUBLISH_SECRET_PREVIOUS: PREVIOUS },
  }),
  startWorker({
    secrets: {},
    configure: (text) => text.replaceAll(/^(AUDIENCE|TENANTS|ISSUERS|SHARDS) = .*$/gm, ""),
  }),
  startWorker(),
]);

const bearer = (token) => ({ authorization: `Bearer ${token}` });
const own = { aud: "https://example.com/own" };

describe("TENANTS", () => {
  test("lets in the slugs of its list", async () => {
    for (const [name, locality] of [
      ["acme", "us"],
      ["local", ""],
      ["spare", ""],
    ]) {
      assert.equal(
        await authenticateOverHttp(
          new Tenant(configured, { name, locality }),
          new Issuer(`https://${name}${locality && ".us"}.auth0.com/`).token(own),
        ),
        "accepted",
      );
    }
  });

  test("makes any other not found on every route, before an object or an issuer is asked", async () => {
    const before = await configured.objects();
    for (const [name, locality] of [
      ["other", ""],
      ["acme", ""],
      ["acme", "eu"],
      ["spare", "us"],
      ["acm", "us"],
    ]) {
      const tenant = new Tenant(configured, { name, locality });
      for (const route of [
        "/_debug",
        "/api/_debug",
        "/api/listeners",
        "/api/events",
        "/api/subscribe",
      ]) {
        await assertError(await tenant.get(route, tenant.token(own)), 404, "not_found");
      }
      await assertError(await tenant.post("[]"), 404, "not_found");
      assert.equal(tenant.issuer.fetches, 0);
    }
    assert.deepEqual(await configured.objects(), before);
  });

  test("lets in any valid slug when it is not set", async () => {
    assert.equal(await authenticateOverHttp(new Tenant(bare)), "accepted");
  });
});

describe("AUDIENCE", () => {
  const tenant = new Tenant(configured, { name: "spare", locality: "" });

  test("is what every access token must be for, at both doors", async () => {
    for (const door of [authenticateOverHttp, authenticateOnSocket]) {
      assert.equal(await door(tenant, tenant.token(own)), "accepted");
      assert.equal(await door(tenant, tenant.token({ aud: AUDIENCE })), "invalid_token");
    }
  });

  test("is https://events.auth0a.com/api when it is not set", async () => {
    const other = new Tenant(bare);
    for (const door of [authenticateOverHttp, authenticateOnSocket]) {
      assert.equal(
        await door(other, other.token({ aud: "https://events.auth0a.com/api" })),
        "accepted",
      );
      assert.equal(await door(other, other.token(own)), "invalid_token");
    }
  });
});

describe("ISSUERS", () => {
  const acme = new Tenant(configured, { name: "acme", locality: "us" });
  const spare = new Tenant(configured, { name: "spare", locality: "" });
  const login = new Issuer("https://login.acme.com/");
  const id = new Issuer("https://id.acme.com/", "https://keys.acme.com/all.json");
  id.keys = [jwk(otherKey(), "key-1")];
  const signedById = { key: otherKey().privateKey };

  for (const door of [authenticateOverHttp, authenticateOnSocket]) {
    test(`adds custom domains to the tenant's own issuer (${door.name})`, async () => {
      assert.equal(await door(acme, acme.token(own)), "accepted");
      assert.equal(await door(acme, login.token(own)), "accepted");
      assert.equal(await door(acme, id.token(own, {}, signedById)), "accepted");
    });

    test(`keeps the keys of one issuer from signing for another (${door.name})`, async () => {
      assert.equal(await door(acme, id.token(own)), "invalid_token");
      assert.equal(await door(acme, login.token(own, {}, signedById)), "invalid_token");
    });

    test(`is meant to the letter (${door.name})`, async () => {
      for (const iss of [
        "https://login.acme.com",
        "http://login.acme.com/",
        "https://LOGIN.acme.com/",
        "https://keys.acme.com/",
      ]) {
        assert.equal(await door(acme, login.token({ ...own, iss })), "invalid_token", iss);
      }
    });

    test(`counts for no other tenant (${door.name})`, async () => {
      assert.equal(await door(spare, login.token(own)), "invalid_token");
      assert.equal(await door(spare, acme.token(own)), "invalid_token");
    });

    test(`may name plain http on a loopback host (${door.name})`, async () => {
      const local = new Tenant(configured, { name: "local", locality: "" });
      for (const issuer of LOOPBACK)
        assert.equal(await door(local, new Issuer(issuer).token(own)), "accepted", issuer);
    });
  }
});

describe("PUBLISH_SECRET_PREVIOUS", () => {
  const tenant = new Tenant(configured, { name: "spare", locality: "" });
  const post = (secret) =>
    tenant.post(JSON.stringify(slo()), { authorization: publishToken(tenant.domain, secret) });

  test("is accepted beside the master while that is rotated", async () => {
    for (const secret of [PUBLISH_SECRET, PREVIOUS]) assert.equal((await post(secret)).status, 200);
    await assertError(await post("another"), 401, "invalid_token");
  });

  test("lets nobody in when it is not set", async () => {
    const other = new Tenant(misconfigured);
    for (const secret of [PREVIOUS, "\0"]) {
      const headers = { authorization: publishToken(other.domain, secret) };
      await assertError(await other.post("[]", headers), 401, "invalid_token");
    }
  });
});

describe("PUBLISH_SECRET", () => {
  async function assertNotConfigured(worker) {
    const tenant = new Tenant(worker);
    for (const authorization of [publishToken(tenant.domain), "wrong"]) {
      const response = await tenant.post(JSON.stringify(slo()), { authorization });
      assert.match(response.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
      await assertError(response, 503, "not_configured");
    }
    await assertError(await tenant.post("[]", {}), 503, "not_configured");
    await assertError(await tenant.fetch("/api/publish"), 405, "method_not_allowed");
    assert.equal(await authenticateOverHttp(tenant), "accepted", "all else works");
    assert.equal(await authenticateOnSocket(tenant), "accepted", "all else works");
  }

  test("that is not set leaves publishing, and that alone, not configured", () =>
    assertNotConfigured(bare));

  test("that is empty is as good as not set", async () => {
    await assertNotConfigured(await startWorker({ secrets: { PUBLISH_SECRET: "" } }));
  });
});

describe("a bad value", () => {
  const issuers = (...list) => JSON.stringify({ "acme@us": list });
  const BAD = {
    AUDIENCE: [""],
    TENANTS: ["Acme", "acme@us,acme@xx", "acme.evil.com"],
    SHARDS: ["0", "101", "many"],
    ISSUERS: [
      "nonsense",
      "[]",
      '{"acme@us":{}}',
      '{"ACME":[{"issuer":"https://login.acme.com/"}]}',
      issuers({}),
      issuers({ issuer: "login.acme.com" }),
      issuers({ issuer: "http://login.acme.com/" }),
      issuers({ issuer: "http://localhost.acme.com/" }),
      issuers({ issuer: "https://login.acme.com/", jwks_uri: "http://login.acme.com/keys" }),
      issuers({ issuer: "https://login.acme.com/", jwks_uri: "file:///keys" }),
    ],
  };

  for (const [name, values] of Object.entries(BAD)) {
    test(`of ${name} is a 500 that names it, wherever it would count`, async () => {
      for (const value of values) {
        await misconfigured.reconfigure({ [name]: value });
        const tenant = new Tenant(misconfigured, { name: "acme", locality: "us" });
        for (const response of [
          await tenant.get("/api/listeners"),
          await tenant.get("/api/events"),
          await tenant.post(JSON.stringify(slo())),
          await sendRawRequest(misconfigured.url, {
            path: "/acme@us/api/subscribe",
            headers: upgradeHeaders,
          }),
          await sendRawRequest(misconfigured.url, {
            path: "/acme@us/api/subscribe",
            headers: { ...upgradeHeaders, ...bearer(tenant.token()) },
          }),
        ]) {
          const { error_description } = await assertError(response, 500, "misconfigured");
          assert.match(error_description, new RegExp(`\\b${name}\\b`), value);
        }
      }
    });
  }

  test("does not hide that a path is no route, or that a method is none of its own", async () => {
    await misconfigured.reconfigure({ AUDIENCE: "" });
    await assertError(await misconfigured.fetch("/acme@xx/api/events"), 404, "not_found");
    await assertError(await misconfigured.fetch("/acme@us/api/nothing"), 404, "not_found");
    await assertError(await misconfigured.fetch("/acme@us/api/publish"), 405, "method_not_allowed");
  });

  test("is all that is wrong: a JSON object for ISSUERS will do as well as a text", async () => {
    await misconfigured.reconfigure({ ISSUERS });
    const acme = new Tenant(misconfigured, { name: "acme", locality: "us" });
    assert.equal(
      await authenticateOverHttp(acme, new Issuer("https://login.acme.com/").token()),
      "accepted",
    );
    assert.equal(
      await authenticateOnSocket(acme, new Issuer("https://login.acme.com/").token()),
      "accepted",
    );
  });
});
