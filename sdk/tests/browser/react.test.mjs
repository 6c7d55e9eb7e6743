// The provider and the hook in real tabs, against the real worker.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { eventOf, scp, slo } from "../../../tests/support/records.mjs";
import { Tenant } from "../../../tests/support/tenant.mjs";
import { now } from "../../../tests/support/token.mjs";
import { waitFor } from "../../../tests/support/wait_for.mjs";
import { startWorker } from "../../../tests/support/worker.mjs";
import { openTabs } from "./tabs.mjs";

const worker = await startWorker();
const tabsOf = await openTabs(worker);

const JANE = "auth0|jane";
const date = (secondsAgo = 0) => new Date((now() - secondsAgo) * 1000).toISOString();
/** A logout of one session of Jane's, or of all. */
const logout = (session_id, changes) =>
  slo({ user_id: JANE, date: date(), details: { session_id }, ...changes });
const idsOf = (...records) => records.map((record) => eventOf(record).id);

/** A browser of Jane's; she signed in a minute ago. */
async function jane({ sid = "s1", ...options } = {}) {
  const tenant = new Tenant(worker);
  const session = { sub: JANE, iat: now() - 60, sid };
  const tabs = await tabsOf(tenant, { session, ...options });
  return { tenant, session, ...tabs };
}

