// The live page in a browser, against the running worker. Whatever a test does, the page may
// neither throw nor offend against its own Content-Security-Policy.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after } from "node:test";

import { startBrowser } from "./browser.mjs";
import { Issuer } from "./issuer.mjs";
import { Tenant } from "./tenant.mjs";
import { startWorker } from "./worker.mjs";

/** An issuer on this machine, as `npm start` has one. It asks for no secret. */
export async function startStandIn() {
  const standIn = { logins: 0, isBroken: false };
  const server = createServer((request, response) => {
    response.setHeader("access-control-allow-origin", "*");
    if (request.method !== "POST" || request.url !== "/oauth/token")
      return response.writeHead(404).end();
    if (standIn.isBroken) return response.writeHead(500).end('{"error":"server_error"}');
    standIn.logins += 1;
    const access_token = issuer.token({ sub: "console@clients" });
    response.end(JSON.stringify({ access_token, expires_in: 3_600 }));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  after(() => server.close());
  const host = `localhost:${server.address().port}`;
  const issuer = new Issuer(`http://${host}/`);
  return Object.assign(standIn, { host, url: issuer.issuer });
}

/** A worker with these vars, a browser, and `open`, which gives the page of a tenant. */
export async function startLivePage(vars = {}) {
  const worker = await startWorker({ vars });
  const browser = await startBrowser();

  /** The page of a tenant, as somebody finds it who has not been there yet. */
  async function open(
    t,
    {
      tenant = new Tenant(worker),
      url = worker.url,
      hash = "",
      requestsMayFail = true,
      ...options
    } = {},
  ) {
    const context = await browser.newContext(options);
    t.after(() => context.close());
    const page = await context.newPage();
    const faults = [];
    page.on("pageerror", (error) => faults.push(error.message));
    page.on("console", (message) => {
      // A browser writes of each failed request by itself.
      const isRequest = /^(WebSocket connection|Failed to load resource)/.test(message.text());
      if (message.type() === "error" && !(isRequest && requestsMayFail))
        faults.push(message.text());
    });
    t.after(() => assert.deepEqual(faults, []));
    await page.goto(`${new URL(tenant.slug, url)}/console${hash}`);
    const state = page.locator("#state");
    return {
      tenant,
      page,
      context,
      state,
      rows: page.locator("#event-table tbody tr:visible"),
      problem: page.locator("#problem"),
      // From its beginning: one who is disconnected is not connected.
      is: (text) => state.filter({ hasText: new RegExp(`^${text}`) }).waitFor(),
      async show(token = tenant.token({ sub: "console@clients" })) {
        await page.getByLabel(/^Access token/).fill(token);
        await page.getByRole("button", { name: "Connect" }).click();
      },
    };
  }

  return { worker, browser, open };
}

/** Waits until there are so many. */
export const count = (locator, number) => locator.nth(number - 1).waitFor();
