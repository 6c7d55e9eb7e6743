// The examples as a user runs them: the page in a browser, the API, and the stand-in issuer of
// `npm start`.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { after, describe, test } from "node:test";
import { join } from "node:path";

import { startIssuer } from "../../scripts/issuer.mjs";
import { startBrowser } from "../support/browser.mjs";
import { AUDIENCE, Issuer, nodeFetch } from "../support/issuer.mjs";
import { Program } from "../support/program.mjs";
import { Tenant } from "../support/tenant.mjs";
import { now } from "../support/token.mjs";
import { waitFor } from "../support/wait_for.mjs";
import { ROOT, startWorker, tenantsWith } from "../support/worker.mjs";

const JANE = "auth0|6182002f34f4dd006b05b5c7";
const JOHN = "auth0|64f1c2a9e1b8d7003c5a9d21";

const standIn = await startIssuer(0, AUDIENCE);
after(() => standIn.stop());
// The Worker's requests for the key set pass through this process, which forwards them.
const issuer = new Issuer(standIn.url);
issuer.behaviour = () => nodeFetch(issuer.jwksUri);

const worker = await startWorker({
  vars: { TENANTS: tenantsWith({ "examples@us": [standIn.url] }) },
});
const tenant = new Tenant(worker, { name: "examples" });
/** Log records are delivered when this promise resolves. Sign-outs do not wait for it. */
let logDelivery = Promise.resolve();
// The stand-in issuer creates records of the tenant acme.
standIn.logTo(async (records) => {
  void logDelivery.then(() =>
    tenant.publish(
      ...records.map((record) => ({
        ...record,
        data: { ...record.data, tenant_name: "examples" },
      })),
    ),
  );
});

/** Delays the delivery of log records. Returns a function that ends the delay. */
function holdLog(t) {
  const { promise, resolve } = Promise.withResolvers();
  logDelivery = promise;
  t.after(resolve);
  return resolve;
}

const browser = await startBrowser();

const env = {
  SESSION_EVENTS_URL: String(worker.url),
  SESSION_EVENTS_TENANT: tenant.slug,
  AUTH0_ISSUER: standIn.url,
  PORT: "0",
};
const startExample = (name, variables) =>
  new Program({ after }, process.execPath, [join(ROOT, "examples", name, "server.mjs")], {
    env: { ...env, ...variables },
  });

const api = startExample("express");
const [, apiUrl] = await api.waitForOutput(/(http:\/\/\S+)\/api\/me/);
await api.waitForOutput(/list of revocations is up to date/);
const page = startExample("browser", { API_URL: apiUrl });
const [address] = await page.waitForOutput(/http:\/\/localhost:\d+/);

/** Creates a browser profile whose pages must have no errors. */
async function newBrowser(t) {
  const context = await browser.newContext();
  t.after(() => context.close());
  const errors = [];
  context.on("weberror", (error) => errors.push(error.error().message));
  t.after(() => assert.deepEqual(errors, []));
  return context;
}

/** Opens a tab, and signs the user in by name unless the browser already has a session. */
async function signIn(context, name) {
  const tab = await context.newPage();
  await tab.goto(address);
  await tab.getByRole("button", { name: "Sign in" }).or(tab.getByText("Hello,")).waitFor();
  if (await tab.getByRole("button", { name: "Sign in" }).isVisible()) {
    await tab.getByRole("button", { name: "Sign in" }).click();
    await tab.getByRole("link", { name }).click();
  }
  await tab.getByText(`Hello, ${name}`).waitFor();
  await tab.getByText("Session events: connected").waitFor();
  return tab;
}

/** Blocks or unblocks a user, as an administrator does. */
async function setBlocked(userId, blocked) {
  const response = await nodeFetch(`${standIn.url}api/v2/users/${encodeURIComponent(userId)}`, {
    method: "PATCH",
    body: JSON.stringify({ blocked }),
  });
  assert.equal(response.status, 200);
}

const callApi = async (tab) => {
  await tab.getByRole("button", { name: "Call the API" }).click();
  return tab.locator("pre").textContent();
};