describe("the tabs of one user", () => {
  test("share one socket, and each gets every event once", async () => {
    const { tenant, open, sockets } = await jane();
    const tabs = [await open(), await open(), await open()];
    for (const tab of tabs) await tab.connected();
    assert.equal((await tenant.listeners()).count, 1);
    const records = [scp({ user_id: JANE, date: date() }), logout("s2"), logout("s3")];
    await tenant.publish(...records);
    for (const tab of tabs) await tab.got(...idsOf(...records));
    assert.equal(sockets(), 1);
  });

  test("go on when the one that has the socket is closed, and none misses or repeats a thing", async () => {
    const { tenant, open, sockets } = await jane();
    const [first, second, third] = [await open(), await open(), await open()];
    for (const tab of [first, second, third]) await tab.connected();
    const records = Array.from({ length: 12 }, (_, index) => logout(`other-${index}`));
    await tenant.publish(...records.slice(0, 4));
    await second.got(...idsOf(...records.slice(0, 4)));
    const closing = first.page.close();
    for (const record of records.slice(4)) await tenant.publish(record);
    await closing;
    for (const tab of [second, third]) await tab.got(...idsOf(...records));
    await waitFor(async () => (await tenant.listeners()).count === 1);
    assert.equal(sockets(), 2);
    assert.deepEqual((await third.seen()).gaps, 0);
  });

  test("miss nothing at a change of the tab even when nothing had come before", async () => {
    const { tenant, open } = await jane();
    const [first, second] = [await open(), await open()];
    await first.connected();
    await second.connected();
    const record = logout("s1");
    await first.page.close();
    await tenant.publish(record);
    await second.got(...idsOf(record));
    assert.deepEqual((await second.seen()).ended, idsOf(record));
  });

  test("learn what they missed while they waited to be shown again", async () => {
    const { tenant, open, sockets } = await jane();
    const [first, second] = [await open(), await open()];
    await first.connected();
    await second.connected();
    const [before, meanwhile, later] = [logout("s2"), logout("s1"), logout("s3")];
    await tenant.publish(before);
    await first.got(...idsOf(before));

    // As the browser does when the user follows a link, and then goes back.
    await first.page.evaluate(() => dispatchEvent(new PageTransitionEvent("pagehide")));
    await tenant.publish(meanwhile);
    await second.got(...idsOf(before, meanwhile));
    assert.equal(sockets(), 2, "the second has taken over");
    await first.page.evaluate(() =>
      dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })),
    );
    await first.got(...idsOf(before, meanwhile));
    assert.deepEqual((await first.seen()).ended, idsOf(meanwhile));
    await tenant.publish(later);
    for (const tab of [first, second]) await tab.got(...idsOf(before, meanwhile, later));
    assert.equal((await tenant.listeners()).count, 1);
    assert.equal((await first.seen()).gaps, 0);
  });

  test("are told when they waited for so long that the others no longer know all", async () => {
    const { tenant, open } = await jane();
    const [first, second] = [await open(), await open()];
    await first.connected();
    await second.connected();
    const before = logout("s2");
    await tenant.publish(before);
    await first.got(...idsOf(before));
    const [{ connected_on }] = (await tenant.listeners()).connections;
    await first.page.evaluate(() => dispatchEvent(new PageTransitionEvent("pagehide")));
    await waitFor(async () => {
      const { count, connections } = await tenant.listeners();
      return count === 1 && connections[0].sub && connections[0].connected_on !== connected_on;
    });
    const meanwhile = Array.from({ length: 101 }, () => logout("s3"));
    await tenant.publish(...meanwhile);
    await second.got(...idsOf(before, ...meanwhile));
    await first.page.evaluate(() =>
      dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })),
    );
    await first.got(...idsOf(before, ...meanwhile.slice(1)));
    assert.deepEqual([(await first.seen()).gaps, (await second.seen()).gaps], [1, 0]);
  });

  test("go on while a dialog holds up the one that has the socket, and so does that one afterwards", async () => {
    const { tenant, open } = await jane({ pingInterval: 100, pongTimeout: 1_000 });
    const [first, second] = [await open(), await open()];
    for (const tab of [first, second]) await tab.connected();
    const opened = first.page.waitForEvent("dialog");
    await first.page.evaluate(() => void setTimeout(() => alert("Stop.")));
    const dialog = await opened;
    const [during, afterwards] = [logout("s1"), logout("s2")];
    await tenant.publish(during);
    await second.got(...idsOf(during));
    assert.deepEqual((await second.seen()).ended, idsOf(during));
    await dialog.accept();
    await first.got(...idsOf(during));
    await waitFor(async () => (await tenant.listeners()).count === 1);
    await tenant.publish(afterwards);
    for (const tab of [first, second]) await tab.got(...idsOf(during, afterwards));
  });

  test("each have a socket where the platform has no locks", async () => {
    const { tenant, open } = await jane({ without: "locks" });
    const tabs = [await open(), await open()];
    for (const tab of tabs) await tab.connected();
    assert.equal((await tenant.listeners()).count, 2);
    const record = logout("s2");
    await tenant.publish(record);
    for (const tab of tabs) await tab.got(...idsOf(record));
  });

  test("tell each other no token, and heed no message that is none of theirs", async () => {
    const { tenant, open } = await jane();
    const witness = await open({ session: undefined });
    await witness.page.evaluate((room) => {
      window.heard = [];
      window.channel = new BroadcastChannel(room);
      channel.onmessage = ({ data }) => heard.push(data);
    }, `session-events ${worker.url} ${tenant.slug} ${JANE}`);
    const [first, second] = [await open(), await open()];
    await first.connected();
    await second.connected();
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
    for (const tab of [first, second]) await tab.got(...idsOf(record));
    assert.deepEqual((await second.seen()).states, ["disconnected", "connecting", "connected"]);
    const heard = await witness.page.evaluate(() => JSON.stringify(heard));
    assert.match(heard, /"kind":"event"/);
    assert.doesNotMatch(heard, /eyJ|token/i);
  });

  test("try in turn when one was told to stay away", async () => {
    const { tenant, open, grant } = await jane();
    grant(JANE, { scope: "openid" });
    const first = await open();
    await waitFor(async () => (await first.seen()).states.at(-1) === "disconnected");
    assert.notDeepEqual((await first.seen()).errors, []);
    grant(JANE, {});
    const second = await open();
    await second.connected();
    await first.connected();
    assert.equal((await tenant.listeners()).count, 1);
  });
});

describe("different users", () => {
  test("do not share, not even in one browser", async () => {
    const { tenant, session, open } = await jane();
    const janes = await open();
    const joes = await open({ session: { ...session, sub: "auth0|joe" } });
    await janes.connected();
    await joes.connected();
    const { connections } = await tenant.listeners();
    assert.deepEqual(connections.map(({ sub }) => sub).sort(), [JANE, "auth0|joe"]);
    const records = [logout("s1"), logout("s1", { user_id: "auth0|joe" })];
    await tenant.publish(...records);
    await janes.got(...idsOf(records[0]));
    await joes.got(...idsOf(records[1]));
  });
});

