// The layout of the console: order, chart, columns, and keyboard focus.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { startConsole, startStandIn } from "../support/console_page.mjs";
import { gdEnroll, slo, srrt } from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { waitFor } from "../support/wait_for.mjs";
import { tenantsWith } from "../support/worker.mjs";

const standIn = await startStandIn();
const { worker, open: openConsole } = await startConsole({
  TENANTS: tenantsWith({ "local@us": [standIn.url] }),
  EVENTS: "logout,refresh_token_revoked,mfa_changed",
});

/** Opens the console of a tenant. No request may fail. `connect` also waits for the first row. */
async function open(t, options) {
  const consolePage = await openConsole(t, { allowFailedRequests: false, ...options });
  const connect = async () => {
    await consolePage.connect();
    await consolePage.rows.first().waitFor();
  };
  return { ...consolePage, connect };
}

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const ago = (milliseconds) => new Date(Date.now() - milliseconds).toISOString();
const focusedText = (page) => page.evaluate(() => document.activeElement.textContent);

describe("The console's layout", { concurrency: 2 }, () => {
  test("sorts an event that Auth0 delivers late by its date, and highlights it", async (t) => {
    const { tenant, page, rows, connect } = await open(t);
    const [old, recent, late] = [60, 1, 30].map((minutes) => slo({ date: ago(minutes * MINUTE) }));
    await tenant.publish(recent, old);
    await connect();
    await tenant.publish(late);
    await rows.nth(2).waitFor();
    const ids = await rows.evaluateAll((rows) => rows.map((row) => row.dataset.id));
    assert.deepEqual(
      ids,
      [recent, late, old].map(({ log_id }) => log_id),
    );
    assert.equal(await page.locator("tr.new").getAttribute("data-id"), late.log_id);
  });

  test("shows the sessions that each event ends: one, all, or none", async (t) => {
    const { tenant, page, connect } = await open(t);
    const cases = [
      [slo({ details: { session_id: "s1" } }), "s1"],
      [slo({ details: {} }), "all sessions"],
      [srrt({ details: { session_id: "s2" } }), "s2"],
      [srrt({ details: {} }), "–"],
      [gdEnroll(), "–"],
    ];
    await tenant.publish(...cases.map(([record]) => record));
    await connect();
    for (const [{ log_id }, text] of cases) {
      const cell = page.locator(`tr[data-id="${log_id}"]`).getByRole("cell").nth(2);
      assert.equal(await cell.textContent(), text);
    }
    assert.equal(await page.getByRole("img", { name: "ends no session" }).count(), 2);
  });

  test("draws most events in the chart, and counts the older ones", async (t) => {
    const { tenant, page, connect } = await open(t);
    const recent = Array.from({ length: 4 }, () => slo({ date: ago(10 * MINUTE) }));
    await tenant.publish(slo({ date: ago(7 * DAY) }), ...recent);
    await connect();
    await page.getByRole("img", { name: "Events of the last 20 min: 4 logout" }).waitFor();
    await page.getByText("1 older event is not shown.").waitFor();
  });

  test("draws no chart if there is no room", async (t) => {
    const { tenant, page, connect } = await open(t);
    await tenant.publish(slo({ date: ago(MINUTE) }));
    await connect();
    const bars = page.locator("#chart rect");
    await bars.waitFor();
    await page.setViewportSize({ width: 40, height: 600 });
    await waitFor(async () => (await bars.count()) === 0);
  });

  test("offers to clear the filters if they hide all events", async (t) => {
    const { tenant, page, rows, connect } = await open(t);
    await tenant.publish(slo());
    await connect();
    const logouts = page.getByRole("button", { name: "logout 1" });
    await logouts.click();
    await page.getByLabel("Search for a user").fill("nobody");
    await page.getByText("No matching events.").waitFor();
    await page.getByRole("button", { name: "Clear filters" }).press("Enter");
    assert.equal(await rows.count(), 1);
    assert.equal(await logouts.getAttribute("aria-pressed"), "true");
    assert.equal(await page.getByLabel("Search for a user").inputValue(), "");
    assert.equal(await focusedText(page), "Events");
  });

  test("moves the keyboard focus when signing in hides the form", async (t) => {
    const tenant = new Tenant(worker, { name: "local" });
    const { page } = await open(t, { tenant, hash: `#issuer=${standIn.url}` });
    await page.getByRole("button", { name: "Sign in" }).press("Enter");
    await page.getByRole("button", { name: "Forget the token" }).waitFor();
    await waitFor(async () => (await focusedText(page)) === "Access");
  });

  for (const width of [390, 700, 1280])
    test(`has a tab order that follows the layout at a width of ${width}`, async (t) => {
      const { page } = await open(t, { viewport: { width, height: 800 } });
      const tops = await page
        .locator("section")
        .evaluateAll((sections) =>
          sections.map((section) => section.getBoundingClientRect()).map(({ x, y }) => [y, x]),
        );
      const inOrder = tops.toSorted(([y, x], [otherY, otherX]) => y - otherY || x - otherX);
      assert.deepEqual(tops, inOrder);
    });

  test("gives every copy button a different name", async (t) => {
    const { page } = await open(t);
    const names = await page.locator("[data-copy]").allTextContents();
    assert.equal(new Set(names.map((name) => name.trim())).size, 4, `${names}`);
  });

  test("distinguishes states and types with forced colours", async (t) => {
    const { tenant, page, connect } = await open(t, { forcedColors: "active" });
    const borderWidth = () =>
      page.locator("#state").evaluate((state) => getComputedStyle(state, "::before").borderWidth);
    const before = await borderWidth();
    await tenant.publish(slo({ date: ago(MINUTE) }));
    await connect();
    assert.notEqual(await borderWidth(), before);
    const [bar, text] = await page.evaluate(() => [
      getComputedStyle(document.querySelector("#chart rect")).fill,
      getComputedStyle(document.body).color,
    ]);
    assert.equal(bar, text);
  });

  test("leaves room for the session column beside a very long user id", async (t) => {
    const { tenant, page, connect } = await open(t, { viewport: { width: 1280, height: 800 } });
    await tenant.publish(slo({ user_id: `auth0|${"w".repeat(300)}` }));
    await connect();
    const widths = await page
      .locator("th")
      .evaluateAll((cells) => cells.map((cell) => cell.getBoundingClientRect().width));
    assert.ok(widths[1] > widths[2] && widths[2] > 150, `${widths}`);
    const overflow = await page.evaluate(() => {
      const { scrollWidth, clientWidth } = document.documentElement;
      return scrollWidth - clientWidth;
    });
    assert.equal(overflow, 0);
  });
});
