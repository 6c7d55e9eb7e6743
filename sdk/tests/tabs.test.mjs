// One socket for several tabs, where Node's own locks and channels stand in for the browser's: what
// a cut network does to it. Real tabs are in browser/react.test.mjs.
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, describe, mock, test } from "node:test";

import { eventOf, scp, USER } from "../../tests/support/records.mjs";
import { Tenant } from "../../tests/support/tenant.mjs";
import { now } from "../../tests/support/token.mjs";
import { waitFor } from "../../tests/support/wait_for.mjs";
import { startWorker } from "../../tests/support/worker.mjs";
import { SharedSessionEvents } from "../dist/tabs.js";
import { startFaultyProxy } from "../../tests/support/faulty_proxy.mjs";

const worker = await startWorker();

async function browser() {
  const tenant = new Tenant(worker);
  const proxy = await startFaultyProxy(worker.url);
  function open(changes) {
    const connection = new SharedSessionEvents({
      url: proxy.url,
      tenant: tenant.slug,
      user: USER,
      getToken: () => tenant.token({ scope: "listen:events:self" }),
      minReconnectDelay: 10,
      maxReconnectDelay: 50,
      ...changes,
    });
    const tab = { connection, events: [], gaps: 0, errors: [] };
    connection.on("event", ({ id }) => tab.events.push(id));
    connection.on("gap", () => (tab.gaps += 1));
    connection.on("error", (error) => tab.errors.push(error));
    connection.connect();
    after(() => connection.close());
    tab.connected = () => waitFor(() => connection.state === "connected");
    tab.got = async (...records) => {
      const ids = records.map((record) => eventOf(record).id);
      await waitFor(
        () => tab.events.length >= ids.length,
        () => `waited for ${ids.length} events, and got ${tab.events.length}`,
      );
      assert.deepEqual(tab.events, ids);
    };
    return tab;
  }
  const room = `session-events ${proxy.url} ${tenant.slug} ${USER}`;
  return { tenant, proxy, room, open };
}

/** Gives up soon on one that does not answer. */
const IMPATIENT = { pingInterval: 50, pongTimeout: 500 };

/** Requests for the locks of a tenant's rooms are answered by a function of the test's own. */
function answerLocks({ slug }, answer) {
  const { request } = navigator.locks;
  mock.method(navigator.locks, "request", function (name, ...rest) {
    return name.includes(` ${slug} `) ? answer(...rest) : request.call(this, name, ...rest);
  });
}

