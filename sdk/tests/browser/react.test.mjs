// Provider and hook in real tabs, with the real Worker.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { eventOf, scp, slo } from "../../../tests/support/records.mjs";
import { authenticated, startScriptedServer } from "../../../tests/support/scripted_server.mjs";
import { Tenant } from "../../../tests/support/tenant.mjs";
import { now } from "../../../tests/support/token.mjs";
import { waitFor } from "../../../tests/support/wait_for.mjs";
import { startWorker } from "../../../tests/support/worker.mjs";
import { revocationCases } from "../support/revocation_cases.mjs";
import { startTabs } from "./tabs.mjs";

const worker = await startWorker();
const newProfile = await startTabs(worker);
const react18 = (name) =>
  fileURLToPath(new URL(`../../../tests/react18/node_modules/${name}`, import.meta.url));
const newProfileWithReact18 = await startTabs(worker, "react.jsx", {
  alias: { react: react18("react"), "react-dom": react18("react-dom") },
});

const JANE = "auth0|jane";
const date = (secondsAgo = 0) => new Date((now() - secondsAgo) * 1000).toISOString();
/** A logout of one of Jane's sessions. */
const logout = (session_id, changes) =>
  slo({ user_id: JANE, date: date(), details: { session_id }, ...changes });
const idsOf = (...records) => records.map((record) => eventOf(record).id);

/** Starts a browser in which Jane signed in a minute ago. */
async function startBrowserOfJane({ sid = "s1", react = 19, ...options } = {}) {
  const tenant = new Tenant(worker);
  const session = { sub: JANE, iat: now() - 60, sid };
  const start = react === 18 ? newProfileWithReact18 : newProfile;
  const tabs = await start(tenant, { session, ...options });
  return { tenant, session, ...tabs };
}

