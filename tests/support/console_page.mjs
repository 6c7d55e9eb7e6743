// Opens the console in a browser, against a running Worker. Every test fails if the page throws an
// error or violates its own Content-Security-Policy.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after } from "node:test";

import { startBrowser } from "./browser.mjs";
import { Issuer } from "./issuer.mjs";
import { Tenant } from "./tenant.mjs";
import { startWorker } from "./worker.mjs";

/** Starts a stand-in issuer like the one of `npm start`. It requires no client secret. */
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

/** Starts a Worker with these variables and a browser. `open` opens the console of a tenant. */
export async function startConsole(vars = {}) {
  const worker = await startWorker({ vars });
  const browser = await startBrowser();

  /** Opens the console of a tenant in a new browser context, without stored data. */
  async function open(
    t,
    {
      tenant = new Tenant(worker),
      url = worker.url,
      hash = "",
      allowFailedRequests = true,
      ...options
    } = {},
  ) {
    const context = await browser.newContext(options);
    t.after(() => context.close());
    const page = await context.newPage();
    const errors = [];
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("console", (message) => {
      // The browser itself logs every failed request as an error.
      const isRequest = /^(WebSocket connection|Failed to load resource|Access to fetch)/.test(
        message.text(),
      );
      if (message.type() === "error" && !(isRequest && allowFailedRequests))
        errors.push(message.text());
    });
    t.after(() => assert.deepEqual(errors, []));
    await page.goto(`${new URL(tenant.slug, url)}/console${hash}`);
    const state = page.locator("#state");
    return {
      tenant,
      page,
      context,
      state,
      rows: page.locator("#event-table tbody tr:visible"),
      problem: page.locator("#problem"),
      /** Waits until the connection state starts with this text. */
      waitForState: (text) => state.filter({ hasText: new RegExp(`^${text}`) }).waitFor(),
      /** Enters a token and submits it. */
      async connect(token = tenant.token({ sub: "console@clients" })) {
        await page.getByLabel(/^Access token/).fill(token);
        await page.getByRole("button", { name: "Connect" }).click();
      },
    };
  }

  return { worker, browser, open };
}

/** Waits until the locator matches at least `count` elements. */
export const waitForCount = (locator, count) => locator.nth(count - 1).waitFor();
