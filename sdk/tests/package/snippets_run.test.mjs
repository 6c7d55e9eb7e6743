// The snippets for backends, run with the real frameworks.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { env } from "node:process";
import { after, describe, test } from "node:test";

import express from "express";
import { FakeRevocations } from "session-events/testing";

import { startIssuer } from "../../../scripts/issuer.mjs";
import { startBareWorkerdWith } from "../../../tests/support/bare_workerd.mjs";
import { AUDIENCE, nodeFetch } from "../../../tests/support/issuer.mjs";
import { scp, slo, USER } from "../../../tests/support/records.mjs";
import { now } from "../../../tests/support/token.mjs";
import { waitFor } from "../../../tests/support/wait_for.mjs";
import { startIssuerServer } from "../support/issuer_server.mjs";
import { findSnippet } from "./snippets.mjs";

// The frameworks and the snippets use the network.
globalThis.fetch = nodeFetch;

const folder = mkdtempSync(join(import.meta.dirname, "snippets-"));
after(() => rmSync(folder, { recursive: true }));
let count = 0;

/**
 * Runs the snippet of the documentation that contains `text`. `globals` are the names that it uses
 * without a declaration, `changes` are replacements in its text. Returns the variables in `exports`.
 */
async function runSnippet(text, { globals = {}, changes = {}, exports = [] } = {}) {
  let { text: snippet } = findSnippet(text);
  for (const [part, replacement] of Object.entries(changes)) {
    assert.ok(snippet.includes(part), `the snippet has no ${part}`);
    snippet = snippet.replaceAll(part, replacement);
  }
  const file = join(folder, `snippet-${(count += 1)}.mts`);
  writeFileSync(file, `${snippet}\nexport { ${exports} };\n`);
  Object.assign(globalThis, globals);
  return import(file);
}

async function serve(handler) {
  const server = createServer(handler).listen(0, "localhost");
  await once(server, "listening");
  after(() => server.close() && server.closeAllConnections());
  return `http://localhost:${server.address().port}`;
}

const issuer = await startIssuerServer();
const bearer = (token) => ({ authorization: `Bearer ${token}` });

