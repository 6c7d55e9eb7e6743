// The sign-in of the console at the tenant's issuer: the authorization code grant with PKCE.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { CLIENT_ID, startAuthorizationServer } from "../support/authorization_server.mjs";
import { startConsole } from "../support/console_page.mjs";
import { AUDIENCE } from "../support/issuer.mjs";
import { slo } from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { now } from "../support/token.mjs";

const NAMES = Array.from({ length: 14 }, (_, number) => `sign-in-${number + 1}`);
/** One stand-in for each test, because tests change its behaviour. */
const standIns = new Map();
for (const name of NAMES) standIns.set(name, await startAuthorizationServer());
const entries = [...standIns].map(([name, { tenantEntry }]) => [
  name,
  tenantEntry(`${name}.example.com`),
]);
const { worker, open: openConsole } = await startConsole({
  TENANTS: JSON.stringify({ ...Object.fromEntries(entries), "without-client@us": {} }),
});

const free = [...NAMES];

/** Opens the console of a tenant that signs in at the returned stand-in. */
async function open(t) {
  const name = free.pop();
  const tenant = new Tenant(worker, { name, locality: "", domain: `${name}.example.com` });
  const standIn = standIns.get(name);
  const consolePage = await openConsole(t, { tenant });
  const signIn = consolePage.page.getByRole("button", { name: `Sign in at ${standIn.host}` });
  return { ...consolePage, standIn, signIn, url: consolePage.page.url() };
}

