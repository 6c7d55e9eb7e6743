// The HTTP responses of the console's files. tests/browser/ tests the page itself.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { Tenant } from "../support/tenant.mjs";
import { AUDIENCE } from "../support/issuer.mjs";
import { startWorker, tenantsWith } from "../support/worker.mjs";

const SIGN_IN_TENANTS = {
  "acme@us": { console_client_id: "client-a" },
  "custom@us": {
    issuers: ["https://login.acme.com/", "https://custom.us.auth0.com/"],
    audience: "https://custom.example.com/api",
    console_client_id: "client-b",
  },
  corp: {
    domain: "sso.corp.example",
    issuers: ["https://sso.corp.example:8443/realms/corp", "https://other.corp.example/"],
    console_client_id: "client-c",
  },
};

const worker = await startWorker({
  vars: {
    TENANTS: JSON.stringify({
      ...JSON.parse(tenantsWith({ "local@us": ["http://localhost:8788/"] })),
      ...SIGN_IN_TENANTS,
    }),
  },
});

const policy = (response) => response.headers.get("content-security-policy").split("; ");

describe("The console's files", { concurrency: true }, () => {
  test("are served below the path of a tenant", async () => {
    const tenant = new Tenant(worker);
    const page = await tenant.fetch("/console");
    assert.equal(page.status, 200);
    assert.equal(page.headers.get("content-type"), "text/html; charset=utf-8");
    const html = await page.text();
    const files = [...html.matchAll(/(?:href|src)="(console\/[^"]+)"/g)].map(([, file]) => file);
    assert.deepEqual(files.sort(), ["console/app.css", "console/app.js", "console/icon.svg"]);
    const types = await Promise.all(
      files.map(async (file) => (await tenant.fetch(`/${file}`)).headers.get("content-type")),
    );
    assert.deepEqual(types, [
      "text/css; charset=utf-8",
      "text/javascript; charset=utf-8",
      "image/svg+xml",
    ]);
  });

  test("come with a policy that allows requests only to the Worker itself", async () => {
    const page = await new Tenant(worker).fetch("/console");
    assert.deepEqual(policy(page).sort(), [
      "base-uri 'none'",
      "connect-src 'self'",
      "default-src 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "img-src 'self'",
      "require-trusted-types-for 'script'",
      "script-src 'self'",
      "style-src 'self'",
      "trusted-types 'none'",
    ]);
    assert.equal(page.headers.get("referrer-policy"), "no-referrer");
    assert.equal(page.headers.get("cross-origin-opener-policy"), "same-origin");
    assert.equal(page.headers.get("cross-origin-resource-policy"), "same-origin");
    assert.equal(page.headers.get("strict-transport-security"), "max-age=31536000");
    assert.equal(page.headers.get("access-control-allow-origin"), null);
  });

  test("come with a policy that also allows the tenant's local issuer", async () => {
    const page = await worker.fetch("/local@us/console");
    const connect = policy(page).filter((directive) => directive.startsWith("connect-src"));
    assert.deepEqual(connect, ["connect-src 'self' http://localhost:8788"]);
  });

  test("come with a policy that also allows the issuer at which the console signs in", async () => {
    for (const [slug, origin] of [
      ["acme@us", "https://acme.us.auth0.com"],
      ["custom@us", "https://login.acme.com"],
      ["corp", "https://sso.corp.example:8443"],
    ]) {
      const page = await worker.fetch(`/${slug}/console`);
      const connect = policy(page).filter((directive) => directive.startsWith("connect-src"));
      assert.deepEqual(connect, [`connect-src 'self' ${origin}`]);
    }
  });

  test("are not sent again to a client that has the current version", async () => {
    const tenant = new Tenant(worker);
    const script = await tenant.fetch("/console/app.js");
    assert.equal(script.headers.get("cache-control"), "no-cache");
    const headers = { "if-none-match": script.headers.get("etag") };
    const again = await tenant.fetch("/console/app.js", { headers });
    assert.equal(again.status, 304);
    assert.equal(await again.text(), "");
  });

  test("are served at no other path", async () => {
    const tenant = new Tenant(worker);
    for (const path of ["/console/", "/console/index.html", "/console/app.ts", "/app.js"])
      assert.equal((await tenant.fetch(path)).status, 404, path);
    for (const path of ["/index.html", "/app.js", "/console", "/xx/console", "/console/app.js"])
      assert.equal((await worker.fetch(path)).status, 404, path);
  });

  test("accept only GET, HEAD and OPTIONS", async () => {
    const tenant = new Tenant(worker);
    const head = await tenant.fetch("/console", { method: "HEAD" });
    assert.deepEqual([head.status, await head.text()], [200, ""]);
    const post = await tenant.fetch("/console", { method: "POST" });
    assert.equal(post.status, 405);
    assert.equal(post.headers.get("allow"), "GET, HEAD, OPTIONS");
  });
});

describe("The settings of the console", { concurrency: true }, () => {
  const settings = (slug) => worker.fetch(`/${slug}/console/config.json`);

  test("name the client, the audience and the first issuer of the tenant", async () => {
    for (const [slug, client_id, issuer, audience] of [
      ["acme@us", "client-a", "https://acme.us.auth0.com/", AUDIENCE],
      ["custom@us", "client-b", "https://login.acme.com/", "https://custom.example.com/api"],
      ["corp", "client-c", "https://sso.corp.example:8443/realms/corp", AUDIENCE],
    ]) {
      const response = await settings(slug);
      assert.equal(response.status, 200);
      assert.equal(response.headers.get("content-type"), "application/json; charset=utf-8");
      assert.equal(response.headers.get("cache-control"), "no-store");
      assert.deepEqual(await response.json(), { sign_in: { issuer, client_id, audience } });
    }
  });

  test("are empty for a tenant without a client for the console", async () => {
    const response = await settings(new Tenant(worker).slug);
    assert.equal(response.status, 200);
    assert.deepEqual(await response.json(), {});
  });

  test("are not found for a tenant that is not served", async () => {
    assert.equal((await settings("nobody@us")).status, 404);
  });

  test("accept only GET, HEAD and OPTIONS", async () => {
    const post = await worker.fetch("/acme@us/console/config.json", { method: "POST" });
    assert.equal(post.status, 405);
    assert.equal(post.headers.get("allow"), "GET, HEAD, OPTIONS");
  });
});