describe("tabs that share a socket", { concurrency: true }, () => {
  test("all see that the network is gone, and get what came meanwhile", async () => {
    const { tenant, proxy, open } = await browser();
    const tabs = [open(), open()];
    for (const tab of tabs) await tab.connected();
    const [before, meanwhile] = [scp(), scp()];
    await tenant.publish(before);
    for (const tab of tabs) await tab.got(before);
    proxy.disconnect();
    for (const { connection } of tabs) await waitFor(() => connection.state === "connecting");
    await tenant.publish(meanwhile);
    proxy.restore();
    for (const tab of tabs) {
      await tab.got(before, meanwhile);
      await tab.connected();
      assert.equal(tab.gaps, 0);
    }
  });

  test("are all told when events may have been missed", async () => {
    const { tenant, proxy, open } = await browser();
    const tabs = [open(), open()];
    for (const tab of tabs) await tab.connected();
    const first = scp();
    await tenant.publish(first);
    for (const tab of tabs) await tab.got(first);
    proxy.disconnect();
    for (const { connection } of tabs) await waitFor(() => connection.state === "connecting");
    const others = Array.from({ length: 101 }, () => scp({ user_id: "auth0|joe" }));
    await tenant.publish(...others);
    proxy.restore();
    for (const tab of tabs) await waitFor(() => tab.gaps > 0);
    assert.deepEqual(
      tabs.map(({ gaps, events }) => [gaps, events.length]),
      [
        [1, 1],
        [1, 1],
      ],
    );
  });

  test("are told the same by a tab that has taken over meanwhile", async () => {
    const { tenant, proxy, open } = await browser();
    const [first, second] = [open(), open()];
    for (const tab of [first, second]) await tab.connected();
    const known = scp();
    await tenant.publish(known);
    await second.got(known);
    proxy.disconnect();
    first.connection.close();
    await tenant.publish(...Array.from({ length: 101 }, () => scp({ user_id: "auth0|joe" })));
    proxy.restore();
    await second.connected();
    await waitFor(() => second.gaps === 1);
    await second.got(known);
  });

  test("are not told of a gap at first, when there is nothing that they could have missed", async () => {
    const { tenant, open } = await browser();
    const kept = scp();
    await tenant.publish(kept, ...Array.from({ length: 99 }, () => scp({ user_id: "auth0|joe" })));
    const tabs = [open(), open()];
    for (const tab of tabs) await tab.got(kept);
    const later = scp();
    await tenant.publish(later);
    for (const tab of tabs) {
      await tab.got(kept, later);
      assert.equal(tab.gaps, 0);
    }
  });

  test("give one that comes later the newest hundred events that they know", async () => {
    const { tenant, open } = await browser();
    const first = open();
    await first.connected();
    const records = Array.from({ length: 103 }, () => scp());
    await tenant.publish(...records);
    await first.got(...records);
    const second = open();
    await second.got(...records.slice(3));
    assert.deepEqual([first.gaps, second.gaps], [0, 0]);
  });

  test("go by the one that has the socket, and that one by nobody else", async () => {
    const { room, open } = await browser();
    const tab = open();
    await tab.connected();
    const channel = new BroadcastChannel(room);
    const heard = once(channel, "message");
    const { id, ...event } = eventOf(scp());
    channel.postMessage({ kind: "event", event: { ...event, id: "forged" } });
    channel.postMessage({ kind: "state", state: "disconnected" });
    channel.postMessage({ kind: "gap" });
    channel.postMessage({ kind: "hello" });
    const [{ data }] = await heard;
    channel.close();
    assert.deepEqual(data, { kind: "state", state: "connected", events: [] });
    assert.deepEqual([tab.connection.state, tab.events, tab.gaps], ["connected", [], 0]);
  });

  test("are told when the token is another user's, whose events are of no use", async () => {
    const { tenant, open } = await browser();
    const getToken = () => tenant.token({ sub: "auth0|joe", scope: "listen:events:self" });
    const tab = open({ getToken });
    await tab.connected();
    assert.deepEqual(
      tab.errors.map(({ code }) => code),
      ["wrong_user"],
    );
  });

  test("are told it of a token that replaces another, too", async () => {
    const { tenant, open } = await browser();
    const claims = { scope: "listen:events:self", exp: now() + 12 };
    const getToken = ({ fresh }) => tenant.token({ ...claims, sub: fresh ? "auth0|joe" : USER });
    const tab = open({ getToken, renewBefore: 11_000 });
    await tab.connected();
    assert.deepEqual(tab.errors, []);
    await waitFor(() => tab.errors.length > 0);
    assert.equal(tab.errors[0].code, "wrong_user");
  });

  test("take the place of one that has the socket and does not answer", async () => {
    const { tenant, room, open } = await browser();
    void navigator.locks.request(room, () => new Promise(() => {})).catch(() => {});
    const tabs = [open(IMPATIENT), open(IMPATIENT)];
    for (const tab of tabs) await tab.connected();
    const record = scp();
    await tenant.publish(record);
    for (const tab of tabs) await tab.got(record);
    await waitFor(async () => (await tenant.listeners()).count === 1);
  });

  test("ask one that says nothing for a sign of life, and leave it in its place", async () => {
    const { tenant, room, open } = await browser();
    const socket = async () =>
      (await tenant.listeners()).connections.map((one) => one.connected_on);
    await open().connected();
    const before = await socket();
    const channel = new BroadcastChannel(room);
    let asked = 0;
    channel.onmessage = ({ data }) => (asked += data.kind === "hello");
    const second = open({ pingInterval: 50 });
    await waitFor(() => asked > 3);
    channel.close();
    assert.deepEqual(await socket(), before);
    assert.equal(second.connection.state, "connected");
  });

  test("wait for their turn again when another is let in where they were not", async () => {
    const { tenant, open } = await browser();
    let scope = "openid";
    const getToken = () => tenant.token({ scope });
    const refused = open({ getToken });
    await waitFor(() => refused.connection.state === "disconnected");
    const other = open();
    await refused.connected();
    scope = "listen:events:self";
    other.connection.close();
    const record = scp();
    await tenant.publish(record);
    await refused.got(record);
  });

  test("miss nothing when a leader's news come before its list, and then it goes", async () => {
    const { tenant, room, open } = await browser();
    const gone = Promise.withResolvers();
    void navigator.locks.request(room, () => gone.promise);
    const channel = new BroadcastChannel(room);
    const greeted = once(channel, "message");
    const [missed, live] = [scp(), scp()];
    await tenant.publish(missed, live);
    const tab = open();
    await greeted;
    channel.postMessage({ kind: "event", event: eventOf(live) });
    channel.postMessage({ kind: "gap" });
    await waitFor(() => tab.gaps === 1);
    channel.close();
    gone.resolve();
    await tab.got(missed, live);
  });

  test("have each its own socket when locks are refused", async () => {
    const { tenant, open } = await browser();
    const refusal = new DOMException("The request was denied.", "SecurityError");
    answerLocks(tenant, () => Promise.reject(refusal));
    const tabs = [open(), open()];
    for (const tab of tabs) await tab.connected();
    assert.equal((await tenant.listeners()).count, 2);
    const record = scp();
    await tenant.publish(record);
    for (const tab of tabs) await tab.got(record);
  });

  test("open nothing when they are closed in the same breath", async () => {
    const { room, open } = await browser();
    const getToken = mock.fn();
    const { connection } = open({ getToken });
    connection.close();
    connection.connect();
    connection.close();
    // Locks are given in the order in which they were asked for.
    let isFree = false;
    void navigator.locks.request(room, () => (isFree = true));
    await waitFor(
      () => isFree,
      () => "the lock is held",
    );
    assert.equal(getToken.mock.callCount(), 0);
    assert.equal(connection.state, "disconnected");
  });

  test("open nothing when they get the lock after they were closed", async () => {
    const { tenant, open } = await browser();
    const granted = Promise.withResolvers();
    let isFree = false;
    answerLocks(tenant, async (_options, lead) => {
      await granted.promise;
      await lead();
      isFree = true;
    });
    const getToken = mock.fn();
    open({ getToken }).connection.close();
    granted.resolve();
    await waitFor(
      () => isFree,
      () => "the lock is held",
    );
    assert.equal(getToken.mock.callCount(), 0);
  });

  test("refuse options that cannot be used at once", () => {
    const options = { url: worker.url, tenant: "acme", user: USER, getToken: () => "" };
    for (const bad of [{ url: "nowhere" }, { tenant: "" }, { getToken: undefined }])
      assert.throws(() => new SharedSessionEvents({ ...options, ...bad }), TypeError);
  });
});
