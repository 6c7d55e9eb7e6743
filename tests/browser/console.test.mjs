// What the live page shows of events and listeners, and how it is used. That it neither throws nor
// offends against its own Content-Security-Policy is looked at in every test.
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { describe, test } from "node:test";

import { startFaultyProxy } from "../support/faulty_proxy.mjs";
import { count, startLivePage } from "../support/live_page.mjs";
import { flaws } from "../support/page_flaws.mjs";
import { Program } from "../support/program.mjs";
import { scp, slo, USER } from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";

const { worker, open } = await startLivePage();

describe("the live page", { concurrency: 4 }, () => {
  test("shows the events that there are and those that come, newest first, each once", async (t) => {
    const { tenant, rows, show, is, page } = await open(t);
    const [first, second] = [slo({ user_id: "auth0|one" }), scp({ user_id: "auth0|two" })];
    await tenant.publish(first, second);
    await show();
    await is("connected");
    await count(rows, 2);
    const third = slo({ user_id: "auth0|three", date: new Date().toISOString() });
    await tenant.publish(third);
    await count(rows, 3);
    await tenant.publish(third);
    assert.deepEqual(await rows.evaluateAll((rows) => rows.map((row) => row.dataset.id)), [
      third.log_id,
      second.log_id,
      first.log_id,
    ]);
    const cells = await rows.first().getByRole("cell").allTextContents();
    assert.deepEqual(cells.slice(0, 3), ["● logout", "auth0|three", third.data.details.session_id]);
    assert.match(cells[3], /^(just now|\d s ago)$/);
    assert.equal(await page.locator("tr.new").count(), 1, "only the one that came meanwhile");
    assert.match(await page.title(), new RegExp(`^● ${tenant.slug}`));
  });

  test("filters by type and by search, by the keyboard too", async (t) => {
    const { tenant, rows, show, page } = await open(t);
    await tenant.publish(slo({ user_id: "auth0|one" }), scp({ user_id: "auth0|two" }));
    await show();
    await count(rows, 2);
    const logouts = page.getByRole("button", { name: "logout 1" });
    await logouts.click();
    assert.equal(await logouts.getAttribute("aria-pressed"), "false");
    assert.equal(await rows.count(), 1);
    await page.getByText("1 of 2 events").waitFor();
    await logouts.click();
    await page.keyboard.press("/");
    await page.keyboard.type("TWO");
    assert.equal(await rows.count(), 1);
    assert.match(await rows.first().textContent(), /auth0\|two/);
    await page.keyboard.type("x");
    await page.getByText("No matching events.").waitFor();
    await page.keyboard.press("Escape");
    assert.equal(await rows.count(), 2);
    assert.equal(await page.getByLabel("Search for a user").inputValue(), "");
  });

  test("shows the newest fifty, and all that there are to who asks or searches", async (t) => {
    const { tenant, rows, show, page } = await open(t);
    const later = Array.from({ length: 59 }, () => slo());
    await tenant.publish(slo({ user_id: "auth0|first" }), ...later);
    await show();
    const all = page.getByRole("button", { name: "Show all 60" });
    await all.waitFor();
    assert.equal(await rows.count(), 50);
    assert.equal(await rows.first().getAttribute("data-id"), later.at(-1).log_id);
    await all.click();
    assert.equal(await rows.count(), 60);
    await page.getByRole("button", { name: "Show the newest 50" }).press("Enter");
    assert.equal(await rows.count(), 50);
    await page.getByLabel("Search for a user").fill("first");
    assert.match(await rows.first().textContent(), /auth0\|first/);
    assert.equal(await page.getByRole("button", { name: /^Show/ }).count(), 0);
  });

  test("draws events over time, and says in words what it draws", async (t) => {
    const { tenant, rows, show, page } = await open(t);
    const date = new Date(Date.now() - 30 * 60_000).toISOString();
    await tenant.publish(slo({ date }), slo({ date }), scp({ date }), slo());
    await show();
    await count(rows, 4);
    // That of 2021 is not of these 30 days.
    await page
      .getByRole("img", { name: "Events of the last 1 h: 2 logout, 1 password_changed" })
      .waitFor();
    const bars = page.locator("#chart rect");
    assert.equal(await bars.count(), 2);
    const heights = await bars.evaluateAll((bars) => bars.map((bar) => bar.height.baseVal.value));
    assert.ok(Math.abs(heights[0] / heights[1] - 2) < 0.01, "two logouts are twice one change");
    await page.getByRole("button", { name: "logout 3" }).click();
    assert.equal(await bars.count(), 1);
  });

  test("shows who listens, the sockets of one together", async (t) => {
    const { tenant, show, page } = await open(t);
    await tenant.subscribe({ sub: "api@clients" });
    await tenant.subscribe({ sub: "api@clients" });
    await tenant.subscribe({ sub: USER, scope: "listen:events:self" });
    await tenant.connect();
    await show();
    const list = page.locator("#listener-list li");
    await count(list, 4);
    const texts = await list.allInnerTexts();
    const shown = texts.map((text) => text.replace(/\s+/g, " ").replace(/ for \d+ s$/, "")).sort();
    assert.deepEqual(shown, [
      "api@clients everybody's events, 2 sockets",
      `${USER} their own events`,
      "console@clients everybody's events",
      "not authenticated yet waiting for a token",
    ]);
    assert.equal(await page.locator("#listener-count").textContent(), "5");
  });

  test("lists twenty listeners, applications first, and counts the others", async (t) => {
    const { tenant, show, page } = await open(t);
    for (let user = 0; user < 21; user += 1)
      await tenant.subscribe({ sub: `auth0|${user}`, scope: "listen:events:self" });
    await show();
    const list = page.locator("#listener-list li");
    await count(list, 21);
    assert.match(await list.first().textContent(), /^console@clients/);
    assert.equal(await list.last().textContent(), "and 2 more");
    assert.equal(await page.locator("#listener-count").textContent(), "22");
  });

  test("says that it is offline, and is back with what it has missed", async (t) => {
    const tenant = new Tenant(worker);
    const proxy = await startFaultyProxy(worker.url);
    const { is, rows, show, problem, context } = await open(t, { tenant, url: proxy.url });
    await show();
    await is("connected");
    proxy.disconnect();
    await is("connecting");
    await problem.filter({ hasText: "cannot be reached" }).waitFor();
    const record = slo();
    await tenant.publish(record);
    proxy.restore();
    await is("connected");
    await count(rows, 1);
    assert.equal(await problem.isVisible(), false);
    await context.setOffline(true);
    await is("offline: waiting for the network");
    await context.setOffline(false);
    await is("connected");
    assert.equal(await rows.count(), 1);
  });

  test("shows what events hold as text, whatever it looks like", async (t) => {
    const { tenant, rows, show, page } = await open(t);
    const user_id = '<img src=x onerror="document.title=1"><script>alert(1)</script>';
    await tenant.publish(slo({ user_id, details: { session_id: "<b>bold</b>" } }));
    await show();
    await count(rows, 1);
    const cells = await rows.first().getByRole("cell").allTextContents();
    assert.deepEqual(cells.slice(1, 3), [user_id, "<b>bold</b>"]);
    assert.equal(await page.locator("main img, main script, main b").count(), 0);
  });

  test("copies the matching commands, with no token in them", async (t) => {
    const { tenant, is, show, page, context } = await open(t);
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    const token = tenant.token();
    await show(token);
    await is("connected");
    const said = page.locator("#said");
    const copied = async (what, variable = "TOKEN") => {
      await said.evaluate((said) => said.replaceChildren());
      await page.locator(`[data-copy="${what}"]`).click();
      await said.filter({ hasText: `Copied. It reads the token from ${variable}:` }).waitFor();
      return page.evaluate(() => navigator.clipboard.readText());
    };
    const url = new URL(tenant.slug, worker.url);
    const read = (path) => `curl '${url}${path}' -H "Authorization: Bearer $TOKEN"`;
    assert.equal(await copied("events"), read("/api/events"));
    assert.equal(await copied("listeners"), read("/api/listeners"));
    const publish = await copied("publish", "PUBLISH_TOKEN");
    assert.match(publish, /api\/publish' -H "Authorization: \$PUBLISH_TOKEN" -d '\[\{"log_id"/);
    assert.equal(await page.locator("#publish-command").textContent(), publish);

    const listen = await copied("listen");
    assert.ok(!listen.includes(token));
    const record = slo();
    await tenant.publish(record);
    const PATH = `${dirname(process.execPath)}:${process.env.PATH}`;
    const shell = new Program(t, "sh", ["-c", listen], { env: { TOKEN: token, PATH } });
    await shell.waitForOutput(`"id":"${record.log_id}"`);
  });

  test("offers a command to be copied by hand where there is no clipboard", async (t) => {
    const { page } = await open(t);
    await page.evaluate(() =>
      Object.defineProperty(navigator, "clipboard", { value: undefined, configurable: true }),
    );
    await page.locator('[data-copy="events"]').click();
    const dialog = page.getByRole("dialog", { name: "Copy this" });
    await dialog.waitFor();
    const selected = await page.evaluate(() => {
      const { value, selectionStart, selectionEnd } = document.activeElement;
      return value.slice(selectionStart, selectionEnd);
    });
    assert.match(selected, /^curl '.*\/api\/events'/);
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
  });

  test("can be used by the keyboard alone", async (t) => {
    const { tenant, is, page } = await open(t);
    await page.keyboard.press("Tab");
    assert.equal(
      await page.evaluate(() => document.activeElement.textContent),
      "Skip to the events",
    );
    await page.keyboard.press("Tab");
    await page.keyboard.insertText(tenant.token());
    await page.keyboard.press("Enter");
    await is("connected");
    const names = [];
    const name = () =>
      page.evaluate(() => {
        const { activeElement } = document;
        return (activeElement.ariaLabel ?? activeElement.textContent).match(/\w+/)[0];
      });
    for (let stop = 0; stop < 9; stop += 1) {
      await page.keyboard.press("Tab");
      names.push(await name());
    }
    const all = ["What", "Forget", "Copy", "logout", "password_changed", "user_blocked", "Search"];
    for (const one of all) assert.ok(names.includes(one), `${one} among ${names}`);
  });

  for (const colorScheme of ["light", "dark"]) {
    test(`fits a phone, and can be read in ${colorScheme} colours`, async (t) => {
      const viewport = { width: 360, height: 740 };
      const options = { viewport, colorScheme, isMobile: true, hasTouch: true };
      const { tenant, rows, show, page } = await open(t, options);
      await tenant.subscribe({ sub: "a".repeat(200) });
      await tenant.publish(scp({ user_id: `auth0|${"w".repeat(300)}` }), slo());
      assert.deepEqual(await flaws(page), []);
      await show(tenant.token({ exp: 1 }));
      await page.locator("#problem").waitFor();
      assert.deepEqual(await flaws(page), []);
      await show();
      await count(rows, 2);
      await count(page.locator("#listener-list li"), 2);
      assert.deepEqual(await flaws(page), []);
    });
  }
});