describe("the end of a session", () => {
  test("is told once in each tab, for the present session alone", async () => {
    const { tenant, open } = await jane();
    const tabs = [await open(), await open()];
    for (const tab of tabs) await tab.connected();
    const [other, own, again] = [logout("s2"), logout("s1"), scp({ user_id: JANE, date: date() })];
    await tenant.publish(other, own, again);
    for (const tab of tabs) {
      await tab.got(...idsOf(other, own, again));
      assert.deepEqual((await tab.seen()).ended, idsOf(own));
    }
  });

  test("is told of any session when the ID token does not tell which it is", async () => {
    const { tenant, open } = await jane({ sid: null });
    const tab = await open();
    await tab.connected();
    const record = logout("s2");
    await tenant.publish(record);
    await tab.got(...idsOf(record));
    assert.deepEqual((await tab.seen()).ended, idsOf(record));
  });

  test("is told of one that ended while no tab was open, and not of earlier ones", async () => {
    const { tenant, open } = await jane();
    const [old, missed] = [logout("s0", { date: date(3600) }), logout("s1", { date: date(30) })];
    await tenant.publish(old, missed);
    const tab = await open();
    await tab.got(...idsOf(missed));
    const { ended, gaps } = await tab.seen();
    assert.deepEqual([ended, gaps], [idsOf(missed), 0]);
  });

  test("is told to one whose tokens have been refreshed since", async () => {
    const { tenant, session, open } = await jane();
    const own = logout("s1", { date: date(30) });
    await tenant.publish(own);
    const tab = await open({ session: { ...session, iat: now() } });
    await tab.got(...idsOf(own));
    assert.deepEqual((await tab.seen()).ended, idsOf(own));
  });

  test("is told of all of the user's sessions to one that has been refreshed since", async () => {
    const { tenant, session, open } = await jane();
    const tab = await open();
    await tab.connected();
    await tab.change({ session: { ...session, iat: now() } });
    const [all, other] = [scp({ user_id: JANE, date: date(30) }), logout("s2")];
    await tenant.publish(all, other);
    await tab.got(...idsOf(all, other));
    assert.deepEqual((await tab.seen()).ended, idsOf(all));
  });

  test("is told again of the next session of the same user", async () => {
    const { tenant, session, open } = await jane();
    const tab = await open();
    await tab.connected();
    const [first, second] = [logout("s1"), logout("s9")];
    await tenant.publish(first);
    await tab.got(...idsOf(first));
    await tab.change({ session: { ...session, sid: "s9" } });
    await tenant.publish(second);
    await tab.got(...idsOf(first, second));
    assert.deepEqual((await tab.seen()).ended, idsOf(first, second));
  });
});

describe("the provider", () => {
  test("opens one socket, with one token, where React runs effects twice", async () => {
    for (const without of [undefined, "locks"]) {
      const { tenant, open, sockets } = await jane({ strict: true, without });
      const tab = await open();
      await tab.connected();
      const record = logout("s1");
      await tenant.publish(record);
      await tab.got(...idsOf(record));
      const { tokens, ended } = await tab.seen();
      assert.deepEqual([sockets(), tokens, ended], [1, 1, idsOf(record)], `without ${without}`);
    }
  });

  test("keeps its socket when it is rendered with other functions, and calls the newest", async () => {
    const { tenant, open, sockets } = await jane();
    const tab = await open();
    await tab.connected();
    for (const generation of ["-a", "-b"]) await tab.change({ generation });
    const record = logout("s1");
    await tenant.publish(record);
    await tab.got(...idsOf(record));
    assert.deepEqual((await tab.seen()).ended, [`${idsOf(record)}-b`]);
    assert.equal(sockets(), 1);
  });

  test("connects when somebody signs in, and lets go when nobody is signed in", async () => {
    const { tenant, session, open, sockets } = await jane();
    const tab = await open({ session: null });
    assert.equal(sockets(), 0);
    await tab.change({ session });
    await tab.connected();
    await tab.change({ session: undefined });
    await waitFor(async () => (await tenant.listeners()).count === 0);
    assert.deepEqual((await tab.seen()).states, [
      "disconnected",
      "connecting",
      "connected",
      "disconnected",
    ]);
  });
});
