// Who gets to see something on the live page: what it does with tokens, good and bad, and where it
// signs in.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { count, startLivePage, startStandIn } from "../support/live_page.mjs";
import { slo, USER } from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { now } from "../support/token.mjs";

const standIn = await startStandIn();
const { worker, browser, open } = await startLivePage({
  ISSUERS: JSON.stringify({ "local@us": [{ issuer: standIn.url }] }),
});

describe("the live page", { concurrency: 4 }, () => {
  test("keeps the token for the tab, through a reload, until it is told to forget it", async (t) => {
    const { tenant, is, show, page, context } = await open(t);
    const token = tenant.token();
    await show(token);
    await is("connected");
    await page.reload();
    await is("connected");
    assert.ok(!page.url().includes(token));
    assert.ok(!(await page.content()).includes(token));
    const other = await context.newPage();
    await other.goto(page.url());
    await other.locator("#state").filter({ hasText: "disconnected" }).waitFor();
    await page.getByRole("button", { name: "Forget the token" }).click();
    await is("disconnected");
    await page.reload();
    await is("disconnected");
    await page.getByText("Connect with an access token").waitFor();
  });

  test("says what is wrong with a token, stops, and takes another", async (t) => {
    const { tenant, is, show, page, problem } = await open(t);
    const said = [];
    await page.exposeFunction("said", (text) => said.push(text));
    await problem.evaluate((problem) =>
      new MutationObserver(() => window.said(problem.textContent)).observe(problem, {
        childList: true,
      }),
    );
    for (const [token, sentence] of [
      [tenant.token({ exp: now() - 60 }), /has expired/],
      ["opaque", /not a well-formed JSON Web Token/],
      [tenant.token({ aud: "https://other.example.com" }), /for another API/],
      [tenant.token({ scope: "openid" }), /neither of the permissions listen:events:self and/],
    ]) {
      await show(token);
      await problem.filter({ hasText: sentence }).waitFor();
      await is("disconnected");
    }
    assert.equal(said.length, 4, `one sentence for each token, not ${said}`);
    await show(`Bearer ${tenant.token()}`);
    await is("connected");
    await page.getByText(/^in 59 min, at /).waitFor();
    assert.equal(await problem.isVisible(), false);
    assert.equal(await page.getByLabel(/^Access token/).isVisible(), false);
  });

  test("shows what a refused token says, and forgets that too", async (t) => {
    const { tenant, is, show, page, problem } = await open(t);
    await show(tenant.token({ aud: "https://öther.example.com" }));
    await problem.filter({ hasText: "for another API" }).waitFor();
    await page.getByText("What the token says").click();
    await page.getByText('"aud": "https://öther.example.com"').waitFor();
    await page.getByRole("button", { name: "Forget the token" }).click();
    assert.equal(await problem.isVisible(), false);
    assert.equal(await page.getByText("What the token says").isVisible(), false);
    await page.reload();
    await is("disconnected");
    assert.equal(await problem.isVisible(), false);
  });

  test("asks for no token where it could be overheard", async (t) => {
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
    await page.getByText("Open this page by https://").waitFor();
    assert.equal(await page.getByLabel(/^Access token/).isVisible(), false);
  });

  test("says so when the token's time is over", async (t) => {
    const { tenant, is, show, problem } = await open(t);
    // The first sentence comes at half of the token's life: time enough for a slow machine to
    // connect before it, and to see it before the second.
    await show(tenant.token({ exp: now() + 12 }));
    await is("connected");
    for (const sentence of ["about to expire: paste another", "The token has expired: paste"]) {
      await problem.filter({ hasText: sentence }).waitFor();
    }
    await is("disconnected");
  });

  test("shows a user's own events to that user, and says what it does not show", async (t) => {
    const { tenant, is, rows, show, page } = await open(t);
    await show(tenant.token({ sub: USER, scope: "listen:events:self" }));
    await is("connected");
    await page.getByText("This token shows its own user's events only").waitFor();
    await page.getByText("shown to a token with listen:events only").waitFor();
    await tenant.publish(slo({ user_id: "auth0|other" }), slo());
    await count(rows, 1);
    assert.match(await rows.first().textContent(), new RegExp(USER.replace("|", "\\|")));
  });

  test("signs in at the issuer on this machine that its address names", async (t) => {
    const tenant = new Tenant(worker, { name: "local" });
    const { is, page, problem } = await open(t, { tenant, hash: `#issuer=${standIn.url}` });
    standIn.isBroken = true;
    const signIn = page.getByRole("button", { name: `Sign in at ${standIn.host}` });
    await signIn.click();
    await problem.filter({ hasText: "is npm start still running?" }).waitFor();
    standIn.isBroken = false;
    await is("connected");
    assert.equal(await problem.isVisible(), false);
    await page.getByText("console@clients").first().waitFor();
    assert.equal(standIn.logins, 1);
    await page.reload();
    await is("connected");
    assert.equal(standIn.logins, 2);
    await page.goto(page.url().replace(/#.*/, ""));
    await is("disconnected");
    assert.equal(await problem.isVisible(), false);
    await page.goBack();
    await signIn.click();
    await is("connected");
    await page.getByRole("button", { name: "Forget the token" }).click();
    await page.reload();
    await is("disconnected");
    assert.equal(standIn.logins, 3);
  });

  test("signs in nowhere else, whatever its address names", async (t) => {
    for (const issuer of ["https://evil.example.com/", "http://localhost.example.com/", "x"]) {
      const { page } = await open(t, { hash: `#issuer=${issuer}` });
      assert.equal(await page.getByRole("button", { name: "Sign in" }).count(), 0);
    }
  });
});
