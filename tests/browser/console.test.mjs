// The console in a browser: events, subscribers, filters, and use by keyboard and on a phone. Every
// test also fails if the page throws an error or violates its Content-Security-Policy.
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { describe, test } from "node:test";

import { startFaultyProxy } from "../support/faulty_proxy.mjs";
import { startConsole, waitForCount } from "../support/console_page.mjs";
import { findFlaws } from "../support/page_flaws.mjs";
import { Program } from "../support/program.mjs";
import { sapi, scp, slo, USER } from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";

const { worker, open } = await startConsole();

describe("The console", { concurrency: 4 }, () => {
  test("shows stored and new events by date, the latest first, without duplicates", async (t) => {
    const { tenant, rows, connect, waitForState, page } = await open(t);
    const [first, second] = [slo({ user_id: "auth0|one" }), scp({ user_id: "auth0|two" })];
    await tenant.publish(first, second);
    await connect();
    await waitForState("Connected");
    await waitForCount(rows, 2);
    const third = slo({ user_id: "auth0|three", date: new Date().toISOString() });
    await tenant.publish(third);
    await waitForCount(rows, 3);
    await tenant.publish(third);
    assert.deepEqual(await rows.evaluateAll((rows) => rows.map((row) => row.dataset.id)), [
      third.log_id,
      second.log_id,
      first.log_id,
    ]);
    const cells = await rows.first().getByRole("cell").allTextContents();
    assert.deepEqual(cells.slice(0, 3), ["● logout", "auth0|three", third.data.details.session_id]);
    assert.match(cells[3], /^(just now|\d s ago)$/);
    assert.equal(
      await page.locator("tr.new").count(),
      1,
      "only the event received while connected is highlighted",
    );
    assert.match(await page.title(), new RegExp(`^● ${tenant.slug}`));
  });

  test("shows hidden characters of ids, claims and errors as escapes, so that they cannot mislead", async (t) => {
    const hidden = "\u007f\u009b\u202e\u2066\u200b\ufeff\u2028\u3164\ufe0f\u{e0041}";
    const escaped =
      "\\u{7f}\\u{9b}\\u{202e}\\u{2066}\\u{200b}\\u{feff}\\u{2028}\\u{3164}\\u{fe0f}\\u{e0041}";
    const [user, session] = [`auth0|${hidden}jane`, `s${hidden}`];
    const { tenant, rows, connect, waitForState, page } = await open(t);
    await tenant.publish(slo({ user_id: user, details: { session_id: session } }));
    await tenant.subscribe({ sub: user, scope: "listen:events:self" });
    const token = tenant.token({ sub: `api${hidden}`, scope: "listen:events", name: `"${hidden}` });
    await connect(token);
    await waitForState("Connected");
    await waitForCount(rows, 1);
    await waitForCount(page.locator("#subscriber-list li"), 2);
    const cells = await rows.first().getByRole("cell").allTextContents();
    assert.deepEqual(cells.slice(1, 3), [`auth0|${escaped}jane`, `s${escaped}`]);
    await page.getByTitle(`s${escaped}`).waitFor();
    const subscribers = await page.locator("#subscriber-list li > span").allTextContents();
    assert.deepEqual(subscribers.sort(), [`api${escaped}`, `auth0|${escaped}jane`]);
    assert.equal(await page.locator("#identity dd").first().textContent(), `api${escaped}`);
    const claims = await page.locator("#claims").textContent();
    assert.deepEqual(JSON.parse(claims).name, `"${hidden}`);
    const texts = await page.evaluate(() => {
      const texts = [document.title];
      const nodes = document.createNodeIterator(document.body, NodeFilter.SHOW_ALL);
      for (let node = nodes.nextNode(); node; node = nodes.nextNode())
        texts.push(node.nodeValue ?? "", ...[...(node.attributes ?? [])].map(({ value }) => value));
      return texts;
    });
    for (const text of texts)
      assert.doesNotMatch(text, /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Default_Ignorable_Code_Point}]/u);

    // The search finds the text that the page shows, and the id itself.
    for (const text of [escaped, hidden.slice(2, 5)]) {
      await page.getByLabel("Search for a user").fill(text);
      await page.getByText(`auth0|${escaped}jane`).first().waitFor();
      assert.equal(await rows.count(), 1);
    }
  });

  test("filters events by type and by search text, with keyboard shortcuts", async (t) => {
    const { tenant, rows, connect, page } = await open(t);
    await tenant.publish(slo({ user_id: "auth0|one" }), scp({ user_id: "auth0|two" }));
    await connect();
    await waitForCount(rows, 2);
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

  test("shows the latest 50 events until the user selects all or searches", async (t) => {
    const { tenant, rows, connect, page } = await open(t);
    const others = Array.from({ length: 59 }, () => slo());
    await tenant.publish(slo({ user_id: "auth0|first" }), ...others);
    await connect();
    const showAll = page.getByRole("button", { name: "Show all 60" });
    await showAll.waitFor();
    assert.equal(await rows.count(), 50);
    assert.equal(await rows.first().getAttribute("data-id"), others.at(-1).log_id);
    await showAll.click();
    assert.equal(await rows.count(), 60);
    await page.getByRole("button", { name: "Show the latest 50" }).press("Enter");
    assert.equal(await rows.count(), 50);
    await page.getByLabel("Search for a user").fill("first");
    assert.match(await rows.first().textContent(), /auth0\|first/);
    assert.equal(await page.getByRole("button", { name: /^Show/ }).count(), 0);
  });

  test("draws a chart of events over time with a text alternative", async (t) => {
    const { tenant, rows, connect, page } = await open(t);
    const date = new Date(Date.now() - 30 * 60_000).toISOString();
    await tenant.publish(slo({ date }), slo({ date }), scp({ date }), slo());
    await connect();
    await waitForCount(rows, 4);
    // The fourth event is from 2021, which is outside the longest range of the chart.
    await page
      .getByRole("img", { name: "Events of the last 1 h: 2 logout, 1 password_changed" })
      .waitFor();
    const bars = page.locator("#chart rect");
    assert.equal(await bars.count(), 2);
    const heights = await bars.evaluateAll((bars) => bars.map((bar) => bar.height.baseVal.value));
    assert.ok(
      Math.abs(heights[0] / heights[1] - 2) < 0.01,
      "the bar of two logouts is twice as high",
    );
    await page.getByRole("button", { name: "logout 3" }).click();
    assert.equal(await bars.count(), 1);
  });

  test("lists subscribers and groups the sockets of each one", async (t) => {
    const { tenant, connect, page } = await open(t);
    await tenant.subscribe({ sub: "api@clients" });
    await tenant.subscribe({ sub: "api@clients" });
    await tenant.subscribe({ sub: USER, scope: "listen:events:self" });
    await tenant.connect();
    await connect();
    const list = page.locator("#subscriber-list li");
    await waitForCount(list, 4);
    const texts = await list.allInnerTexts();
    const shown = texts.map((text) => text.replace(/\s+/g, " ").replace(/ for \d+ s$/, "")).sort();
    assert.deepEqual(shown, [
      "Not authenticated waiting for a token",
      "api@clients all events, 2 sockets",
      `${USER} own events`,
      "console@clients all events",
    ]);
    assert.equal(await page.locator("#subscriber-count").textContent(), "5");
  });

  test("lists 20 subscribers, backends first, and counts the rest", async (t) => {
    const { tenant, connect, page } = await open(t);
    for (let user = 0; user < 21; user += 1)
      await tenant.subscribe({ sub: `auth0|${user}`, scope: "listen:events:self" });
    await connect();
    const list = page.locator("#subscriber-list li");
    await waitForCount(list, 21);
    assert.match(await list.first().textContent(), /^console@clients/);
    assert.equal(await list.last().textContent(), "and 2 more");
    assert.equal(await page.locator("#subscriber-count").textContent(), "22");
  });

  test("shows that it is offline, and receives the missed events when it reconnects", async (t) => {
    const tenant = new Tenant(worker);
    const proxy = await startFaultyProxy(worker.url);
    const { waitForState, rows, connect, problem, context } = await open(t, {
      tenant,
      url: proxy.url,
    });
    await connect();
    await waitForState("Connected");
    proxy.disconnect();
    await waitForState("Connecting");
    await problem.filter({ hasText: "cannot be reached" }).waitFor();
    const record = slo();
    await tenant.publish(record);
    proxy.restore();
    await waitForState("Connected");
    await waitForCount(rows, 1);
    assert.equal(await problem.isVisible(), false);
    await context.setOffline(true);
    await waitForState("Offline: waiting for the network");
    await context.setOffline(false);
    await waitForState("Connected");
    assert.equal(await rows.count(), 1);
  });

  test("shows the contents of events as text, even if they look like HTML", async (t) => {
    const { tenant, rows, connect, page } = await open(t);
    const user_id = '<img src=x onerror="document.title=1"><script>alert(1)</script>';
    await tenant.publish(slo({ user_id, details: { session_id: "<b>bold</b>" } }));
    await connect();
    await waitForCount(rows, 1);
    const cells = await rows.first().getByRole("cell").allTextContents();
    assert.deepEqual(cells.slice(1, 3), [user_id, "<b>bold</b>"]);
    assert.equal(await page.locator("main img, main script, main b").count(), 0);
  });

  test("copies commands that work and contain no token", async (t) => {
    const { tenant, waitForState, connect, page, context } = await open(t);
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    const token = tenant.token();
    await connect(token);
    await waitForState("Connected");
    const confirmation = page.locator("#copy-confirmation");
    const copy = async (command, variable = "TOKEN") => {
      await confirmation.evaluate((element) => element.replaceChildren());
      await page.locator(`[data-copy="${command}"]`).click();
      await confirmation.filter({ hasText: `Copied. Export ${variable} with the token` }).waitFor();
      return page.evaluate(() => navigator.clipboard.readText());
    };
    const url = new URL(tenant.slug, worker.url);
    const read = (path) => `curl '${url}${path}' -H "Authorization: Bearer $TOKEN"`;
    assert.equal(await copy("events"), read("/api/events"));
    assert.equal(await copy("subscribers"), read("/api/listeners"));
    const publish = await copy("publish", "PUBLISH_TOKEN");
    assert.match(publish, /api\/publish' -H "Authorization: \$PUBLISH_TOKEN" -d '\[\{"log_id"/);
    assert.equal(await page.locator("#publish-command").textContent(), publish);

    const subscribe = await copy("subscribe");
    assert.ok(!subscribe.includes(token));
    const record = slo();
    await tenant.publish(record);
    const PATH = `${dirname(process.execPath)}:${process.env.PATH}`;
    const shell = new Program(t, "sh", ["-c", subscribe], { env: { TOKEN: token, PATH } });
    await shell.waitForOutput(`"id":"${record.log_id}"`);
  });

  test("offers a command for manual copying if there is no clipboard", async (t) => {
    const { page } = await open(t);
    await page.evaluate(() =>
      Object.defineProperty(navigator, "clipboard", { value: undefined, configurable: true }),
    );
    await page.locator('[data-copy="events"]').click();
    const dialog = page.getByRole("dialog", { name: "Copy the command" });
    await dialog.waitFor();
    const selected = await page.evaluate(() => {
      const { value, selectionStart, selectionEnd } = document.activeElement;
      return value.slice(selectionStart, selectionEnd);
    });
    assert.match(selected, /^curl '.*\/api\/events'/);
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
  });

  test("works with the keyboard alone", async (t) => {
    const { tenant, waitForState, page, rows } = await open(t);
    await tenant.publish(slo(), scp(), sapi());
    await page.keyboard.press("Tab");
    assert.equal(
      await page.evaluate(() => document.activeElement.textContent),
      "Skip to the events",
    );
    await page.keyboard.press("Tab");
    await page.keyboard.insertText(tenant.token());
    await page.keyboard.press("Enter");
    await waitForState("Connected");
    await waitForCount(rows, 3);
    const names = [];
    const firstWordOfFocused = () =>
      page.evaluate(() => {
        const { activeElement } = document;
        return (activeElement.ariaLabel ?? activeElement.textContent).match(/\w+/)[0];
      });
    const expected = [
      "Token",
      "Forget",
      "Pause",
      "Local",
      "Copy",
      "Copy",
      "logout",
      "password_changed",
      "user_blocked",
      "Search",
    ];
    for (const _ of expected) {
      await page.keyboard.press("Tab");
      names.push(await firstWordOfFocused());
    }
    assert.deepEqual(names, expected);
    // The first row, its user, and the buttons below the open row.
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    assert.equal(await firstWordOfFocused(), "Filter");
    await page.keyboard.press("Enter");
    assert.equal(await page.getByLabel("Search for a user").inputValue(), USER);
  });

  for (const colorScheme of ["light", "dark"]) {
    test(`fits a phone and has enough contrast in ${colorScheme} colours`, async (t) => {
      const viewport = { width: 360, height: 740 };
      const options = { viewport, colorScheme, isMobile: true, hasTouch: true };
      const { tenant, rows, connect, page } = await open(t, options);
      await tenant.subscribe({ sub: "a".repeat(200) });
      await tenant.publish(scp({ user_id: `auth0|${"w".repeat(300)}` }), slo());
      assert.deepEqual(await findFlaws(page), []);
      await connect(tenant.token({ exp: 1 }));
      await page.locator("#problem").waitFor();
      assert.deepEqual(await findFlaws(page), []);
      await connect();
      await waitForCount(rows, 2);
      await waitForCount(page.locator("#subscriber-list li"), 2);
      assert.deepEqual(await findFlaws(page), []);
    });
  }
});
