// The SDK inside of a Cloudflare Worker, as a client of the real Worker.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";

import { build } from "esbuild";

import { BareWorkerd, startBareWorkerdWith } from "../../tests/support/bare_workerd.mjs";
import { AUDIENCE, nodeFetch } from "../../tests/support/issuer.mjs";
import { scp } from "../../tests/support/records.mjs";
import { now } from "../../tests/support/token.mjs";
import { waitFor } from "../../tests/support/wait_for.mjs";
import { serve, startIssuerServer } from "./support/issuer_server.mjs";

/** Bundles the backend and starts it with these variables. Returns a function that sends requests. */
async function startBackend(vars) {
  const folder = mkdtempSync(join(tmpdir(), "session-events-backend-"));
  after(() => rmSync(folder, { recursive: true }));
  await build({
    entryPoints: [join(import.meta.dirname, "workers", "backend.mjs")],
    outfile: join(folder, "index.js"),
    bundle: true,
    format: "esm",
    external: ["cloudflare:workers"],
    logLevel: "error",
  });
  const workerd = new BareWorkerd(vars, { folder, className: "Backend", binding: "BACKEND" });
  await workerd.start();
  after(() => workerd.kill());
  return async (path) => {
    const response = await nodeFetch(new URL(path, workerd.url));
    const text = await response.text();
    assert.equal(response.status, 200, `${text}\n${workerd.log}`);
    return JSON.parse(text);
  };
}

const issuer = await startIssuerServer();
const server = await startBareWorkerdWith({ acme: [issuer.issuer] });
const get = await startBackend({ EVENTS_URL: String(server.url), ISSUER: issuer.issuer, AUDIENCE });

describe("in a Cloudflare Worker", () => {
  test("clientCredentials logs in", async () => {
    assert.equal(JSON.parse(atob((await get("/token")).split(".")[1])).sub, "backend@clients");
  });

  test("clientCredentials does not follow a redirect, and says so", async () => {
    let followed = 0;
    const target = await serve((_request, response) => response.end(String((followed += 1))));
    const redirecting = await serve((_request, response) =>
      response.writeHead(307, { location: `${target}oauth/token` }).end(),
    );
    assert.equal(
      await get(`/token?issuer=${encodeURIComponent(redirecting)}`),
      `unreachable: ${redirecting}oauth/token responded with a redirect, which is not followed ` +
        "because the request contains a secret: configure the URL that it leads to",
    );
    assert.equal(followed, 0);
  });

  test("a client that was created in the global scope connects in a request", async () => {
    assert.deepEqual(await get("/connect"), { state: "connected", errors: [] });
  });

  test("Revocations in a Durable Object load the list and receive events", async () => {
    const check = (sub) => get(`/check?sub=${encodeURIComponent(sub)}&iat=${now() - 600}`);
    const date = new Date().toISOString();
    await server.publish("acme", scp({ user_id: "auth0|before", date }));
    await check("auth0|before");
    await waitFor(async () => (await check("auth0|before")).connected);
    assert.equal((await check("auth0|before")).check, "invalid_token");
    assert.equal((await check("auth0|jane")).check, "passed");

    await server.publish("acme", scp({ user_id: "auth0|jane", date }));
    await waitFor(async () => (await check("auth0|jane")).check === "invalid_token");
    const { events, errors } = await check("auth0|jane");
    assert.ok(events.some(({ user_id }) => user_id === "auth0|jane"));
    assert.deepEqual(errors, []);
  });
});