describe("the tabs of one user", () => {
  test("share one socket, and each receives every event once", async () => {
    const { tenant, open, sockets } = await startBrowserOfJane();
    const tabs = [await open(), await open(), await open()];
    for (const tab of tabs) await tab.waitUntilConnected();
    assert.equal((await tenant.listeners()).count, 1);
    const records = [scp({ user_id: JANE, date: date() }), logout("s2"), logout("s3")];
    await tenant.publish(...records);
    for (const tab of tabs) await tab.assertEvents(...idsOf(...records));
    assert.equal(sockets(), 1);
  });

  test("continue after the leader closes, without lost or duplicate events", async () => {
    const { tenant, open, sockets } = await startBrowserOfJane();
    const [first, second, third] = [await open(), await open(), await open()];
    for (const tab of [first, second, third]) await tab.waitUntilConnected();
    const records = Array.from({ length: 12 }, (_, index) => logout(`other-${index}`));
    await tenant.publish(...records.slice(0, 4));
    await second.assertEvents(...idsOf(...records.slice(0, 4)));
    const closing = first.page.close();
    for (const record of records.slice(4)) await tenant.publish(record);
    await closing;
    for (const tab of [second, third]) await tab.assertEvents(...idsOf(...records));
    await waitFor(async () => (await tenant.listeners()).count === 1);
    assert.equal(sockets(), 2);
    assert.deepEqual((await third.recorded()).gaps, 0);
  });

  test("miss no event at a change of the leader, even without an earlier event", async () => {
    const { tenant, open } = await startBrowserOfJane();
    const [first, second] = [await open(), await open()];
    await first.waitUntilConnected();
    await second.waitUntilConnected();
    const record = logout("s1");
    await first.page.close();
    await tenant.publish(record);
    await second.assertEvents(...idsOf(record));
    assert.deepEqual((await second.recorded()).ended, idsOf(record));
  });

  test("receive the events that they missed in the back/forward cache", async () => {
    const { tenant, open, sockets } = await startBrowserOfJane();
    const [first, second] = [await open(), await open()];
    await first.waitUntilConnected();
    await second.waitUntilConnected();
    const [before, missed, later] = [logout("s2"), logout("s1"), logout("s3")];
    await tenant.publish(before);
    await first.assertEvents(...idsOf(before));

    // The events of a page that the user leaves and returns to with the back button.
    await first.page.evaluate(() => dispatchEvent(new PageTransitionEvent("pagehide")));
    await tenant.publish(missed);
    await second.assertEvents(...idsOf(before, missed));
    assert.equal(sockets(), 2, "the second tab has taken over");
    await first.page.evaluate(() =>
      dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })),
    );
    await first.assertEvents(...idsOf(before, missed));
    assert.deepEqual((await first.recorded()).ended, idsOf(missed));
    await tenant.publish(later);
    for (const tab of [first, second]) await tab.assertEvents(...idsOf(before, missed, later));
    assert.equal((await tenant.listeners()).count, 1);
    assert.equal((await first.recorded()).gaps, 0);
  });

  test("report a gap if the other tabs no longer remember all events since they were cached", async () => {
    const { tenant, open } = await startBrowserOfJane();
    const [first, second] = [await open(), await open()];
    await first.waitUntilConnected();
    await second.waitUntilConnected();
    const before = logout("s2");
    await tenant.publish(before);
    await first.assertEvents(...idsOf(before));
    const [{ connected_on }] = (await tenant.listeners()).connections;
    await first.page.evaluate(() => dispatchEvent(new PageTransitionEvent("pagehide")));
    await waitFor(async () => {
      const { count, connections } = await tenant.listeners();
      return count === 1 && connections[0].sub && connections[0].connected_on !== connected_on;
    });
    const missed = Array.from({ length: 101 }, () => logout("s3"));
    await tenant.publish(...missed);
    await second.assertEvents(...idsOf(before, ...missed));
    await first.page.evaluate(() =>
      dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })),
    );
    await first.assertEvents(...idsOf(before, ...missed.slice(1)));
    assert.deepEqual([(await first.recorded()).gaps, (await second.recorded()).gaps], [1, 0]);
  });

  test("continue while a dialog blocks the leader, and the former leader continues after the dialog", async () => {
    const { tenant, open } = await startBrowserOfJane({ pingInterval: 100, pongTimeout: 1_000 });
    const [first, second] = [await open(), await open()];
    for (const tab of [first, second]) await tab.waitUntilConnected();
    const opened = first.page.waitForEvent("dialog");
    await first.page.evaluate(() => void setTimeout(() => alert("Stop.")));
    const dialog = await opened;
    const [during, afterwards] = [logout("s1"), logout("s2")];
    await tenant.publish(during);
    await second.assertEvents(...idsOf(during));
    assert.deepEqual((await second.recorded()).ended, idsOf(during));
    await dialog.accept();
    await first.assertEvents(...idsOf(during));
    await waitFor(async () => (await tenant.listeners()).count === 1);
    await tenant.publish(afterwards);
    for (const tab of [first, second]) await tab.assertEvents(...idsOf(during, afterwards));
  });

  test("each have a socket if the platform has no locks", async () => {
    const { tenant, open } = await startBrowserOfJane({ without: "locks" });
    const tabs = [await open(), await open()];
    for (const tab of tabs) await tab.waitUntilConnected();
    assert.equal((await tenant.listeners()).count, 2);
    const record = logout("s2");
    await tenant.publish(record);
    for (const tab of tabs) await tab.assertEvents(...idsOf(record));
  });

  test("never send tokens to each other, and ignore invalid messages", async () => {
    const { tenant, open } = await startBrowserOfJane();
    const witness = await open({ session: undefined });
    await witness.page.evaluate((channelName) => {
      window.heard = [];
      window.channel = new BroadcastChannel(channelName);
      channel.onmessage = ({ data }) => heard.push(data);
    }, `session-events ${worker.url} ${tenant.slug} ${JANE}`);
    const [first, second] = [await open(), await open()];
    await first.waitUntilConnected();
    await second.waitUntilConnected();
    await witness.page.evaluate(() => {
      const junk = [null, 7, "hello", [], { kind: "state", state: "gone" }, { kind: "event" }];
      const event = {
        id: 1,
        type: "logout",
        date: new Date().toISOString(),
        user_id: "auth0|jane",
      };
      junk.push({ kind: "event", event }, { kind: "state", state: "connected", events: [event] });
      junk.push({ kind: "state", state: "connected", events: { length: 1 } });
      for (const data of junk) channel.postMessage(data);
    });
    const record = logout("s2");
    await tenant.publish(record);
    for (const tab of [first, second]) await tab.assertEvents(...idsOf(record));
    assert.deepEqual((await second.recorded()).states, ["disconnected", "connecting", "connected"]);
    const heard = await witness.page.evaluate(() => JSON.stringify(heard));
    assert.match(heard, /"kind":"event"/);
    assert.doesNotMatch(heard, /eyJ|token/i);
  });

  test("reconnect after the server stopped one of them and accepts another", async () => {
    const { tenant, open, setClaims } = await startBrowserOfJane();
    setClaims(JANE, { scope: "openid" });
    const first = await open();
    await waitFor(async () => (await first.recorded()).states.at(-1) === "disconnected");
    assert.notDeepEqual((await first.recorded()).errors, []);
    setClaims(JANE, {});
    const second = await open();
    await second.waitUntilConnected();
    await first.waitUntilConnected();
    assert.equal((await tenant.listeners()).count, 1);
  });
});

