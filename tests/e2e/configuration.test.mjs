// The variables and secrets of the Worker: the effect of each, its default, and the error for an
// invalid value.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { authenticateOnSocket, authenticateOverHttp } from "../support/token_checks.mjs";
import { assertError, sendRawRequest, upgradeHeaders } from "../support/http.mjs";
import { AUDIENCE, Issuer } from "../support/issuer.mjs";
import { jwk, otherKey } from "../support/keys.mjs";
import { sce, slo } from "../support/records.mjs";
import { publishToken, Tenant } from "../support/tenant.mjs";
import { PUBLISH_SECRET, startWorker } from "../support/worker.mjs";

const LOOPBACK = ["http://localhost:8080/", "http://127.0.0.1:8080/", "http://[::1]:8080/realm/"];
const REALM = "https://sso.corp.example/realms/corp";
const CERTS = `${REALM}/protocol/openid-connect/certs`;
const TENANTS = {
  "acme@us": {
    issuers: [
      "https://login.acme.com/",
      { issuer: "https://id.acme.com/", jwks_uri: "https://keys.acme.com/all.json" },
    ],
  },
  local: { issuers: LOOPBACK },
  spare: {},
};
/** The continuation of the table: tenants with settings of their own. */
const TENANTS_2 = {
  "own@eu": {
    audience: "https://events.own.example/api",
    events: ["email_changed"],
    tenant_name: "renamed",
  },
  cloud: { domain: "login.cloud.example" },
  corp: { domain: "sso.corp.example", issuers: [{ issuer: REALM, jwks_uri: CERTS }] },
  named: { domain: "sso.named.example", tenant_name: "named-1" },
};
const PREVIOUS_SECRET = "the previous publish secret of these tests";
const OTHER_SECRET = "another publish secret, unknown to the Worker";

const [configured, unconfigured, reconfigurable] = await Promise.all([
  startWorker({
    vars: {
      AUDIENCE: "https://example.com/own",
      TENANTS: JSON.stringify(TENANTS),
      TENANTS_2,
    },
    secrets: { PUBLISH_SECRET, PUBLISH_SECRET_PREVIOUS: PREVIOUS_SECRET },
  }),
  startWorker({ vars: { AUDIENCE: null, TENANTS: null }, secrets: {} }),
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

  test("a star serves every valid slug", async () => {
    for (const tenant of [new Tenant(reconfigurable), new Tenant(reconfigurable, { name: "abc" })])
      assert.equal(await authenticateOverHttp(tenant), "accepted");
  });

  test("a list serves exactly its slugs", async () => {
    const worker = await startWorker({ vars: { TENANTS: "acme@us, spare" } });
    assert.equal(
      await authenticateOverHttp(new Tenant(worker, { name: "spare", locality: "" })),
      "accepted",
    );
    const other = new Tenant(worker, { name: "spare", locality: "us" });
    await assertError(await other.get("/api/events"), 404, "not_found");
  });
});

