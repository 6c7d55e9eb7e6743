// How the live page shows what it has: order, chart, columns, and the keyboard's place.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { startLivePage, startStandIn } from "../support/live_page.mjs";
import { slo } from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { waitFor } from "../support/wait_for.mjs";

const standIn = await startStandIn();
const { worker, open: openPage } = await startLivePage({
  ISSUERS: JSON.stringify({ "local@us": [{ issuer: standIn.url }] }),
});

/** The page of a tenant, of whose requests none may fail; `show` waits for the first row too. */
async function open(t, options) {
  const opened = await openPage(t, { requestsMayFail: false, ...options });
  const show = async () => {
    await opened.show();
    await opened.rows.first().waitFor();
  };
  return { ...opened, show };
}

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const ago = (milliseconds) => new Date(Date.now() - milliseconds).toISOString();
const focused = (page) => page.evaluate(() => document.activeElement.textContent);

describe("the live page's view", { concurrency: 2 }, () => {
  test("puts what Auth0 delivers late at its place, and marks it there", async (t) => {
    const { tenant, page, rows, show } = await open(t);
    const [old, recent, late] = [60, 1, 30].map((minutes) => slo({ date: ago(minutes * MINUTE) }));
    await tenant.publish(recent, old);
    await show();
    await tenant.publish(late);
    await rows.nth(2).waitFor();
    const ids = await rows.evaluateAll((rows) => rows.map((row) => row.dataset.id));
    assert.deepEqual(
      ids,
      [recent, late, old].map(({ log_id }) => log_id),
    );
    assert.equal(await page.locator("tr.new").getAttribute("data-id"), late.log_id);
  });

  test("draws most events, not the oldest, and says how many are older", async (t) => {
    const { tenant, page, show } = await open(t);
    const recent = Array.from({ length: 4 }, () => slo({ date: ago(10 * MINUTE) }));
    await tenant.publish(slo({ date: ago(7 * DAY) }), ...recent);
    await show();
    await page.getByRole("img", { name: "Events of the last 20 min: 4 logout" }).waitFor();
    await page.getByText("1 older event is not drawn.").waitFor();
  });

  test("draws nothing where there is no room", async (t) => {
    const { tenant, page, show } = await open(t);
    await tenant.publish(slo({ date: ago(MINUTE) }));
    await show();
    const bars = page.locator("#chart rect");
    await bars.waitFor();
    await page.setViewportSize({ width: 40, height: 600 });
    await waitFor(async () => (await bars.count()) === 0);
  });

  test("offers a way back when filters hide all", async (t) => {
    const { tenant, page, rows, show } = await open(t);
    await tenant.publish(slo());
    await show();
    const logouts = page.getByRole("button", { name: "logout 1" });
    await logouts.click();
    await page.getByLabel("Search for a user").fill("nobody");
    await page.getByText("No matching events.").waitFor();
    await page.getByRole("button", { name: "Clear filters" }).press("Enter");
    assert.equal(await rows.count(), 1);
    assert.equal(await logouts.getAttribute("aria-pressed"), "true");
    assert.equal(await page.getByLabel("Search for a user").inputValue(), "");
    assert.equal(await focused(page), "Events");
  });

  test("keeps the keyboard's place when signing in hides the form", async (t) => {
    const tenant = new Tenant(worker, { name: "local" });
    const { page } = await open(t, { tenant, hash: `#issuer=${standIn.url}` });
    await page.getByRole("button", { name: "Sign in" }).press("Enter");
    await page.getByRole("button", { name: "Forget the token" }).waitFor();
    await waitFor(async () => (await focused(page)) === "Access");
  });

  for (const width of [390, 700, 1280])
    test(`reaches by Tab what comes next to the eye, ${width} wide`, async (t) => {
      const { page } = await open(t, { viewport: { width, height: 800 } });
      const tops = await page
        .locator("section")
        .evaluateAll((sections) =>
          sections.map((section) => section.getBoundingClientRect()).map(({ x, y }) => [y, x]),
        );
      const inOrder = tops.toSorted(([y, x], [otherY, otherX]) => y - otherY || x - otherX);
      assert.deepEqual(tops, inOrder);
    });

  test("gives every button that copies a name of its own", async (t) => {
    const { page } = await open(t);
    const names = await page.locator("[data-copy]").allTextContents();
    assert.equal(new Set(names.map((name) => name.trim())).size, 4, `${names}`);
  });

  test("tells states and types apart where colours are forced", async (t) => {
    const { tenant, page, show } = await open(t, { forcedColors: "active" });
    const ring = () =>
      page.locator("#state").evaluate((state) => getComputedStyle(state, "::before").borderWidth);
    const before = await ring();
    await tenant.publish(slo({ date: ago(MINUTE) }));
    await show();
    assert.notEqual(await ring(), before);
    const [bar, text] = await page.evaluate(() => [
      getComputedStyle(document.querySelector("#chart rect")).fill,
      getComputedStyle(document.body).color,
    ]);
    assert.equal(bar, text);
  });

  test("keeps room for sessions beside a very long user id", async (t) => {
    const { tenant, page, show } = await open(t, { viewport: { width: 1280, height: 800 } });
    await tenant.publish(slo({ user_id: `auth0|${"w".repeat(300)}` }));
    await show();
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