describe("different users", () => {
  test("never share a socket, even in the same browser", async () => {
    const { tenant, session, open } = await startBrowserOfJane();
    const janesTab = await open();
    const joesTab = await open({ session: { ...session, sub: "auth0|joe" } });
    await janesTab.waitUntilConnected();
    await joesTab.waitUntilConnected();
    const { connections } = await tenant.listeners();
    assert.deepEqual(connections.map(({ sub }) => sub).sort(), [JANE, "auth0|joe"]);
    const records = [logout("s1"), logout("s1", { user_id: "auth0|joe" })];
    await tenant.publish(...records);
    await janesTab.assertEvents(...idsOf(records[0]));
    await joesTab.assertEvents(...idsOf(records[1]));
  });
});

describe("the end of a session", () => {
  test("is reported once in each tab, only for the current session", async () => {
    const { tenant, open } = await startBrowserOfJane();
    const tabs = [await open(), await open()];
    for (const tab of tabs) await tab.waitUntilConnected();
    const [other, own, again] = [logout("s2"), logout("s1"), scp({ user_id: JANE, date: date() })];
    await tenant.publish(other, own, again);
    for (const tab of tabs) {
      await tab.assertEvents(...idsOf(other, own, again));
      assert.deepEqual((await tab.recorded()).ended, idsOf(own));
    }
  });

  test("is reported for any session of the user if the ID token has no sid", async () => {
    const { tenant, open } = await startBrowserOfJane({ sid: null });
    const tab = await open();
    await tab.waitUntilConnected();
    const record = logout("s2");
    await tenant.publish(record);
    await tab.assertEvents(...idsOf(record));
    assert.deepEqual((await tab.recorded()).ended, idsOf(record));
  });

  test("is reported if it happened while no tab was open, but not for earlier sessions", async () => {
    const { tenant, open } = await startBrowserOfJane();
    const [old, missed] = [logout("s0", { date: date(3600) }), logout("s1", { date: date(30) })];
    await tenant.publish(old, missed);
    const tab = await open();
    await tab.assertEvents(...idsOf(missed));
    const { ended, gaps } = await tab.recorded();
    assert.deepEqual([ended, gaps], [idsOf(missed), 0]);
  });

  test("is reported if the tokens were refreshed after it", async () => {
    const { tenant, session, open } = await startBrowserOfJane();
    const own = logout("s1", { date: date(30) });
    await tenant.publish(own);
    const tab = await open({ session: { ...session, iat: now() } });
    await tab.assertEvents(...idsOf(own));
    assert.deepEqual((await tab.recorded()).ended, idsOf(own));
  });

  test("is reported for an event that ends all of the user's sessions and is older than the refreshed tokens", async () => {
    const { tenant, session, open } = await startBrowserOfJane();
    const tab = await open();
    await tab.waitUntilConnected();
    await tab.change({ session: { ...session, iat: now() } });
    const [all, other] = [scp({ user_id: JANE, date: date(30) }), logout("s2")];
    await tenant.publish(all, other);
    await tab.assertEvents(...idsOf(all, other));
    assert.deepEqual((await tab.recorded()).ended, idsOf(all));
  });

  test("is reported again for the next session of the same user", async () => {
    const { tenant, session, open } = await startBrowserOfJane();
    const tab = await open();
    await tab.waitUntilConnected();
    const [first, second] = [logout("s1"), logout("s9")];
    await tenant.publish(first);
    await tab.assertEvents(...idsOf(first));
    await tab.change({ session: { ...session, sid: "s9" } });
    await tenant.publish(second);
    await tab.assertEvents(...idsOf(first, second));
    assert.deepEqual((await tab.recorded()).ended, idsOf(first, second));
  });
});

