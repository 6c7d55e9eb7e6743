// The examples as a user runs them: the page in a browser, the API beside it, and the issuer that
// stands in for Auth0 under `npm start`.
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
import { ROOT, startWorker } from "../support/worker.mjs";

const JANE = "auth0|6182002f34f4dd006b05b5c7";

const standIn = await startIssuer(0, AUDIENCE);
after(() => standIn.stop());
// The worker's requests for its keys come by this process, so it has to know of it.
const issuer = new Issuer(standIn.url);
issuer.behaviour = () => nodeFetch(issuer.jwksUri);

const worker = await startWorker({
  vars: { ISSUERS: JSON.stringify({ "examples@us": [{ issuer: standIn.url }] }) },
});
const tenant = new Tenant(worker, { name: "examples" });
/** The log comes to the worker when this has been kept: Auth0 does not let a user wait for it. */
let logged = Promise.resolve();
// The records of the stand-in are those of the tenant acme.
standIn.logTo(async (records) => {
  void logged.then(() =>
    tenant.publish(
      ...records.map((record) => ({
        ...record,
        data: { ...record.data, tenant_name: "examples" },
      })),
    ),
  );
});

/** Holds the log back until the function that this gives is called. */
function holdLog(t) {
  const { promise, resolve } = Promise.withResolvers();
  logged = promise;
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
const example = (name, more) =>
  new Program({ after }, process.execPath, [join(ROOT, "examples", name, "server.mjs")], {
    env: { ...env, ...more },
  });

const api = example("express");
const [, apiUrl] = await api.waitForOutput(/(http:\/\/\S+)\/api\/me/);
await api.waitForOutput(/knows which sessions are over/);
const page = example("browser", { API_URL: apiUrl });
const [address] = await page.waitForOutput(/http:\/\/localhost:\d+/);

/** A browser of its own, whose pages must not complain. */
async function newBrowser(t) {
  const context = await browser.newContext();
  t.after(() => context.close());
  const errors = [];
  context.on("weberror", (error) => errors.push(error.error().message));
  t.after(() => assert.deepEqual(errors, []));
  return context;
}

/** A tab in which the user has signed in, by name, unless the browser has a session already. */
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

const answer = async (tab) => {
  await tab.getByRole("button", { name: "Call the API" }).click();
  return tab.locator("pre").textContent();
};

describe("the examples", () => {
  for (const [socket, why] of [
    ["without", "You have signed out elsewhere."],
    // The browser's tokens go as well, and no other tab can get one to wait for the event with.
    ["with", "You are no longer signed in."],
  ])
    test(`a user who signs out in the tab ${socket} the socket is signed out in the other, and only that user`, async (t) => {
      const letLogCome = holdLog(t);
      const context = await newBrowser(t);
      const first = await signIn(context, "Jane Doe");
      const second = await signIn(context, "Jane Doe");
      const [one, two] = socket === "with" ? [first, second] : [second, first];
      const other = await signIn(await newBrowser(t), "John Roe");
      const before = (await tenant.listeners()).connections.filter(({ sub }) => sub === JANE);
      assert.equal(before.length, 1, "the two tabs share a socket");

      await one.getByRole("button", { name: "Sign out" }).click();
      await one.getByText("Sign in here, and in a second tab.").waitFor();
      letLogCome();
      await two.getByText(why).waitFor();
      await waitFor(
        async () => !(await tenant.listeners()).connections.some(({ sub }) => sub === JANE),
      );
      await other.getByText("Session events: connected").waitFor();
      // Signing in again begins a new session, which the old event does not end.
      await two.getByRole("button", { name: "Sign in" }).click();
      await two.getByRole("link", { name: "Jane Doe" }).click();
      await two.getByText("Session events: connected").waitFor();
    });

  for (const name of ["Jane Doe", "John Roe"])
    test(`${name} signs in after Jane Doe has signed out, and is left alone when the log tells of it`, async (t) => {
      const letLogCome = holdLog(t);
      const context = await newBrowser(t);
      const old = await signIn(context, "Jane Doe");
      const present = await signIn(context, "Jane Doe");
      await present.getByRole("button", { name: "Sign out" }).click();
      await present.getByRole("button", { name: "Sign in" }).waitFor();
      // Within that second the API cannot tell a new token from an old one, and refuses it.
      const second = now();
      await waitFor(() => now() > second);
      await present.getByRole("button", { name: "Sign in" }).click();
      await present.getByRole("link", { name }).click();
      await present.getByText(`Hello, ${name}`).waitFor();
      const reloaded = old.waitForEvent("load");
      letLogCome();
      await reloaded;
      for (const tab of [old, present]) {
        await tab.getByText(`Hello, ${name}`).waitFor();
        await tab.getByText("Session events: connected").waitFor();
        assert.match(await answer(tab), /^200 /);
      }
    });

  test("a user who is blocked is signed out, and the API refuses the token that is left", async (t) => {
    const tab = await signIn(await newBrowser(t), "John Roe");
    assert.match(await answer(tab), /^200 /);
    const asked = tab.waitForRequest((request) => request.url().endsWith("/api/me"));
    await answer(tab);
    const { authorization } = await (await asked).allHeaders();

    const john = "auth0%7C64f1c2a9e1b8d7003c5a9d21";
    const blocked = await nodeFetch(`${standIn.url}api/v2/users/${john}`, {
      method: "PATCH",
      body: '{"blocked":true}',
    });
    assert.equal(blocked.status, 200);
    await tab.getByText("An administrator has blocked you.").waitFor();
    const url = (await asked).url();
    const refused = await nodeFetch(url, { headers: { authorization } });
    assert.equal(refused.status, 401);
    assert.match(refused.headers.get("www-authenticate"), /^Bearer error="invalid_token"/);
    assert.equal((await refused.json()).error, "invalid_token");
    await tab.getByRole("button", { name: "Sign in" }).click();
    await tab.getByText("John Roe").waitFor();
    assert.equal(await tab.getByRole("link", { name: "John Roe" }).count(), 0);
  });

  test("a user who signs out in another browser stays signed in here, and sees it", async (t) => {
    const here = await signIn(await newBrowser(t), "Jane Doe");
    const elsewhere = await signIn(await newBrowser(t), "Jane Doe");
    await elsewhere.getByRole("button", { name: "Sign out" }).click();
    await here.getByRole("list", { name: "Events" }).getByText("logout").waitFor();
    await here.getByText("Hello, Jane Doe").waitFor();
    await here.getByText("Session events: connected").waitFor();
  });

  test("they say what is missing when nobody answers", async () => {
    const gone = createServer().listen(0, "127.0.0.1");
    await once(gone, "listening");
    const nowhere = `http://localhost:${gone.address().port}/`;
    gone.close();
    await once(gone, "close");
    for (const name of ["browser", "express"])
      for (const missing of ["SESSION_EVENTS_URL", "AUTH0_ISSUER"]) {
        const program = example(name, { [missing]: nowhere });
        assert.equal(await program.exit, 1);
        assert.equal(program.output, `Nobody answers at ${nowhere}: run npm start first.\n`);
      }
  });

  test("the page takes the next port when its own is taken, and the API says so", async () => {
    const { port } = new URL(address);
    const [next] = await example("browser", { PORT: port }).waitForOutput(/http:\/\/localhost:\d+/);
    assert.notEqual(next, address);
    assert.equal((await nodeFetch(next)).status, 200);
    const second = example("express", { PORT: new URL(apiUrl).port });
    assert.equal(await second.exit, 1);
    assert.match(second.output, /EADDRINUSE.*choose another by PORT/);
  });

  test("Ctrl-C ends them without a complaint", async () => {
    for (const [name, sign, more] of [
      ["browser", /^Open/m],
      ["express", /^It knows/m],
      // One that gets no token, and so is not ready when it has to end.
      ["express", /^The API answers/m, { AUTH0_ISSUER: String(worker.url) }],
    ]) {
      const program = example(name, more);
      await program.waitForOutput(sign);
      program.signalGroup("SIGINT");
      assert.equal(await program.exit, 0, program.output);
      assert.doesNotMatch(program.output, /Error/);
    }
  });

  test("the API refuses whoever shows no token", async () => {
    const response = await nodeFetch(`${apiUrl}/api/me`);
    assert.equal(response.status, 401);
    assert.match(response.headers.get("www-authenticate"), /^Bearer/);
  });
});
