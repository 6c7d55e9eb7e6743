// The console's access panel: valid and rejected tokens, token storage, and the sign-in at a local
// issuer.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { startConsole, startStandIn, waitForCount } from "../support/console_page.mjs";
import { slo, USER } from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { now } from "../support/token.mjs";
import { tenantsWith } from "../support/worker.mjs";

const standIn = await startStandIn();
const { worker, browser, open } = await startConsole({
  TENANTS: tenantsWith({ "local@us": [standIn.url] }),
});

describe("Access to the console", { concurrency: 4 }, () => {
  test("stores the token for the tab, across a reload, until the user forgets it", async (t) => {
    const { tenant, waitForState, connect, page, context } = await open(t);
    const token = tenant.token();
    await connect(token);
    await waitForState("Connected");
    await page.reload();
    await waitForState("Connected");
    assert.ok(!page.url().includes(token));
    assert.ok(!(await page.content()).includes(token));
    const other = await context.newPage();
    await other.goto(page.url());
    await other.locator("#state").filter({ hasText: "disconnected" }).waitFor();
    await page.getByRole("button", { name: "Forget the token" }).click();
    await waitForState("Disconnected");
    await page.reload();
    await waitForState("Disconnected");
    await page.getByText("Connect with an access token").waitFor();
  });

  test("explains why a token is rejected, disconnects, and accepts another token", async (t) => {
    const { tenant, waitForState, connect, page, problem } = await open(t);
    const messages = [];
    await page.exposeFunction("recordMessage", (text) => messages.push(text));
    await problem.evaluate((problem) =>
      new MutationObserver(() => window.recordMessage(problem.textContent)).observe(problem, {
        childList: true,
      }),
    );
    for (const [token, message] of [
      [tenant.token({ exp: now() - 60 }), /has expired/],
      ["opaque", /not a well-formed JSON Web Token/],
      [tenant.token({ aud: "https://other.example.com" }), /for another API/],
      [tenant.token({ scope: "openid" }), /neither of the permissions listen:events:self and/],
    ]) {
      await connect(token);
      await problem.filter({ hasText: message }).waitFor();
      await waitForState("Disconnected");
    }
    assert.equal(messages.length, 4, `one message for each token, not ${messages}`);
    await connect(`Bearer ${tenant.token()}`);
    await waitForState("Connected");
    await page.getByText(/^in 59 min, at /).waitFor();
    assert.equal(await problem.isVisible(), false);
    assert.equal(await page.getByLabel(/^Access token/).isVisible(), false);
  });

  test("shows the claims of a rejected token, and forgets that token on request", async (t) => {
    const { tenant, waitForState, connect, page, problem } = await open(t);
    await connect(tenant.token({ aud: "https://öther.example.com" }));
    await problem.filter({ hasText: "for another API" }).waitFor();
    await page.getByText("Token claims").click();
    await page.getByText('"aud": "https://öther.example.com"').waitFor();
    await page.getByRole("button", { name: "Forget the token" }).click();
    assert.equal(await problem.isVisible(), false);
    assert.equal(await page.getByText("Token claims").isVisible(), false);
    await page.reload();
    await waitForState("Disconnected");
    assert.equal(await problem.isVisible(), false);
  });

  test("accepts no token on a page without TLS", async (t) => {
    const tenant = new Tenant(worker);
    const context = await browser.newContext();
    t.after(async () => {
      await context.unrouteAll({ behavior: "ignoreErrors" });
      await context.close();
    });
    await context.route("http://events.example.com/**", async (route) => {
      const { pathname } = new URL(route.request().url());
      await route.fulfill({
        response: await route.fetch({ url: `${new URL(pathname, worker.url)}` }),
      });
    });
    const page = await context.newPage();
    await page.goto(`http://events.example.com/${tenant.slug}/console`);
    await page.getByText("Open it by https://").waitFor();
    assert.equal(await page.getByLabel(/^Access token/).isVisible(), false);
  });

  test("shows that the token expires soon, and that it has expired", async (t) => {
    const { tenant, waitForState, connect, problem } = await open(t);
    // The first message appears after half of the token's lifetime. A slow machine needs enough time
    // to connect before that, and to notice the message before the second one.
    await connect(tenant.token({ exp: now() + 12 }));
    await waitForState("Connected");
    for (const message of ["Paste a new token to stay connected", "The token has expired. Paste"]) {
      await problem.filter({ hasText: message }).waitFor();
    }
    await waitForState("Disconnected");
  });

  test("shows users only their own events, and explains the restriction", async (t) => {
    const { tenant, waitForState, rows, connect, page } = await open(t);
    await connect(tenant.token({ sub: USER, scope: "listen:events:self" }));
    await waitForState("Connected");
    await page.getByText("This token receives only new events of its own user").waitFor();
    await page
      .getByText(
        "Only a token with listen:events and without listen:events:self can list subscribers",
      )
      .waitFor();
    await tenant.publish(slo({ user_id: "auth0|other" }), slo());
    await waitForCount(rows, 1);
    assert.match(await rows.first().textContent(), new RegExp(USER.replace("|", "\\|")));
  });

  test("signs in at the local issuer named in the URL", async (t) => {
    const tenant = new Tenant(worker, { name: "local" });
    const { waitForState, page, problem } = await open(t, {
      tenant,
      hash: `#issuer=${standIn.url}`,
    });
    standIn.isBroken = true;
    const signIn = page.getByRole("button", { name: `Sign in at ${standIn.host}` });
    await signIn.click();
    await problem.filter({ hasText: "Check that npm start is still running" }).waitFor();
    standIn.isBroken = false;
    await waitForState("Connected");
    assert.equal(await problem.isVisible(), false);
    await page.getByText("console@clients").first().waitFor();
    assert.equal(standIn.logins, 1);
    await page.reload();
    await waitForState("Connected");
    assert.equal(standIn.logins, 2);
    await page.goto(page.url().replace(/#.*/, ""));
    await waitForState("Disconnected");
    assert.equal(await problem.isVisible(), false);
    await page.goBack();
    await signIn.click();
    await waitForState("Connected");
    await page.getByRole("button", { name: "Forget the token" }).click();
    await page.reload();
    await waitForState("Disconnected");
    assert.equal(standIn.logins, 3);
  });

  test("offers no sign-in at an issuer on another host", async (t) => {
    for (const issuer of ["https://evil.example.com/", "http://localhost.example.com/", "x"]) {
      const { page } = await open(t, { hash: `#issuer=${issuer}` });
      assert.equal(await page.getByRole("button", { name: "Sign in" }).count(), 0);
    }
  });
});