describe("the rule for revoked tokens", () => {
  test("is the rule for the end of a session", async () => {
    const cases = revocationCases();
    /** An event that ends nothing, after the events of a case. */
    const lastEvent = (index, user_id) => ({
      id: `last-${index}`,
      type: "user_unblocked",
      date: new Date().toISOString(),
      user_id,
    });
    let current = 0;
    // The token of a client is the index of its case.
    const { url } = await startScriptedServer(({ send, token }) => {
      const { events, claims } = cases[token];
      send(authenticated({ sub: claims.sub, filter: "self" }));
      for (const event of [...events, lastEvent(token, claims.sub)]) send(event);
    });
    const tenant = { slug: "acme", token: () => String(current) };
    const { open } = await newProfile(tenant, { session: null, url });
    const tab = await open();
    let endedBefore = 0;
    for (const [index, { name, claims, revoked }] of cases.entries()) {
      current = index;
      await tab.change({ session: claims, tenant: `case-${index}` });
      await waitFor(
        async () => (await tab.recorded()).events.includes(`last-${index}`),
        () => name,
      );
      const { ended, errors } = await tab.recorded();
      assert.equal(ended.length - endedBefore, revoked ? 1 : 0, name);
      assert.deepEqual(errors, [], name);
      endedBefore = ended.length;
      await tab.change({ session: null });
    }
  });
});

