// The slugs of tenants and the Auth0 domains that they map to. The Worker refuses all other slugs
// before it reaches an object or an issuer.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { assertError, sendRawRequest } from "../support/http.mjs";
import { Subscriber } from "../support/subscriber.mjs";
import { slo } from "../support/records.mjs";
import { publishToken, Tenant } from "../support/tenant.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();

const domainOf = async (segment) => {
  const { status, text } = await sendRawRequest(worker.url, { path: `/${segment}/_debug` });
  assert.equal(status, 200, `${segment}: ${text}`);
  return JSON.parse(text).tenant_domain;
};

const INVALID_SLUGS = [
  // The length of the name.
  "a",
  "ab",
  "a".repeat(64),
  "ab@us",
  `${"a".repeat(64)}@us`,
  // The characters of the name, also the first and the last.
  "Acme",
  "ACME@us",
  "-acme",
  "acme-",
  "acme-@us",
  "_debug",
  "ac_me",
  "ac.me",
  "ac:me",
  "acm%C3%A9",
  "ac%20me",
  "acme%00",
  "acme%0a",
  "acme%0d%0aHost:evil",
  "acme+us",
  "acme~",
  "*",
  "xn--",
  "%61cme",
  "acm%65",
  // The locality.
  "acme@",
  "acme@xx",
  "acme@US",
  "acme@us@eu",
  "acme@@us",
  "acme@us.",
  "acme@us-1",
  "acme@us%20",
  "acme@us%00",
  "@us",
  "@",
  "acme%40xx",
  "acme%2540us",
  "acme%40us%40eu",
  // Values that would lead to another host if they were inserted into a URL.
  "acme.evil.com",
  "evil.com%2F",
  "evil.com%23",
  "evil.com%3F",
  "acme%2Fapi",
  "acme%5c",
  "acme;x",
  "127.0.0.1",
  "[::1]",
  "evil.com:443",
  "user:pass@us",
  "acme@evil.com",
  "acme@us.evil.com",
];

describe("a slug", () => {
  test("without a locality maps to the domain directly under auth0.com", async () => {
    assert.equal(await domainOf("acme"), "acme.auth0.com");
  });

  for (const locality of ["us", "eu", "au", "jp", "uk", "ca"]) {
    test(`with @${locality} maps to the domain of that locality`, async () => {
      assert.equal(await domainOf(`acme@${locality}`), `acme.${locality}.auth0.com`);
    });
  }

  test("may contain %40 in place of @", async () => {
    assert.equal(await domainOf("acme%40eu"), "acme.eu.auth0.com");
  });

  test("has a name of 3 to 63 letters, digits and hyphens inside", async () => {
    for (const name of [
      "abc",
      "a-b",
      "1a2",
      "007",
      "a--b",
      "dev-x7k2",
      "localhost",
      "z".repeat(63),
    ]) {
      assert.equal(await domainOf(name), `${name}.auth0.com`);
      assert.equal(await domainOf(`${name}@jp`), `${name}.jp.auth0.com`);
    }
  });

  test("that is invalid gets 404 on every route and reaches neither an object nor an issuer", async () => {
    const before = await worker.objects();
    const other = new Tenant(worker, { name: "other", locality: "" });
    const routes = [
      ["GET", "/_debug"],
      ["GET", "/api/_debug"],
      ["GET", "/api/listeners"],
      ["GET", "/api/events"],
      ["GET", "/api/subscribe"],
      ["POST", "/api/publish"],
      ["OPTIONS", "/api/events"],
      ["DELETE", "/api/events"],
    ];
    for (const slug of INVALID_SLUGS) {
      const headers = {
        authorization: `Bearer ${other.token({ iss: `https://${slug}.auth0.com/` })}`,
      };
      const request = ([method, route]) =>
        sendRawRequest(worker.url, { method, path: `/${slug}${route}`, headers });
      for (const response of await Promise.all(routes.map(request)))
        await assertError(response, 404, "not_found");
    }
    assert.deepEqual(await worker.objects(), before);
    assert.equal(other.issuer.fetches, 0);
  });

  test("that is invalid cannot open a socket", async () => {
    const url = new URL("/acme@xx/api/subscribe", worker.url.href.replace("http", "ws"));
    await assert.rejects(Subscriber.connect(url), /answered with 404/);
  });
});

describe("a tenant", () => {
  test("has one object, named after its Auth0 domain, for both spellings of its slug", async () => {
    const tenant = new Tenant(worker);
    const record = slo();
    const headers = { authorization: publishToken(tenant.domain) };
    const path = `/${tenant.slug.replace("@", "%40")}/api/publish`;
    const { status } = await sendRawRequest(worker.url, {
      method: "POST",
      path,
      headers,
      body: JSON.stringify(record),
    });
    assert.equal(status, 200);

    assert.equal((await tenant.events())[0].id, record.log_id);
    const rows = await tenant.object.sql("SELECT log_id FROM event_log");
    assert.equal(rows[0].log_id, record.log_id);
  });

  test("shares nothing with a tenant of the same name in another locality", async () => {
    const here = new Tenant(worker, { name: "namesake", locality: "us" });
    const there = new Tenant(worker, { name: "namesake", locality: "eu" });
    const withoutLocality = new Tenant(worker, { name: "namesake", locality: "" });
    const subscribers = await Promise.all([
      here.subscribe(),
      there.subscribe(),
      withoutLocality.subscribe(),
    ]);

    await there.publish(slo({ user_id: "auth0|there" }));
    assert.equal((await subscribers[1].next()).user_id, "auth0|there");
    for (const other of [subscribers[0], subscribers[2]]) assert.deepEqual(await other.drain(), []);
    assert.deepEqual(await here.events(), []);
    assert.deepEqual(await withoutLocality.events(), []);
    assert.equal((await here.listeners()).count, 1);
  });

  test("does not accept the access tokens or the publish token of another", async () => {
    const own = new Tenant(worker);
    const other = new Tenant(worker);
    await assertError(await own.get("/api/events", other.token()), 401, "invalid_token");
    const headers = { authorization: publishToken(other.domain) };
    await assertError(await own.post("[]", headers), 401, "invalid_token");
    const response = await (await own.connect()).authenticate(other.token());
    assert.equal(response.error, "invalid_token");
  });
});