describe("the examples", () => {
  for (const [socket, reason] of [
    ["without", "You have signed out elsewhere."],
    // The sign-out removes the browser's tokens, so no other tab can connect to receive the event.
    ["with", "You are no longer signed in."],
  ])
    test(`a user who signs out in the tab ${socket} the socket is signed out in the other tab, and other users are not`, async (t) => {
      const releaseLog = holdLog(t);
      const context = await newBrowser(t);
      const first = await signIn(context, "Jane Doe");
      const second = await signIn(context, "Jane Doe");
      const [signedOutTab, otherTab] = socket === "with" ? [first, second] : [second, first];
      const otherUser = await signIn(await newBrowser(t), "John Roe");
      const before = (await tenant.listeners()).connections.filter(({ sub }) => sub === JANE);
      assert.equal(before.length, 1, "the two tabs share a socket");

      await signedOutTab.getByRole("button", { name: "Sign out" }).click();
      await signedOutTab.getByText("Sign in here, and in a second tab.").waitFor();
      releaseLog();
      await otherTab.getByText(reason).waitFor();
      await waitFor(
        async () => !(await tenant.listeners()).connections.some(({ sub }) => sub === JANE),
      );
      await otherUser.getByText("Session events: connected").waitFor();
      // A new sign-in creates a new session, which the old event does not end.
      await otherTab.getByRole("button", { name: "Sign in" }).click();
      await otherTab.getByRole("link", { name: "Jane Doe" }).click();
      await otherTab.getByText("Session events: connected").waitFor();
    });

  for (const name of ["Jane Doe", "John Roe"])
    test(`${name} signs in after Jane Doe signed out and stays signed in when the late log record arrives`, async (t) => {
      const releaseLog = holdLog(t);
      const context = await newBrowser(t);
      const old = await signIn(context, "Jane Doe");
      const current = await signIn(context, "Jane Doe");
      await current.getByRole("button", { name: "Sign out" }).click();
      await current.getByRole("button", { name: "Sign in" }).waitFor();
      // The API rejects tokens that were issued in the same second as the sign-out.
      const second = now();
      await waitFor(() => now() > second);
      await current.getByRole("button", { name: "Sign in" }).click();
      await current.getByRole("link", { name }).click();
      await current.getByText(`Hello, ${name}`).waitFor();
      const reloaded = old.waitForEvent("load");
      releaseLog();
      await reloaded;
      for (const tab of [old, current]) {
        await tab.getByText(`Hello, ${name}`).waitFor();
        await tab.getByText("Session events: connected").waitFor();
        assert.match(await callApi(tab), /^200 /);
      }
    });

  test("a blocked user is signed out, and the API rejects the remaining token", async (t) => {
    const tab = await signIn(await newBrowser(t), "John Roe");
    assert.match(await callApi(tab), /^200 /);
    const request = tab.waitForRequest((request) => request.url().endsWith("/api/me"));
    await callApi(tab);
    const { authorization } = await (await request).allHeaders();

    await setBlocked(JOHN, true);
    await tab.getByText("An administrator has blocked you.").waitFor();
    const url = (await request).url();
    const rejected = await nodeFetch(url, { headers: { authorization } });
    assert.equal(rejected.status, 401);
    assert.match(rejected.headers.get("www-authenticate"), /^Bearer error="invalid_token"/);
    assert.equal((await rejected.json()).error, "invalid_token");
    await tab.getByRole("button", { name: "Sign in" }).click();
    await tab.getByText("John Roe").waitFor();
    assert.equal(await tab.getByRole("link", { name: "John Roe" }).count(), 0);
  });

  test("a user who was blocked while the computer slept is signed out, even if the event never arrives", async (t) => {
    holdLog(t);
    await setBlocked(JOHN, false);
    // An earlier block of the user does not end a session that started in a later second.
    const second = now();
    await waitFor(() => now() > second);
    const context = await newBrowser(t);
    const tab = await signIn(context, "John Roe");
    await context.setOffline(true);
    await tab.getByText("Session events: connecting").waitFor();
    await setBlocked(JOHN, true);
    await tab.evaluate(() => {
      for (const [key, value] of Object.entries(localStorage)) {
        const entry = JSON.parse(value);
        if (entry.expiresAt) localStorage[key] = JSON.stringify({ ...entry, expiresAt: 1 });
      }
    });
    await context.setOffline(false);
    await tab.getByText("You are no longer signed in.").waitFor();
    await tab.reload();
    await tab.getByText("Sign in here, and in a second tab.").waitFor();
  });

  test("a user who signs out in another browser stays signed in, and the page shows the event", async (t) => {
    const here = await signIn(await newBrowser(t), "Jane Doe");
    const elsewhere = await signIn(await newBrowser(t), "Jane Doe");
    await elsewhere.getByRole("button", { name: "Sign out" }).click();
    await here.getByRole("list", { name: "Events" }).getByText("logout").waitFor();
    await here.getByText("Hello, Jane Doe").waitFor();
    await here.getByText("Session events: connected").waitFor();
  });

  test("the examples report a missing server", async () => {
    const stopped = createServer().listen(0, "127.0.0.1");
    await once(stopped, "listening");
    const unreachable = `http://localhost:${stopped.address().port}/`;
    stopped.close();
    await once(stopped, "close");
    for (const name of ["browser", "express"])
      for (const missing of ["SESSION_EVENTS_URL", "AUTH0_ISSUER"]) {
        const program = startExample(name, { [missing]: unreachable });
        assert.equal(await program.exit, 1);
        assert.equal(program.output, `${unreachable} does not respond: run npm start first.\n`);
      }
  });

  test("the page uses the next port if its port is in use, and the API reports an error", async () => {
    const { port } = new URL(address);
    const [next] = await startExample("browser", { PORT: port }).waitForOutput(
      /http:\/\/localhost:\d+/,
    );
    assert.notEqual(next, address);
    assert.equal((await nodeFetch(next)).status, 200);
    const second = startExample("express", { PORT: new URL(apiUrl).port });
    assert.equal(await second.exit, 1);
    assert.match(second.output, /EADDRINUSE.*set PORT to another port/);
  });

  test("Ctrl-C ends the examples without an error", async () => {
    for (const [name, pattern, variables] of [
      ["browser", /^Open/m],
      ["express", /^The list of revocations/m],
      // Without a token it is not ready when it ends.
      ["express", /^The API listens/m, { AUTH0_ISSUER: String(worker.url) }],
    ]) {
      const program = startExample(name, variables);
      await program.waitForOutput(pattern);
      program.signalGroup("SIGINT");
      assert.equal(await program.exit, 0, program.output);
      assert.doesNotMatch(program.output, /Error/);
    }
  });

  test("the API rejects a request without a token", async () => {
    const response = await nodeFetch(`${apiUrl}/api/me`);
    assert.equal(response.status, 401);
    assert.match(response.headers.get("www-authenticate"), /^Bearer/);
  });
});