describe("the provider", () => {
  test("opens one socket with one token if React runs effects twice", async () => {
    for (const [react, without] of [[18], [18, "locks"], [19], [19, "locks"]]) {
      const { tenant, open, sockets } = await startBrowserOfJane({ react, strict: true, without });
      const tab = await open();
      assert.equal(parseInt(await tab.page.evaluate(() => window.reactVersion)), react);
      await tab.waitUntilConnected();
      const record = logout("s1");
      await tenant.publish(record);
      await tab.assertEvents(...idsOf(record));
      const { tokens, ended } = await tab.recorded();
      assert.deepEqual(
        [sockets(), tokens, ended],
        [1, 1, idsOf(record)],
        `React ${react} without ${without}`,
      );
    }
  });

  test("keeps its socket when its callbacks change, and calls the latest ones", async () => {
    const { tenant, open, sockets } = await startBrowserOfJane();
    const tab = await open();
    await tab.waitUntilConnected();
    for (const generation of ["-a", "-b"]) await tab.change({ generation });
    const record = logout("s1");
    await tenant.publish(record);
    await tab.assertEvents(...idsOf(record));
    assert.deepEqual((await tab.recorded()).ended, [`${idsOf(record)}-b`]);
    assert.equal(sockets(), 1);
  });

  test("connects when a user signs in and disconnects when the user signs out", async () => {
    const { tenant, session, open, sockets } = await startBrowserOfJane();
    const tab = await open({ session: null });
    assert.equal(sockets(), 0);
    await tab.change({ session });
    await tab.waitUntilConnected();
    await tab.change({ session: undefined });
    await waitFor(async () => (await tenant.listeners()).count === 0);
    assert.deepEqual((await tab.recorded()).states, [
      "disconnected",
      "connecting",
      "connected",
      "disconnected",
    ]);
  });

  test("receives no event twice, and no end, if there is no session for a moment", async () => {
    for (const react of [18, 19]) {
      const { tenant, session, open } = await startBrowserOfJane({ react });
      const tab = await open();
      await tab.waitUntilConnected();
      const [end, later] = [logout("s1"), logout("s2")];
      await tenant.publish(end);
      await tab.assertEvents(...idsOf(end));
      await tab.change({ session: undefined });
      await tab.change({ session });
      await tab.waitUntilConnected();
      await tenant.publish(later);
      await tab.assertEvents(...idsOf(end, later));
      assert.deepEqual((await tab.recorded()).ended, idsOf(end));
    }
  });

  test("disconnects while <Activity> hides it, and then receives each missed event once", async () => {
    for (const strict of [false, true]) {
      const { tenant, open } = await startBrowserOfJane({ activity: "visible", strict });
      const tab = await open();
      await tab.waitUntilConnected();
      const [before, missed, later] = [logout("s2"), logout("s1"), logout("s3")];
      await tenant.publish(before);
      await tab.assertEvents(...idsOf(before));
      await tab.change({ activity: "hidden" });
      await waitFor(async () => (await tenant.listeners()).count === 0);
      await tenant.publish(missed);
      await tab.change({ activity: "visible" });
      await tab.assertEvents(...idsOf(before, missed));
      await tab.change({ activity: "hidden" });
      await tab.change({ activity: "visible" });
      await tab.waitUntilConnected();
      await tenant.publish(later);
      await tab.assertEvents(...idsOf(before, missed, later));
      assert.deepEqual((await tab.recorded()).ended, idsOf(missed));
    }
  });

  for (const [condition, options] of [
    ["BroadcastChannel throws", { broken: "BroadcastChannel" }],
    ["navigator.locks throws", { broken: "navigator.locks" }],
    ["navigator.locks.request throws", { broken: "navigator.locks.request" }],
    ["the origin may not use locks", { sandbox: true }],
  ])
    test(`connects each tab by itself if ${condition}`, async () => {
      const { tenant, open } = await startBrowserOfJane(options);
      const tabs = [await open(), await open()];
      for (const tab of tabs) await tab.waitUntilConnected();
      assert.equal((await tenant.listeners()).count, 2);
      const record = logout("s1");
      await tenant.publish(record);
      for (const tab of tabs) {
        await tab.assertEvents(...idsOf(record));
        assert.deepEqual((await tab.recorded()).ended, idsOf(record));
      }
    });

  for (const [name, invalid] of [
    ["tenant", { tenant: "Acme" }],
    ["missing tenant", { tenant: undefined }],
    ["address without TLS", { url: "http://192.168.0.7:8787" }],
    ["duration", { pingInterval: 0 }],
  ])
    test(`reports an invalid ${name} once at the first rendering, and keeps the application`, async () => {
      const { session, open } = await startBrowserOfJane({ ...invalid, strict: true });
      const tab = await open({ session: null });
      await waitFor(async () => (await tab.recorded()).errors.length > 0);
      await tab.change({ session });
      await tab.change({ session: null });
      assert.equal(await tab.page.textContent("output"), "disconnected");
      const { errors, states } = await tab.recorded();
      assert.deepEqual([errors, states], [["invalid_options"], ["disconnected"]]);
    });

  test("keeps the application if the tenant becomes invalid, and connects once it is valid", async () => {
    const { tenant, open } = await startBrowserOfJane();
    const tab = await open();
    await tab.waitUntilConnected();
    await tab.change({ tenant: "Acme" });
    await waitFor(async () => (await tab.recorded()).errors.length > 0);
    await waitFor(async () => (await tenant.listeners()).count === 0);
    assert.equal(await tab.page.textContent("output"), "disconnected");
    await tab.change({ tenant: tenant.slug });
    await tab.waitUntilConnected();
    assert.deepEqual((await tab.recorded()).errors, ["invalid_options"]);
  });

  test("keeps the application if onError throws", async () => {
    const { open } = await startBrowserOfJane({ tenant: "Acme", onError: "throw" });
    const { page } = await open();
    const thrown = page.waitForEvent("pageerror");
    await page.reload();
    assert.equal((await thrown).message, "onError failed");
    assert.equal(await page.textContent("output"), "disconnected");
  });

  test("writes errors to the console if there is no onError", async () => {
    const { open } = await startBrowserOfJane({ tenant: "Acme", onError: "none" });
    const { page } = await open();
    const warning = page.waitForEvent("console", {
      predicate: (line) => line.type() === "warning",
    });
    await page.reload();
    assert.match(
      (await warning).text(),
      /^session-events: .*tenant must be acme for acme\.auth0\.com/,
    );
  });

  test("calls onSessionEnd once with the reason if nobody is signed in any more", async () => {
    for (const strict of [false, true]) {
      const { open, sockets } = await startBrowserOfJane({ tokenFailure: "invalid_grant", strict });
      const tabs = [await open(), await open()];
      for (const tab of tabs) {
        await waitFor(async () => (await tab.recorded()).ended.length > 0);
        assert.equal(await tab.page.textContent("output"), "disconnected");
      }
      for (const tab of tabs) assert.deepEqual((await tab.recorded()).ended, ["invalid_grant"]);
      assert.equal(sockets(), 0);
    }
  });
});
