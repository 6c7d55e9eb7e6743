// All routes: which part of the worker serves them, their methods, and the format of responses.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { assertError, sendRawRequest } from "../support/http.mjs";
import { publishToken, Tenant } from "../support/tenant.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();
const tenant = new Tenant(worker, { name: "acme", locality: "us" });
const bearer = { authorization: `Bearer ${tenant.token()}` };

const READABLE = [
  "/",
  "/acme@us/_debug",
  "/acme@us/api/_debug",
  "/acme@us/api/listeners",
  "/acme@us/api/events",
];
const GET_ROUTES = [...READABLE, "/acme@us/api/subscribe"];
const PUBLISH = "/acme@us/api/publish";

const call = (method, path, headers = bearer) =>
  sendRawRequest(worker.url, { method, path, headers });

describe("the routes", () => {
  test("GET / returns the name and version of the worker, without a token", async () => {
    const { status, text } = await call("GET", "/", {});
    assert.equal(status, 200);
    const { name, version } = JSON.parse(text);
    assert.equal(name, "session-events");
    assert.match(version, /^\d+\.\d+\.\d+/);
  });

  test("GET /{t}/_debug shows how the Worker parses the request, without a token", async () => {
    const { status, text } = await call("GET", "/acme@us/_debug", { host: "events.example.com" });
    assert.equal(status, 200);
    const { url, ...rest } = JSON.parse(text);
    assert.deepEqual(rest, {
      host: "events.example.com",
      path: "/acme@us/_debug",
      internal_path: "/_debug",
      tenant: "acme@us",
      tenant_domain: "acme.us.auth0.com",
    });
    assert.match(url, /^https?:\/\/events\.example\.com\/acme@us\/_debug$/);
  });

  test("GET /{t}/_debug shows the tenant with an @, even if the path has %40", async () => {
    const { text } = await call("GET", "/acme%40us/_debug", {});
    assert.equal(JSON.parse(text).tenant, "acme@us");
  });

  test("GET /{t}/_debug does not reach the tenant object", async () => {
    const before = await worker.objects();
    await call("GET", "/unused@us/_debug", {});
    assert.deepEqual(await worker.objects(), before);
  });

  test("GET /{t}/api/_debug shows how the tenant object parses the request, without a token", async () => {
    const { status, text } = await call("GET", "/acme@us/api/_debug", {
      host: "events.example.com",
    });
    assert.equal(status, 200);
    const { url, ...rest } = JSON.parse(text);
    assert.deepEqual(rest, {
      host: "events.example.com",
      path: "/api/_debug",
      tenant_domain: "acme.us.auth0.com",
    });
    assert.match(url, /^https?:\/\/events\.example\.com\/api\/_debug$/);
    assert.equal(await tenant.object.evictIfRunning(), true, "the object itself responded");
  });

  test("respond with JSON", async () => {
    for (const path of READABLE) {
      const { status, headers, text } = await call("GET", path);
      assert.equal(status, 200, `${path}: ${text}`);
      assert.match(headers.get("content-type"), /^application\/json\b/);
      JSON.parse(text);
    }
  });

  test("that support GET also support HEAD, with the same headers and without a body", async () => {
    for (const path of GET_ROUTES) {
      const get = await call("GET", path);
      const head = await call("HEAD", path);
      assert.equal(head.status, get.status, path);
      assert.equal(head.text, "", path);
      assert.equal(head.headers.get("content-type"), get.headers.get("content-type"), path);
    }
  });

  test("require a token for HEAD as for GET", async () => {
    for (const path of ["/acme@us/api/listeners", "/acme@us/api/events"]) {
      const { status, headers, text } = await call("HEAD", path, {});
      assert.equal(status, 401);
      assert.match(headers.get("www-authenticate"), /^Bearer /);
      assert.equal(text, "");
    }
  });
});

