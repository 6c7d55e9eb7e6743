// Tabs of Chromium that run the page `tests/pages/react.jsx`.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after } from "node:test";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

import { startBrowser } from "../../../tests/support/browser.mjs";
import { waitFor } from "../../../tests/support/wait_for.mjs";

const PAGE = fileURLToPath(new URL("../pages/react.jsx", import.meta.url));

async function serve() {
  const { outputFiles } = await build({
    entryPoints: [PAGE],
    bundle: true,
    write: false,
    format: "esm",
    jsx: "automatic",
    define: { "process.env.NODE_ENV": '"development"' },
  });
  const server = createServer(({ url }, response) => {
    const script = url === "/page.js";
    response.setHeader("content-type", script ? "text/javascript" : "text/html");
    response.end(
      script
        ? outputFiles[0].contents
        : '<!doctype html><div id="root"></div><script type="module" src="/page.js"></script>',
    );
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => server.close() && server.closeAllConnections());
  return `http://127.0.0.1:${server.address().port}/`;
}

/**
 * Gives a function that starts a browser profile for a tenant. `without: "locks"` takes the
 * platform's locks away; the other options are the page's.
 */
export async function openTabs(worker) {
  const [address, browser] = await Promise.all([serve(), startBrowser()]);

  return async function tabsOf(tenant, { without, ...options }) {
    const context = await browser.newContext();
    after(() => context.close());
    const granted = new Map();
    let sockets = 0;
    await context.exposeFunction("tokenOf", (sub) =>
      tenant.token({ sub, scope: "listen:events:self", ...granted.get(sub) }),
    );
    if (without === "locks")
      await context.addInitScript(() =>
        Object.defineProperty(Navigator.prototype, "locks", { value: undefined }),
      );

    async function open(changes = {}) {
      const page = await context.newPage();
      page.on("websocket", () => (sockets += 1));
      const trouble = [];
      page.on("pageerror", (error) => trouble.push(error));
      const props = { url: worker.url, tenant: tenant.slug, ...options, ...changes };
      await page.goto(`${address}#${encodeURIComponent(JSON.stringify(props))}`);
      await page.waitForFunction(() => window.change);
      return new Tab(page, trouble);
    }

    return {
      open,
      /** How many sockets the tabs have opened so far. */
      sockets: () => sockets,
      /** What the tokens of a user look like from now on. */
      grant: (sub, claims) => granted.set(sub, claims),
    };
  };
}

class Tab {
  #trouble;

  constructor(page, trouble) {
    this.page = page;
    this.#trouble = trouble;
  }

  /** What the page has written down. */
  async seen() {
    assert.deepEqual(this.#trouble, []);
    return this.page.evaluate(() => window.seen);
  }

  change(props) {
    return this.page.evaluate((props) => window.change(props), props);
  }

  async connected() {
    await waitFor(
      async () => (await this.page.textContent("output")) === "connected",
      () => "the tab did not connect",
    );
  }

  /** Waits for the events of these ids; there must be no others, and in this order. */
  async got(...ids) {
    let events = [];
    const complaint = () => `waited for ${ids.length} events, and got ${events.length}`;
    await waitFor(
      async () => ({ events } = await this.seen()).events.length >= ids.length,
      complaint,
    );
    assert.deepEqual(events, ids);
  }
}
