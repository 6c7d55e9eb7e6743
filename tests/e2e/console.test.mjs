// The HTTP responses of the console's files. tests/browser/ tests the page itself.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { Tenant } from "../support/tenant.mjs";
import { startWorker, tenantsWith } from "../support/worker.mjs";

const worker = await startWorker({
  vars: { TENANTS: tenantsWith({ "local@us": ["http://localhost:8788/"] }) },
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
