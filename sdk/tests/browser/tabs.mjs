// Chromium tabs with one of the test pages in `tests/pages/`.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after } from "node:test";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

import { startBrowser } from "../../../tests/support/browser.mjs";
import { waitFor } from "../../../tests/support/wait_for.mjs";

async function serve(page, options) {
  const { outputFiles } = await build({
    ...options,
    entryPoints: [fileURLToPath(new URL(`../pages/${page}`, import.meta.url))],
    bundle: true,
    write: false,
    format: "esm",
    jsx: "automatic",
    define: { "process.env.NODE_ENV": '"development"' },
  });
  const server = createServer(({ url }, response) => {
    const script = url === "/page.js";
    // The sandbox gives the page an opaque origin, which may not use Web Locks.
    if (url === "/?sandbox") {
      response.setHeader("content-security-policy", "sandbox allow-scripts");
    }
    response.setHeader("access-control-allow-origin", "*");
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

/** Scripts that break a feature of the platform, as browsers do that block cookies. */
const BROKEN_FEATURES = {
  BroadcastChannel: () => {
    globalThis.BroadcastChannel = class {
      constructor() {
        throw new DOMException("The operation is insecure.", "SecurityError");
      }
    };
  },
  "navigator.locks": () =>
    Object.defineProperty(Navigator.prototype, "locks", {
      get() {
        throw new DOMException("The operation is insecure.", "SecurityError");
      },
    }),
  "navigator.locks.request": () => {
    LockManager.prototype.request = () => {
      throw new DOMException("The operation is insecure.", "SecurityError");
    };
  },
};

/**
 * Starts a browser for a test page, which is bundled with these options of esbuild. Returns a
 * function that creates a browser profile for a tenant. Its option `without: "locks"` removes Web
 * Locks, `broken` names a feature that throws, and `sandbox` gives the page an opaque origin; the
 * other options are props of the page.
 */
export async function startTabs(worker, page = "react.jsx", buildOptions = {}) {
  const [address, browser] = await Promise.all([serve(page, buildOptions), startBrowser()]);

  return async function newProfile(tenant, { without, broken, sandbox, ...options }) {
    const context = await browser.newContext();
    if (broken) await context.addInitScript(BROKEN_FEATURES[broken]);
    after(() => context.close());
    const claimsByUser = new Map();
    let sockets = 0;
    await context.exposeFunction("tokenOf", (sub) =>
      tenant.token({ sub, scope: "listen:events:self", ...claimsByUser.get(sub) }),
    );
    if (without === "locks")
      await context.addInitScript(() =>
        Object.defineProperty(Navigator.prototype, "locks", { value: undefined }),
      );

    async function open(changes = {}) {
      const page = await context.newPage();
      page.on("websocket", () => (sockets += 1));
      const pageErrors = [];
      page.on("pageerror", (error) => pageErrors.push(error));
      const props = { url: worker.url, tenant: tenant.slug, ...options, ...changes };
      await page.goto(
        `${address}${sandbox ? "?sandbox" : ""}#${encodeURIComponent(JSON.stringify(props))}`,
      );
      await page.waitForFunction(() => window.change);
      return new Tab(page, pageErrors);
    }

    return {
      open,
      /** Returns the number of sockets that the tabs have opened. */
      sockets: () => sockets,
      /** Sets additional claims for the next tokens of a user. */
      setClaims: (sub, claims) => claimsByUser.set(sub, claims),
    };
  };
}

class Tab {
  #pageErrors;

  constructor(page, pageErrors) {
    this.page = page;
    this.#pageErrors = pageErrors;
  }

  /** Returns what the page has recorded. Fails if the page had an error. */
  async recorded() {
    assert.deepEqual(this.#pageErrors, []);
    return this.page.evaluate(() => window.recorded);
  }

  change(props) {
    return this.page.evaluate((props) => window.change(props), props);
  }

  async waitUntilConnected() {
    await waitFor(
      async () => (await this.page.textContent("output")) === "connected",
      () => "the tab did not connect",
    );
  }

  /** Waits for as many events as there are ids, and asserts that they have these ids. */
  async assertEvents(...ids) {
    let events = [];
    const message = () => `waited for ${ids.length} events, and got ${events.length}`;
    await waitFor(
      async () => ({ events } = await this.recorded()).events.length >= ids.length,
      message,
    );
    assert.deepEqual(events, ids);
  }
}
