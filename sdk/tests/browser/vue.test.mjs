// The README's code for Vue in a real tab, with the real Worker.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { scp } from "../../../tests/support/records.mjs";
import { Tenant } from "../../../tests/support/tenant.mjs";
import { now } from "../../../tests/support/token.mjs";
import { waitFor } from "../../../tests/support/wait_for.mjs";
import { startWorker } from "../../../tests/support/worker.mjs";
import { startTabs } from "./tabs.mjs";

const README = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
const PAGES = fileURLToPath(new URL("../pages/", import.meta.url));

/** Resolves `readme:HEADING` to the first code of a section, with the page's Worker and tenant. */
const readme = {
  name: "readme",
  setup(build) {
    build.onResolve({ filter: /^readme:/ }, ({ path }) => ({ path, namespace: "readme" }));
    build.onResolve({ filter: /^@auth0\/auth0-vue$/ }, () => ({ path: `${PAGES}auth0_vue.js` }));
    build.onLoad({ filter: /./, namespace: "readme" }, ({ path }) => {
      const [, section] = README.split(`\n### ${path.replace("readme:", "")}\n`);
      const [, code] = section.match(/```ts\n([^]+?)```/);
      const props = "JSON.parse(decodeURIComponent(location.hash.slice(1)))";
      const contents = code
        .replace('"https://events.example.com"', `${props}.url`)
        .replace('"acme@us"', `${props}.tenant`);
      return { contents, loader: "ts", resolveDir: PAGES };
    });
  },
};

const worker = await startWorker();
const newProfile = await startTabs(worker, "vue.js", {
  plugins: [readme],
  // The part of Vue that a page without single-file components uses.
  alias: { vue: "@vue/runtime-dom" },
  define: { __VUE_OPTIONS_API__: "true", __VUE_PROD_DEVTOOLS__: "false" },
});

const session = { sub: "auth0|jane", iat: now() - 60, sid: "s1" };

/** Waits until nobody is signed in, and asserts that the page has logged the user out once. */
async function assertSignedOut(tab) {
  await tab.page.getByText("nobody").waitFor();
  assert.deepEqual((await tab.recorded()).logouts, [{ openUrl: false }]);
}

test("with Vue, all tabs share a socket and sign the user out when the session ends", async () => {
  const tenant = new Tenant(worker);
  const { open, sockets } = await newProfile(tenant, { session });
  const tabs = [await open(), await open()];
  await waitFor(async () => (await tenant.listeners()).count === 1);
  assert.equal(sockets(), 1);
  await tenant.publish(scp({ user_id: session.sub, date: new Date().toISOString() }));
  for (const tab of tabs) await assertSignedOut(tab);
  await waitFor(async () => (await tenant.listeners()).count === 0);
});

test("with Vue, a user without a valid refresh token is signed out", async () => {
  const { open } = await newProfile(new Tenant(worker), {
    session: { ...session, tokenFailure: "invalid_grant" },
  });
  await assertSignedOut(await open());
});
