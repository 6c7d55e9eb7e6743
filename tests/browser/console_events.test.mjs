// The events of the console in detail: open rows, filters by click, pausing, times, the limit of
// events, all event types, and the revocation status of a user. Accessibility is checked by axe.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { startConsole, waitForCount } from "../support/console_page.mjs";
import { findFlaws } from "../support/page_flaws.mjs";
import {
  gdEnroll,
  limitWc,
  sapi,
  sce,
  scp,
  sdu,
  slo,
  srrt,
  ublkdu,
  USER,
} from "../support/records.mjs";
import { waitFor } from "../support/wait_for.mjs";

const { open: openConsole } = await startConsole({
  EVENTS:
    "user_deleted,user_blocked,password_changed,logout,refresh_token_revoked,email_changed,mfa_changed,account_locked,account_unlocked",
});

const AXE = readFileSync(fileURLToPath(import.meta.resolve("axe-core/axe.min.js")), "utf8");

/** Returns the rules of axe that the page violates, each with its elements. */
async function violations(page) {
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { violations } = await window.axe.run();
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(", ")}`);
  });
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const ago = (milliseconds) => new Date(Date.now() - milliseconds).toISOString();
const focusedText = (page) => page.evaluate(() => document.activeElement.textContent);

async function open(t, options) {
  const consolePage = await openConsole(t, { allowFailedRequests: false, ...options });
  const { page, rows, connect } = consolePage;
  const openRow = (index) => rows.nth(index).locator("button.open");
  return {
    ...consolePage,
    openRow,
    search: page.getByLabel("Search for a user"),
    details: page.locator("tr.details"),
    /** Publishes records, connects, and waits for their rows. */
    async connectWith(...records) {
      await consolePage.tenant.publish(...records);
      await connect();
      await waitForCount(rows, records.length);
    },
  };
}

describe("The events of the console", { concurrency: 2 }, () => {
  test("a row opens by keyboard, shows all fields, and copies the event as JSON", async (t) => {
    const { page, context, details, openRow, connectWith } = await open(t);
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    const record = slo();
    await connectWith(record);
    assert.equal(await openRow(0).getAttribute("aria-expanded"), "false");
    await openRow(0).press("Enter");
    assert.equal(await openRow(0).getAttribute("aria-expanded"), "true");
    const session = record.data.details.session_id;
    const event = {
      id: record.log_id,
      type: "logout",
      date: record.data.date,
      user_id: USER,
      session_id: session,
      revokes: "session",
    };
    const fields = await details
      .locator("dl div")
      .evaluateAll((entries) =>
        entries.map((entry) => [entry.firstChild.textContent, entry.lastChild.textContent]),
      );
    const { "Local time": localTime, ...others } = Object.fromEntries(fields);
    assert.match(localTime, /2021/);
    assert.deepEqual(others, {
      Event: record.log_id,
      Type: "logout",
      UTC: record.data.date,
      User: USER,
      Session: session,
      Ends: "this session",
    });
    assert.deepEqual(JSON.parse(await details.locator("pre").textContent()), event);
    await details.getByRole("button", { name: "Copy JSON" }).press("Enter");
    await page.locator("#copy-confirmation").filter({ hasText: "Copied." }).waitFor();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    assert.deepEqual(JSON.parse(copied), event);
    await openRow(0).press(" ");
    assert.equal(await details.count(), 0);
  });

  test("a row stays open, next to its event, while others arrive and filters change", async (t) => {
    const { tenant, page, rows, details, openRow, search, connectWith } = await open(t);
    const [old, recent] = [slo({ date: ago(HOUR) }), scp({ date: ago(MINUTE) })];
    await connectWith(old, recent);
    await openRow(0).click();
    await tenant.publish(slo({ date: ago(30 * MINUTE) }), slo({ date: ago(0) }));
    await waitForCount(rows, 5);
    const ids = () =>
      page
        .locator("#event-table tbody tr")
        .evaluateAll((rows) => rows.map((row) => row.dataset.id ?? "details"));
    assert.equal((await ids()).indexOf("details"), (await ids()).indexOf(recent.log_id) + 1);
    await search.fill("no such event");
    assert.equal(await details.isVisible(), false);
    await search.fill(recent.log_id);
    assert.equal(await details.isVisible(), true);
    await page.getByRole("button", { name: "Forget the token" }).click();
    assert.deepEqual(await ids(), []);
  });

  test("a click on a user or a session filters by it, and a second click removes the filter", async (t) => {
    const { rows, openRow, details, search, connectWith } = await open(t);
    await connectWith(
      slo({ user_id: "auth0|one", details: { session_id: "s1" } }),
      scp({ user_id: "auth0|one" }),
      slo({ user_id: "auth0|two", details: { session_id: "s2" } }),
    );
    const filter = (name) => rows.getByRole("button", { name, exact: true }).first();
    await filter("auth0|one").click();
    assert.equal(await rows.count(), 2);
    assert.equal(await search.inputValue(), "auth0|one");
    await filter("auth0|one").press("Enter");
    assert.equal(await rows.count(), 3);
    await filter("s2").click();
    assert.equal(await rows.count(), 1);
    await openRow(0).click();
    await details.getByRole("button", { name: "Filter by user" }).click();
    assert.equal(await search.inputValue(), "auth0|two");
    await details.getByRole("button", { name: "Filter by session" }).click();
    assert.equal(await search.inputValue(), "s2");
  });

  test("pausing queues new events and counts them, and resuming shows them", async (t) => {
    const { tenant, page, rows, connectWith } = await open(t);
    await connectWith(slo());
    await page.getByRole("button", { name: "Pause" }).click();
    const [second, third] = [slo({ date: ago(MINUTE) }), slo({ date: ago(0) })];
    await tenant.publish(second);
    await page.getByRole("button", { name: "Resume (1 new)" }).waitFor();
    await tenant.publish(third);
    await page.getByRole("button", { name: "Resume (2 new)" }).waitFor();
    assert.equal(await rows.count(), 1);
    await page.getByRole("button", { name: "Resume" }).press("Enter");
    assert.equal(await rows.count(), 3);
    assert.equal(await rows.first().getAttribute("data-id"), third.log_id);
    assert.equal(await focusedText(page), "Pause");

    // Another connection starts with its events shown.
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByRole("button", { name: "Forget the token" }).click();
    assert.equal(await page.getByRole("button", { name: /Pause|Resume/ }).count(), 0);
  });

  test("the page keeps 1,000 events and states how many older ones it dropped", async (t) => {
    const { tenant, page, connectWith } = await open(t);
    await connectWith(slo({ date: ago(HOUR) }));
    const later = Array.from({ length: 1_002 }, () => slo({ date: ago(MINUTE) }));
    await tenant.publish(...later.slice(0, 999));
    await page.getByRole("button", { name: "logout 1000" }).waitFor();
    assert.equal(await page.locator("#dropped").textContent(), "");
    await tenant.publish(...later.slice(999));
    await page
      .getByText("This page keeps the latest 1000 events. 3 older events are no longer shown.")
      .waitFor();
    await page.getByRole("button", { name: "Forget the token" }).click();
    assert.equal(await page.locator("#dropped").textContent(), "");
  });

  test("the label of the chart's axis is complete with four digits", async (t) => {
    const { tenant, page, connectWith } = await open(t);
    await connectWith(slo({ date: ago(MINUTE) }));
    const date = ago(MINUTE);
    const fits = () =>
      page.locator("#chart svg").evaluate((chart) => {
        const [label] = [...chart.querySelectorAll("text")];
        const left = chart.getBoundingClientRect().left;
        return [label.textContent, label.getBoundingClientRect().left >= left];
      });
    await tenant.publish(...Array.from({ length: 998 }, () => slo({ date })));
    await page.getByRole("button", { name: "logout 999" }).waitFor();
    for (const count of [999, 1000]) {
      if (count === 1000) await tenant.publish(slo({ date }));
      await page.getByRole("button", { name: `logout ${count}` }).waitFor();
      const [text, isComplete] = await fits();
      assert.match(text, /^\d{3,4}$/);
      assert.ok(isComplete, text);
    }
  });

  test("ages are rounded to the unit that they show", async (t) => {
    const { rows, connectWith } = await open(t);
    const ages = [
      5.8 * MINUTE,
      59.8 * MINUTE,
      118.8 * MINUTE,
      23.8 * HOUR,
      28.8 * HOUR,
      479.8 * HOUR,
    ];
    await connectWith(...ages.map((age) => slo({ date: ago(age) })));
    const texts = await rows.locator("time").allTextContents();
    assert.deepEqual(texts, [
      "6 min ago",
      "1 h ago",
      "1 h 59 min ago",
      "23 h 48 min ago",
      "1 d 5 h ago",
      "20 d ago",
    ]);
  });

  test("the times of events and of the chart are local times on request", async (t) => {
    const { page, rows, connectWith } = await open(t, { timezoneId: "Asia/Tokyo" });
    const date = ago(MINUTE);
    await connectWith(slo({ date }));
    await page.getByRole("button", { name: "Local times" }).click();
    const local = new Date(Date.parse(date) + 9 * HOUR).toISOString();
    const expected = local.slice(0, 19).replace("T", " ");
    assert.equal(await rows.locator("time").textContent(), expected);
    await page.getByRole("columnheader", { name: "Local time" }).waitFor();
    const labels = await page.locator("#chart text").allTextContents();
    assert.equal(labels.filter((label) => /^\d\d:\d\d$/.test(label)).length, 5, `${labels}`);
    await page.getByRole("button", { name: "Local times" }).press("Enter");
    assert.equal(await rows.locator("time").textContent(), "1 min ago");
  });

  for (const width of [780, 1100, 1280])
    test(`a user id of 30 characters fits on one line at a width of ${width}`, async (t) => {
      const viewport = { width, height: 800 };
      const { page, rows, connectWith } = await open(t, { viewport });
      await connectWith(slo(), srrt());
      for (const times of [false, true]) {
        if (times) await page.getByRole("button", { name: "Local times" }).click();
        const heights = await rows
          .locator("td > *")
          .evaluateAll((cells) => cells.map((cell) => cell.getBoundingClientRect().height));
        assert.ok(Math.max(...heights) < 32, `${heights}`);
        const clipped = await page.locator(".open, td.user *, td.time *").evaluateAll((cells) =>
          cells
            .filter((cell) => {
              const { right } = cell.parentElement.getBoundingClientRect();
              return cell.getBoundingClientRect().right > right + 0.5;
            })
            .map((cell) => cell.textContent),
        );
        assert.deepEqual(clipped, []);
      }
    });

  test("the revocations of a user are shown from an open row", async (t) => {
    const { page, details, openRow, connectWith } = await open(t);
    const [session, password] = [slo({ date: ago(HOUR) }), scp({ date: ago(MINUTE) })];
    await connectWith(session, password, slo({ user_id: "auth0|other" }));
    await openRow(0).click();
    await details.getByRole("button", { name: "Revocations of the user" }).press("Enter");
    await page.getByText(`Earlier tokens of ${USER} and 1 session are revoked.`).waitFor();
    assert.equal(await focusedText(page), "Revocations");
    const lines = await page.locator("#revocations-list li").allInnerTexts();
    assert.equal(lines.length, 2);
    assert.match(
      lines[0],
      /^All earlier tokens\s+password_changed\s+\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/,
    );
    assert.ok(lines[1].startsWith(session.data.details.session_id));
  });

  test("the revocations of any user can be looked up while connected", async (t) => {
    const { page, connectWith } = await open(t);
    const input = page.getByLabel("User id");
    await page.getByText("Connect to look up a user.").waitFor();
    assert.equal(await input.isVisible(), false);
    const sessions = Array.from({ length: 22 }, (_, number) =>
      slo({ date: ago(MINUTE), user_id: "auth0|many", details: { session_id: `s${number}` } }),
    );
    await connectWith(...sessions);
    await input.fill("auth0|nobody");
    await input.press("Enter");
    await page.getByText("Nothing of auth0|nobody is revoked.").waitFor();
    await input.fill("auth0|many");
    await page.getByRole("button", { name: "Look up" }).click();
    await page.getByText("22 sessions of auth0|many are revoked.").waitFor();
    const list = page.locator("#revocations-list li");
    assert.equal(await list.last().textContent(), "and 2 more sessions");
    await page.getByRole("button", { name: "Forget the token" }).click();
    assert.equal(await list.count(), 0);
  });

  test("a token without the permission cannot look up revocations", async (t) => {
    const { tenant, page, waitForState, connect } = await open(t, { allowFailedRequests: true });
    await connect(tenant.token({ scope: "listen:events:self" }));
    await waitForState("Connected");
    await page.getByLabel("User id").fill(USER);
    await page.getByRole("button", { name: "Look up" }).click();
    await page
      .getByText(
        "Only a token with listen:events and without listen:events:self can list revocations.",
      )
      .waitFor();
  });

  for (const colorScheme of ["light", "dark"])
    for (const [device, options] of [
      ["desktop", { viewport: { width: 1280, height: 900 } }],
      ["phone", { viewport: { width: 375, height: 812 }, isMobile: true, hasTouch: true }],
    ])
      test(`nothing violates a rule of axe on a ${device} in ${colorScheme} colours`, async (t) => {
        const { page, details, openRow, connectWith } = await open(t, { ...options, colorScheme });
        assert.deepEqual(await violations(page), []);
        const makers = [slo, scp, sce, sdu, sapi, srrt, gdEnroll, limitWc, ublkdu];
        await connectWith(...makers.map((make) => make({ date: ago(MINUTE) })));
        // Each type has its own button and colour.
        const types = page.locator("#types button:visible");
        await waitFor(async () => (await types.count()) === makers.length);
        assert.deepEqual(await page.locator('[data-type="other"]:visible').count(), 0);
        await openRow(0).click();
        await details.getByRole("button", { name: "Revocations of the user" }).click();
        await page.getByText(/revoked\.$/).waitFor();
        // The highlight of new rows changes colours for a moment.
        await page.evaluate(() => document.getAnimations().forEach((each) => each.finish()));
        assert.deepEqual(await violations(page), []);
        if (device === "phone") assert.deepEqual(await findFlaws(page), []);
      });
});