describe("an unknown path", () => {
  test("gets 404 for any method", async () => {
    const paths = [
      "/favicon.ico",
      "/acme@us",
      "/acme@us/",
      "/acme@us/api",
      "/acme@us/api/",
      "/acme@us/debug",
      "/acme@us/_debug/",
      "/acme@us/api/_debug/",
      "/acme@us/api/publish/",
      "/acme@us/api/events/1",
      "/acme@us/api/Events",
      "/acme@us/api//events",
      "//acme@us/api/events",
      "/acme@us/publish",
      "/acme@us/api/subscribe/",
      "/api/publish",
      "/_debug",
      "/acme@us/api/listeners%2f",
      "/.well-known/x",
    ];
    for (const path of paths) {
      for (const method of ["GET", "POST", "PUT", "OPTIONS"]) {
        await assertError(await call(method, path), 404, "not_found");
      }
    }
  });

  test("gets 404 without a body for HEAD", async () => {
    const { status, text } = await call("HEAD", "/acme@us/nothing");
    assert.equal(status, 404);
    assert.equal(text, "");
  });
});

describe("a method that a route does not support", () => {
  test("gets 405 with the allowed methods of a GET route", async () => {
    for (const path of GET_ROUTES) {
      for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
        const response = await call(method, path);
        await assertError(response, 405, "method_not_allowed");
        assert.equal(response.headers.get("allow"), "GET, HEAD, OPTIONS");
      }
    }
  });

  test("gets 405 with the allowed methods of publish", async () => {
    const headers = { authorization: publishToken(tenant.domain) };
    for (const method of ["GET", "PUT", "PATCH", "DELETE"]) {
      const response = await call(method, PUBLISH, headers);
      await assertError(response, 405, "method_not_allowed");
      assert.equal(response.headers.get("allow"), "POST, OPTIONS");
    }
    const head = await call("HEAD", PUBLISH, headers);
    assert.equal(head.status, 405);
    assert.equal(head.text, "");
  });

  test("gets 405 before credentials are verified", async () => {
    await assertError(await call("POST", "/acme@us/api/events", {}), 405, "method_not_allowed");
    await assertError(await call("GET", PUBLISH, {}), 405, "method_not_allowed");
  });
});

describe("a browser of any origin", () => {
  const origin = "https://app.example.org";

  test("may read every response, including errors", async () => {
    for (const [method, path, headers] of [
      ...READABLE.map((path) => ["GET", path, bearer]),
      ["GET", "/acme@us/api/events", {}],
      ["GET", "/acme@us/api/events", { authorization: "Bearer x" }],
      ["GET", "/acme@us/nothing", {}],
      ["GET", "/acme@us/api/subscribe", {}],
      ["POST", "/acme@us/api/events", {}],
      ["POST", PUBLISH, {}],
    ]) {
      const response = await call(method, path, { origin, ...headers });
      assert.equal(response.headers.get("access-control-allow-origin"), "*", `${method} ${path}`);
      assert.equal(
        response.headers.get("access-control-allow-credentials"),
        null,
        "the API uses no cookies",
      );
      const exposed = response.headers.get("access-control-expose-headers").toLowerCase();
      assert.match(exposed, /www-authenticate/);
      assert.match(exposed, /retry-after/);
    }
  });

  test("gets a preflight response on every route, which allows the authorization header", async () => {
    const preflight = {
      origin,
      "access-control-request-method": "GET",
      "access-control-request-headers": "authorization",
    };
    for (const path of [...GET_ROUTES, PUBLISH]) {
      const { status, headers, text } = await call("OPTIONS", path, preflight);
      assert.equal(status, 204, path);
      assert.equal(text, "");
      assert.equal(headers.get("access-control-allow-origin"), "*");
      const allowed = headers.get("access-control-allow-headers").toLowerCase().split(/,\s*/);
      assert.ok(allowed.includes("authorization"), allowed.join());
      const methods = path === PUBLISH ? ["OPTIONS", "POST"] : ["GET", "HEAD", "OPTIONS"];
      assert.deepEqual(headers.get("access-control-allow-methods").split(/,\s*/).sort(), methods);
      assert.equal(headers.get("access-control-max-age"), "86400");
      assert.equal(headers.get("access-control-allow-credentials"), null);
    }
  });

  test("gets headers against caching, content sniffing and unencrypted connections", async () => {
    for (const path of [...READABLE, "/acme@us/nothing"]) {
      const { headers } = await call("GET", path);
      assert.equal(headers.get("strict-transport-security"), "max-age=31536000", path);
      assert.equal(headers.get("cache-control"), "no-store", path);
      assert.equal(headers.get("x-content-type-options"), "nosniff", path);
    }
  });
});
