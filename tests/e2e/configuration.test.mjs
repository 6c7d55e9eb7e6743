// The variables and secrets of the Worker: the effect of each, its default, and the error for an
// invalid value.
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
const PREVIOUS_SECRET = "the previous secret";

const [configured, unconfigured, reconfigurable] = await Promise.all([
  startWorker({
    vars: {
      AUDIENCE: "https://example.com/own",
      TENANTS: "acme@us,local,spare",
      ISSUERS: JSON.stringify(ISSUERS),
    },
    secrets: { PUBLISH_SECRET, PUBLISH_SECRET_PREVIOUS: PREVIOUS_SECRET },
  }),
  startWorker({
    secrets: {},
    configure: (text) => text.replaceAll(/^(AUDIENCE|TENANTS|ISSUERS|SHARDS) = .*$/gm, ""),
  }),
  startWorker(),
]);

const bearer = (token) => ({ authorization: `Bearer ${token}` });
const ownAudience = { aud: "https://example.com/own" };

describe("TENANTS", () => {
  test("the tenants in the list are accepted", async () => {
    for (const [name, locality] of [
      ["acme", "us"],
      ["local", ""],
      ["spare", ""],
    ]) {
      assert.equal(
        await authenticateOverHttp(
          new Tenant(configured, { name, locality }),
          new Issuer(`https://${name}${locality && ".us"}.auth0.com/`).token(ownAudience),
        ),
        "accepted",
      );
    }
  });

  test("every route of another tenant is a 404, without a request to an object or an issuer", async () => {
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
        await assertError(await tenant.get(route, tenant.token(ownAudience)), 404, "not_found");
      }
      await assertError(await tenant.post("[]"), 404, "not_found");
      assert.equal(tenant.issuer.fetches, 0);
    }
    assert.deepEqual(await configured.objects(), before);
  });

  test("without a list, every valid tenant is accepted", async () => {
    assert.equal(await authenticateOverHttp(new Tenant(unconfigured)), "accepted");
  });
});

describe("AUDIENCE", () => {
  const tenant = new Tenant(configured, { name: "spare", locality: "" });

  test("access tokens must have this audience, over HTTP and on a socket", async () => {
    for (const authenticate of [authenticateOverHttp, authenticateOnSocket]) {
      assert.equal(await authenticate(tenant, tenant.token(ownAudience)), "accepted");
      assert.equal(await authenticate(tenant, tenant.token({ aud: AUDIENCE })), "invalid_token");
    }
  });

  test("the default is https://events.auth0a.com/api", async () => {
    const other = new Tenant(unconfigured);
    for (const authenticate of [authenticateOverHttp, authenticateOnSocket]) {
      assert.equal(
        await authenticate(other, other.token({ aud: "https://events.auth0a.com/api" })),
        "accepted",
      );
      assert.equal(await authenticate(other, other.token(ownAudience)), "invalid_token");
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

  for (const [transport, authenticate] of [
    ["over HTTP", authenticateOverHttp],
    ["on a socket", authenticateOnSocket],
  ]) {
    test(`custom domains are accepted in addition to the tenant's own issuer (${transport})`, async () => {
      assert.equal(await authenticate(acme, acme.token(ownAudience)), "accepted");
      assert.equal(await authenticate(acme, login.token(ownAudience)), "accepted");
      assert.equal(await authenticate(acme, id.token(ownAudience, {}, signedById)), "accepted");
    });

    test(`a key of one issuer does not verify a token of another (${transport})`, async () => {
      assert.equal(await authenticate(acme, id.token(ownAudience)), "invalid_token");
      assert.equal(
        await authenticate(acme, login.token(ownAudience, {}, signedById)),
        "invalid_token",
      );
    });

    test(`an issuer must match exactly (${transport})`, async () => {
      for (const iss of [
        "https://login.acme.com",
        "http://login.acme.com/",
        "https://LOGIN.acme.com/",
        "https://keys.acme.com/",
      ]) {
        assert.equal(
          await authenticate(acme, login.token({ ...ownAudience, iss })),
          "invalid_token",
          iss,
        );
      }
    });

    test(`an issuer is not accepted for another tenant (${transport})`, async () => {
      assert.equal(await authenticate(spare, login.token(ownAudience)), "invalid_token");
      assert.equal(await authenticate(spare, acme.token(ownAudience)), "invalid_token");
    });

    test(`plain http is allowed on a loopback host (${transport})`, async () => {
      const local = new Tenant(configured, { name: "local", locality: "" });
      for (const issuer of LOOPBACK)
        assert.equal(
          await authenticate(local, new Issuer(issuer).token(ownAudience)),
          "accepted",
          issuer,
        );
    });
  }
});

describe("PUBLISH_SECRET_PREVIOUS", () => {
  const tenant = new Tenant(configured, { name: "spare", locality: "" });
  const post = (secret) =>
    tenant.post(JSON.stringify(slo()), { authorization: publishToken(tenant.domain, secret) });

  test("the previous secret is accepted in addition to the current one", async () => {
    for (const secret of [PUBLISH_SECRET, PREVIOUS_SECRET])
      assert.equal((await post(secret)).status, 200);
    await assertError(await post("another"), 401, "invalid_token");
  });

  test("without a previous secret, tokens of another secret are rejected", async () => {
    const other = new Tenant(reconfigurable);
    for (const secret of [PREVIOUS_SECRET, "\0"]) {
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
    assert.equal(await authenticateOverHttp(tenant), "accepted", "other routes work");
    assert.equal(await authenticateOnSocket(tenant), "accepted", "other routes work");
  }

  test("without the secret, only publishing is not configured", () =>
    assertNotConfigured(unconfigured));

  test("an empty secret is the same as none", async () => {
    await assertNotConfigured(await startWorker({ secrets: { PUBLISH_SECRET: "" } }));
  });
});

describe("an invalid value", () => {
  const issuers = (...list) => JSON.stringify({ "acme@us": list });
  const INVALID = {
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

  for (const [name, values] of Object.entries(INVALID)) {
    test(`of ${name} makes every route that uses it return a 500 with its name`, async () => {
      for (const value of values) {
        await reconfigurable.reconfigure({ [name]: value });
        const tenant = new Tenant(reconfigurable, { name: "acme", locality: "us" });
        for (const response of [
          await tenant.get("/api/listeners"),
          await tenant.get("/api/events"),
          await tenant.post(JSON.stringify(slo())),
          await sendRawRequest(reconfigurable.url, {
            path: "/acme@us/api/subscribe",
            headers: upgradeHeaders,
          }),
          await sendRawRequest(reconfigurable.url, {
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

  test("of null counts as absent", async () => {
    await reconfigurable.reconfigure({ SHARDS: null });
    const tenant = new Tenant(reconfigurable, { name: "acme", locality: "us" });
    assert.equal((await tenant.get("/api/health")).status, 200);
  });

  test("does not change the response to an unknown path or method", async () => {
    await reconfigurable.reconfigure({ AUDIENCE: "" });
    await assertError(await reconfigurable.fetch("/acme@xx/api/events"), 404, "not_found");
    await assertError(await reconfigurable.fetch("/acme@us/api/nothing"), 404, "not_found");
    await assertError(
      await reconfigurable.fetch("/acme@us/api/publish"),
      405,
      "method_not_allowed",
    );
  });

  test("is not a JSON object instead of text, which ISSUERS accepts", async () => {
    await reconfigurable.reconfigure({ ISSUERS });
    const acme = new Tenant(reconfigurable, { name: "acme", locality: "us" });
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