describe("The sign-in of the console", { concurrency: 2 }, () => {
  test("requests a token for the events of all users with PKCE, and connects with it", async (t) => {
    const { tenant, standIn, signIn, page, url, waitForState, rows } = await open(t);
    await tenant.publish(slo());
    await signIn.click();
    await waitForState("Connected");
    await rows.first().waitFor();
    await page.getByText("auth0|operator").first().waitFor();

    const [{ state, code_challenge, ...request }] = standIn.authorizations;
    assert.deepEqual(request, {
      response_type: "code",
      client_id: CLIENT_ID,
      redirect_uri: url,
      audience: AUDIENCE,
      scope: "listen:events",
      code_challenge_method: "S256",
    });
    assert.match(state, /^[\w-]{43}$/);
    assert.match(code_challenge, /^[\w-]{43}$/);
    const [{ code_verifier, code, ...tokenRequest }] = standIn.tokenRequests;
    assert.match(code_verifier, /^[\w-]{43}$/);
    assert.notEqual(code_verifier, state);
    assert.deepEqual(tokenRequest, {
      grant_type: "authorization_code",
      client_id: CLIENT_ID,
      redirect_uri: url,
    });

    // Neither the address nor the storage keeps a part of the response.
    assert.equal(page.url(), url);
    const stored = await page.evaluate(() => JSON.stringify({ ...sessionStorage }));
    for (const secret of [code, state, code_verifier]) assert.ok(!stored.includes(secret));
    assert.deepEqual(await page.evaluate(() => Object.keys(localStorage)), []);
    await page.reload();
    await waitForState("Connected");
    assert.equal(standIn.authorizations.length, 1);

    await page.getByRole("button", { name: "Forget the token" }).click();
    await waitForState("Disconnected");
    await signIn.click();
    await waitForState("Connected");
    assert.notEqual(standIn.authorizations[1].state, state);
    assert.notEqual(standIn.tokenRequests[1].code_verifier, code_verifier);
  });

  test("can be started with the keyboard, before the field for a token", async (t) => {
    const { signIn, page, waitForState } = await open(t);
    await signIn.waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    assert.match(await page.evaluate(() => document.activeElement.textContent), /^Sign in at/);
    await page.keyboard.press("Enter");
    await waitForState("Connected");
  });

  test("leaves the field for a token usable", async (t) => {
    const { signIn, connect, waitForState, standIn } = await open(t);
    await signIn.waitFor();
    await connect(standIn.issuer.token({ sub: "pasted" }));
    await waitForState("Connected");
    assert.deepEqual(standIn.authorizations, []);
  });

  test("uses no response with another state, and removes it from the address", async (t) => {
    const { standIn, signIn, page, url, problem } = await open(t);
    standIn.respond = ({ code }) => ({ code, state: "of-somebody-else" });
    await signIn.click();
    await problem.filter({ hasText: "does not belong to a sign-in of this tab" }).waitFor();
    assert.equal(page.url(), url);
    assert.deepEqual(standIn.tokenRequests, []);

    // A state that was refused once is not accepted later.
    const { state } = standIn.authorizations[0];
    await page.goto(`${url}?code=x&state=${state}`);
    await problem.filter({ hasText: "does not belong" }).waitFor();
    assert.deepEqual(standIn.tokenRequests, []);
  });

  test("shows nothing of an error that nobody requested", async (t) => {
    const { page, url, problem, signIn } = await open(t);
    await page.goto(`${url}?error=x&error_description=Call+0900+123`);
    await signIn.waitFor();
    await problem.filter({ hasText: "does not belong to a sign-in of this tab" }).waitFor();
    assert.ok(!(await page.content()).includes("0900"));
    assert.equal(page.url(), url);
  });

  test("explains a refusal, and then lets the user choose another account", async (t) => {
    const { standIn, signIn, page, url, problem, waitForState } = await open(t);
    standIn.respond = ({ state }) => ({
      state,
      error: "access_denied",
      error_description: "Client is not authorized to access resource server\u202e.",
    });
    await signIn.click();
    await problem
      .filter({
        hasText: `${standIn.host} refused the sign-in: Client is not authorized to access resource server\\u{202e}. The user and the application ${CLIENT_ID} need the permission listen:events of the API ${AUDIENCE}. Grant it, or sign in as another user.`,
      })
      .waitFor();
    assert.equal(page.url(), url);
    assert.equal(standIn.authorizations[0].prompt, undefined);
    standIn.respond = (response) => response;
    await signIn.click();
    await waitForState("Connected");
    assert.equal(standIn.authorizations[1].prompt, "login");
    assert.equal(await problem.isVisible(), false);
  });

  test("shows that the user lacks the permission, and lets the user choose another account", async (t) => {
    const { standIn, signIn, problem, waitForState } = await open(t);
    standIn.claims = () => ({ sub: "auth0|jane", scope: "openid" });
    await signIn.click();
    await problem.filter({ hasText: "neither of the permissions" }).waitFor();
    standIn.claims = () => ({ sub: "auth0|operator" });
    await signIn.click();
    await waitForState("Connected");
    assert.equal(standIn.authorizations[1].prompt, "login");
  });

  for (const [error, solution] of [
    [{ error: "invalid_grant", error_description: "Expired code" }, "Expired code. Sign in again."],
    [
      { error: "unauthorized_client" },
      `Check that the application ${CLIENT_ID} is a single-page application with the callback URL `,
    ],
    [{ error: "server_error" }, "server_error. Try again later."],
    [{}, "no token was issued. Check that"],
  ])
    test(`explains the token endpoint's error ${error.error ?? "without a code"}`, async (t) => {
      const { standIn, signIn, problem } = await open(t);
      standIn.tokenError = error;
      await signIn.click();
      await problem.filter({ hasText: solution }).waitFor();
    });

  test("names the setting that allows the page to request tokens", async (t) => {
    const { standIn, signIn, problem, url } = await open(t);
    standIn.allowedOrigin = (origin, path) => (path === "/oauth/token" ? undefined : origin);
    await signIn.click();
    const { origin } = new URL(url);
    const solution = `Add ${origin} to the allowed web origins of the application ${CLIENT_ID}.`;
    await problem
      .filter({ hasText: `${standIn.host} did not respond to this page. ${solution}` })
      .waitFor();
  });

  test("uses only endpoints at the issuer's own origin", async (t) => {
    const { standIn, signIn, problem, page, url } = await open(t);
    for (const [change, message] of [
      [{ issuer: "https://evil.example.com/" }, "does not describe the issuer"],
      [{ token_endpoint: undefined }, "does not describe the issuer"],
      [{ token_endpoint: "https://evil.example.com/token" }, "token_endpoint of"],
      [{ authorization_endpoint: "javascript:alert(1)" }, "authorization_endpoint of"],
    ]) {
      standIn.discovery = (document) => ({ ...document, ...change });
      await signIn.click();
      await problem.filter({ hasText: message }).waitFor();
      assert.equal(page.url(), url);
    }
    assert.deepEqual(standIn.authorizations, []);
  });

  test("is offered again when the token expires", async (t) => {
    const { standIn, signIn, problem, waitForState } = await open(t);
    standIn.claims = () => ({ exp: now() + 12 });
    await signIn.click();
    await waitForState("Connected");
    await problem
      .filter({ hasText: "expires soon. Sign in again or paste a new token to stay connected." })
      .waitFor();
    standIn.claims = () => ({});
    await signIn.click();
    await waitForState("Connected");
  });

  test("is not offered to a tenant without a client for the console", async (t) => {
    const tenant = new Tenant(worker, { name: "without-client" });
    const { page, problem } = await openConsole(t, { tenant });
    const { href } = new URL(page.url());
    await page.goto(`${href}?code=x&state=y`);
    await problem.filter({ hasText: "Set console_client_id for this tenant" }).waitFor();
    assert.equal(page.url(), href);
    assert.equal(await page.getByRole("button", { name: "Sign in" }).count(), 0);
  });
});