describe("the shipped configuration", () => {
  /** Returns the responses of a worker to one request for each endpoint of a tenant. */
  function requestAll(worker) {
    const tenant = new Tenant(worker);
    return Promise.all([
      ...["/console", "/_debug", "/api/_debug", "/api/health", "/api/subscribe"].map((path) =>
        tenant.fetch(path),
      ),
      ...["/api/listeners", "/api/events", "/api/revocations"].map((path) => tenant.get(path)),
      tenant.post("[]"),
      tenant.fetch("/api/introspect", { method: "POST", body: "token=x" }),
    ]);
  }

  test("serves no tenant, and names the missing variable on every path of one", async () => {
    for (const response of await requestAll(unconfigured)) {
      const { error_description } = await assertError(response, 500, "misconfigured");
      assert.match(error_description, /TENANTS is missing.* for example TENANTS = "acme@us"/);
    }
    assert.deepEqual(await unconfigured.objects(), []);
    assert.equal((await unconfigured.fetch("/")).status, 200);
  });

  test("with tenants still lacks an audience", async () => {
    const worker = await startWorker({ vars: { AUDIENCE: null } });
    for (const response of await requestAll(worker)) {
      const { error_description } = await assertError(response, 500, "misconfigured");
      assert.match(error_description, /AUDIENCE is missing.* for example AUDIENCE = "https:/);
    }
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

  test("is overridden by the audience of a tenant", async () => {
    const own = new Tenant(configured, { name: "own", locality: "eu" });
    const aud = "https://events.own.example/api";
    for (const authenticate of [authenticateOverHttp, authenticateOnSocket]) {
      assert.equal(await authenticate(own, own.token({ aud })), "accepted");
      assert.equal(await authenticate(own, own.token(ownAudience)), "invalid_token");
      assert.equal(await authenticate(tenant, tenant.token({ aud })), "invalid_token");
    }
  });
});

describe("the events of a tenant", () => {
  test("override EVENTS, and its tenant_name is compared with that of the records", async () => {
    const own = new Tenant(configured, { name: "own", locality: "eu" });
    const { name } = own;
    assert.equal((await own.publish(slo({ tenant_name: "renamed" }))).ignored, 1);
    assert.equal((await own.publish(sce({ tenant_name: name }))).ignored, 1);
    assert.equal((await own.publish(sce({ tenant_name: "renamed" }))).events, 1);
  });
});

describe("a tenant with a domain", () => {
  const cloud = new Tenant(configured, {
    name: "cloud",
    locality: "",
    domain: "login.cloud.example",
  });
  const corp = new Tenant(configured, { name: "corp", locality: "", domain: "sso.corp.example" });
  const realm = new Issuer(REALM, CERTS);

  test("has the issuer at its domain and not at Auth0", async () => {
    const auth0 = new Issuer("https://cloud.auth0.com/");
    for (const authenticate of [authenticateOverHttp, authenticateOnSocket]) {
      assert.equal(await authenticate(cloud, cloud.token(ownAudience)), "accepted");
      assert.equal(await authenticate(cloud, auth0.token(ownAudience)), "invalid_token");
    }
  });

  test("has only the listed issuers, if there are any", async () => {
    for (const authenticate of [authenticateOverHttp, authenticateOnSocket]) {
      assert.equal(await authenticate(corp, realm.token(ownAudience)), "accepted");
      assert.equal(await authenticate(corp, corp.token(ownAudience)), "invalid_token");
    }
    const { key_sets: keySets } = await (
      await corp.get("/api/health", realm.token(ownAudience))
    ).json();
    assert.deepEqual(
      keySets.map(({ jwks_uri }) => jwks_uri),
      [CERTS],
    );
  });

  test("has an object and a publish token of its domain", async () => {
    const { tenant, tenant_domain } = await (await corp.fetch("/_debug")).json();
    assert.deepEqual([tenant, tenant_domain], ["corp", "sso.corp.example"]);
    const headers = { authorization: publishToken("corp.auth0.com") };
    await assertError(await corp.post("[]", headers), 401, "invalid_token");
    assert.equal((await corp.publish(slo())).events, 1);
    // The object knows its domain from its own name.
    const object = await (await corp.fetch("/api/_debug")).json();
    assert.equal(object.tenant_domain, "sso.corp.example");
  });

  test("accepts records of any tenant_name, unless it has one", async () => {
    assert.equal((await cloud.publish(slo({ tenant_name: "whatever" }))).events, 1);
    const named = new Tenant(configured, {
      name: "named",
      locality: "",
      domain: "sso.named.example",
    });
    assert.equal((await named.publish(slo({ tenant_name: "whatever" }))).ignored, 1);
    assert.equal((await named.publish(slo({ tenant_name: "named-1" }))).events, 1);
  });
});

describe("issuers", () => {
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
    await assertError(await post(OTHER_SECRET), 401, "invalid_token");
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

  test("without the secret, only publishing is not configured", async () => {
    await assertNotConfigured(await startWorker({ secrets: {} }));
  });

  test("an empty secret is the same as none", async () => {
    await assertNotConfigured(await startWorker({ secrets: { PUBLISH_SECRET: "" } }));
  });

  const short = "31 bytes are less than required";
  for (const [name, secrets] of Object.entries({
    PUBLISH_SECRET: { PUBLISH_SECRET: short },
    PUBLISH_SECRET_PREVIOUS: { PUBLISH_SECRET, PUBLISH_SECRET_PREVIOUS: short },
  })) {
    test(`${name} of less than 32 bytes is a 500 on every path that shows how to generate one`, async () => {
      assert.equal(short.length, 31);
      const tenant = new Tenant(await startWorker({ secrets }));
      for (const secret of Object.values(secrets)) {
        const headers = { authorization: publishToken(tenant.domain, secret) };
        const response = await tenant.post(JSON.stringify(slo()), headers);
        const { error_description } = await assertError(response, 500, "misconfigured");
        assert.match(error_description, new RegExp(`${name} is shorter than 32 bytes`));
        assert.match(error_description, /openssl rand -hex 32/);
      }
      for (const path of ["/_debug", "/api/health", "/api/subscribe", "/api/events"])
        await assertError(await tenant.fetch(path), 500, "misconfigured");
    });
  }
});

describe("an invalid value", () => {
  const acme = (entry) => JSON.stringify({ "acme@us": entry });
  const issuers = (...list) => acme({ issuers: list });
  const INVALID = {
    // The native tests have every rule of the table.
    TENANTS: [
      "acme@us,acme@xx",
      ",",
      "{}",
      '{"acme@us":{},"corp":{"domain":"acme.us.auth0.com"}}',
      acme({ webhooks: {} }),
      issuers("http://login.acme.com/"),
      issuers({ issuer: "https://login.acme.com/", jwks_uri: "file:///keys" }),
    ],
    TENANTS_2: ["{}"],
    SHARDS: ["0", "many"],
    ISSUERS: ['{"acme@us":[{"issuer":"https://login.acme.com/"}]}'],
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
    await reconfigurable.reconfigure({ SHARDS: "0" });
    await assertError(await reconfigurable.fetch("/acme@xx/api/events"), 404, "not_found");
    await assertError(await reconfigurable.fetch("/acme@us/api/nothing"), 404, "not_found");
    await assertError(
      await reconfigurable.fetch("/acme@us/api/publish"),
      405,
      "method_not_allowed",
    );
  });

  test("is not a table in the form of a JSON object instead of text", async () => {
    await reconfigurable.reconfigure({ TENANTS });
    const acme = new Tenant(reconfigurable, { name: "acme", locality: "us" });
    const login = new Issuer("https://login.acme.com/");
    assert.equal(await authenticateOverHttp(acme, login.token()), "accepted");
    assert.equal(await authenticateOnSocket(acme, login.token()), "accepted");
  });
});

describe("the object of a tenant that is no longer configured", () => {
  test("keeps its rows, and serves them when the tenant is configured again", async () => {
    await reconfigurable.reconfigure({ TENANTS });
    const spare = new Tenant(reconfigurable, { name: "spare", locality: "" });
    const record = slo();
    await spare.publish(record);
    await reconfigurable.reconfigure({ TENANTS: "acme@us" });
    await assertError(await spare.get("/api/events"), 404, "not_found");
    const rows = await spare.object.sql("SELECT log_id FROM event_log ORDER BY seq");
    assert.equal(rows.at(-1).log_id, record.log_id);
    await reconfigurable.reconfigure({ TENANTS });
    assert.equal((await spare.events())[0].id, record.log_id);
  });
});