describe("the snippets for backends", () => {
  test("of Express rejects revoked tokens", async () => {
    const worker = await startBareWorkerdWith({ "acme@us": [issuer.issuer] });
    Object.assign(env, { AUTH0_CLIENT_ID: "backend", AUTH0_CLIENT_SECRET: "any" });
    for (const [text, exports] of [
      ["app.listen(3000);", ["app", "notRevoked"]],
      ["// The audience of your own API:", ["app", "notRevoked"]],
    ]) {
      const { app, notRevoked } = await runSnippet(text, {
        exports,
        changes: {
          '"https://events.example.com"': JSON.stringify(worker.url),
          'domain: "acme.us.auth0.com"': `issuer: ${JSON.stringify(issuer.issuer)}`,
          "https://acme.us.auth0.com": issuer.issuer,
          ...(text.startsWith("app.listen") ? { [text]: "" } : {}),
        },
      });
      after(() => notRevoked.close());
      await notRevoked.ready;
      app.set("env", "test").get("/", (_request, response) => response.send("welcome"));
      const url = await serve(app);
      const sub = `auth0|${exports.length}-${count}`;
      const token = issuer.token({ sub, iat: now() - 60, aud: "https://api.example.com" });
      const statusOf = async () => (await nodeFetch(url, { headers: bearer(token) })).status;
      assert.equal(await statusOf(), 200);
      await worker.publish("acme@us", scp({ user_id: sub, date: new Date().toISOString() }));
      await waitFor(async () => (await statusOf()) === 401);
    }
  });

  test("of the client in Node connects", async () => {
    const worker = await startBareWorkerdWith({ "acme@us": [issuer.issuer] });
    const { events } = await runSnippet('events.on("event", console.log);', {
      exports: ["events"],
      changes: {
        '"https://events.example.com"': JSON.stringify(worker.url),
        'domain: "acme.us.auth0.com"': `issuer: ${JSON.stringify(issuer.issuer)}`,
      },
    });
    after(() => events.close());
    await waitFor(() => events.state === "connected");
  });

  test("of Fastify rejects revoked tokens and reports other errors", async () => {
    const revocations = new FakeRevocations();
    const { app } = await runSnippet('import Fastify from "fastify";', {
      globals: { revocations, secret: "a secret of at least 32 characters" },
      exports: ["app"],
    });
    app.get("/", async () => "welcome");
    const token = app.jwt.sign({ sub: USER, iat: now() - 60 });
    const get = () => app.inject({ url: "/", headers: bearer(token) });
    assert.equal((await get()).statusCode, 200);
    revocations.revoke({ user_id: USER });
    const rejected = await get();
    assert.equal(rejected.statusCode, 401);
    assert.match(rejected.headers["www-authenticate"], /invalid_token/);
    revocations.check = () => assert.fail("unexpected");
    assert.equal((await get()).statusCode, 500);
    await app.close();
    assert.equal(revocations.connected, false);
  });

  test("of Hono rejects revoked tokens and reports other errors", async (context) => {
    const revocations = new FakeRevocations();
    const { app } = await runSnippet('import { Hono } from "hono";', {
      globals: { revocations, jwks_uri: issuer.jwksUri },
      exports: ["app"],
    });
    app.get("/", (c) => c.text("welcome"));
    const token = issuer.token({ iat: now() - 60, aud: AUDIENCE });
    const get = () => app.request("/", { headers: bearer(token) });
    assert.equal((await get()).status, 200);
    revocations.revoke({ user_id: USER });
    const rejected = await get();
    assert.equal(rejected.status, 401);
    assert.deepEqual(await rejected.json(), { error: "invalid_token" });
    assert.match(rejected.headers.get("www-authenticate"), /invalid_token/);

    context.mock.method(console, "error", () => {});
    revocations.check = () => assert.fail("unexpected");
    assert.equal((await get()).status, 500);
  });

  test("of the fakes behaves as its comments say", async (context) => {
    const log = context.mock.method(console, "log", () => {});
    const { client, revocations } = await runSnippet("new FakeSessionEvents();", {
      exports: ["client", "revocations"],
    });
    assert.deepEqual(
      log.mock.calls.map(({ arguments: [user] }) => user),
      ["auth0|jane"],
    );
    assert.equal(client.state, "connected");
    const check = (sub) => revocations.check({ sub, iat: now() - 60 });
    assert.throws(() => check("auth0|jane"), { status: 401 });
    assert.throws(() => check("auth0|joe"), { status: 503 });
  });

  test("of a session cookie signs the user out", async () => {
    const provider = await startIssuer(0, AUDIENCE);
    after(() => provider.stop());
    const revocations = new FakeRevocations();
    const app = express();
    const url = await serve(app);
    await runSnippet("const sessionEnded = revocation({", {
      globals: {
        app,
        revocations,
        oidc: {
          baseURL: url,
          issuerBaseURL: provider.url,
          clientID: "my-application",
          clientSecret: "any",
          clientAuthMethod: "client_secret_post",
          secret: "a secret of at least 32 characters",
          authorizationParams: { response_type: "code", login_hint: USER },
        },
      },
      changes: { '  url,\n  tenant,\n  getToken,\n  whileDisconnected: "pass",': "  revocations," },
    });
    app.get("/", ({ oidc }, response) => response.json(oidc.idTokenClaims ?? {}));
    app.use((error, _request, response, _next) => response.status(500).send(error.stack));

    const browser = new Browser();
    assert.deepEqual(await browser.getJson(url), {}, "not signed in");
    await browser.get(`${url}/login`);
    const { sub, sid } = await browser.getJson(url);
    assert.equal(sub, USER);
    revocations.revoke({ user_id: USER, session_id: "another" });
    assert.equal((await browser.getJson(url)).sid, sid);
    revocations.revoke({ user_id: USER, session_id: sid });
    assert.deepEqual(await browser.getJson(url), {}, "signed out");
    assert.ok(!browser.cookies.has("appSession"));
  });
});

/** Follows redirects and keeps cookies. */
class Browser {
  cookies = new Map();

  async get(url) {
    for (let redirects = 0; redirects < 10; redirects += 1) {
      const cookie = [...this.cookies].map((pair) => pair.join("=")).join("; ");
      const response = await nodeFetch(url, { redirect: "manual", headers: { cookie } });
      for (const line of response.headers.getSetCookie()) {
        const [, name, value] = line.match(/^([^=]+)=([^;]*)/);
        if (value) this.cookies.set(name, value);
        else this.cookies.delete(name);
      }
      if (response.status < 300 || response.status >= 400) return response;
      url = new URL(response.headers.get("location"), url).href;
    }
    return assert.fail("too many redirects");
  }

  async getJson(url) {
    const response = await this.get(url);
    const text = await response.text();
    assert.equal(response.status, 200, text);
    return JSON.parse(text);
  }
}
