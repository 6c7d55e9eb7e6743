// Sharing a socket between tabs, with Node's locks and channels instead of a browser's. For tests
// with real tabs see browser/react.test.mjs.
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

async function startTenant() {
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
    const tab = { connection, events: [], gaps: 0, errors: [], signedOut: [] };
    connection.on("event", ({ id }) => tab.events.push(id));
    connection.on("gap", () => (tab.gaps += 1));
    connection.on("error", (error) => tab.errors.push(error));
    connection.on("signedOut", (signedOut) => tab.signedOut.push(signedOut));
    connection.connect();
    after(() => connection.close());
    tab.waitUntilConnected = () => waitFor(() => connection.state === "connected");
    tab.assertEvents = async (...records) => {
      const ids = records.map((record) => eventOf(record).id);
      await waitFor(
        () => tab.events.length >= ids.length,
        () => `waited for ${ids.length} events, and got ${tab.events.length}`,
      );
      assert.deepEqual(tab.events, ids);
    };
    return tab;
  }
  const groupName = `session-events ${proxy.url} ${tenant.slug} ${USER}`;
  return { tenant, proxy, groupName, open };
}

/** Short timeouts for an unresponsive leader. */
const SHORT_TIMEOUTS = { pingInterval: 50, pongTimeout: 500 };

/** Delays that do not end before a test has checked that there is a delay. */
const LONG_DELAYS = { minReconnectDelay: 1_000, maxReconnectDelay: 4_000 };

function throwRefusal() {
  throw new DOMException("The user blocks cookies.", "SecurityError");
}

/** Replaces the handling of lock requests for a tenant. */
function mockLocks({ slug }, handle) {
  const { request } = navigator.locks;
  mock.method(navigator.locks, "request", function (name, ...rest) {
    return name.includes(` ${slug} `) ? handle(...rest) : request.call(this, name, ...rest);
  });
}

/** Asserts that no tab holds the lock or waits for it. Locks are granted in the order of the requests. */
async function assertLockIsFree(groupName) {
  let isFree = false;
  void navigator.locks.request(groupName, () => (isFree = true));
  await waitFor(
    () => isFree,
    () => "the lock is still held",
  );
}

/** Asserts that no tab holds the lock or waits for it, without a request for the lock. */
async function assertNoLockRequest(groupName) {
  const { held, pending } = await navigator.locks.query();
  for (const { name } of [...held, ...pending]) assert.notEqual(name, groupName);
}

describe("tabs that share a socket", { concurrency: true }, () => {
  test("all report an outage and receive the events of the outage", async () => {
    const { tenant, proxy, open } = await startTenant();
    const tabs = [open(), open()];
    for (const tab of tabs) await tab.waitUntilConnected();
    const [before, missed] = [scp(), scp()];
    await tenant.publish(before);
    for (const tab of tabs) await tab.assertEvents(before);
    proxy.disconnect();
    for (const { connection } of tabs) await waitFor(() => connection.state === "connecting");
    await tenant.publish(missed);
    proxy.restore();
    for (const tab of tabs) {
      await tab.assertEvents(before, missed);
      await tab.waitUntilConnected();
      assert.equal(tab.gaps, 0);
    }
  });

  test("all report a gap when events may be lost", async () => {
    const { tenant, proxy, open } = await startTenant();
    const tabs = [open(), open()];
    for (const tab of tabs) await tab.waitUntilConnected();
    const first = scp();
    await tenant.publish(first);
    for (const tab of tabs) await tab.assertEvents(first);
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

  test("report a gap also after another tab has taken over", async () => {
    const { tenant, proxy, open } = await startTenant();
    const [first, second] = [open(), open()];
    for (const tab of [first, second]) await tab.waitUntilConnected();
    const known = scp();
    await tenant.publish(known);
    await second.assertEvents(known);
    proxy.disconnect();
    first.connection.close();
    await tenant.publish(...Array.from({ length: 101 }, () => scp({ user_id: "auth0|joe" })));
    proxy.restore();
    await second.waitUntilConnected();
    await waitFor(() => second.gaps === 1);
    await second.assertEvents(known);
  });

  test("report no gap at the start", async () => {
    const { tenant, open } = await startTenant();
    const kept = scp();
    await tenant.publish(kept, ...Array.from({ length: 99 }, () => scp({ user_id: "auth0|joe" })));
    const tabs = [open(), open()];
    for (const tab of tabs) await tab.assertEvents(kept);
    const later = scp();
    await tenant.publish(later);
    for (const tab of tabs) {
      await tab.assertEvents(kept, later);
      assert.equal(tab.gaps, 0);
    }
  });

  test("send the last 100 events to a tab that joins later", async () => {
    const { tenant, open } = await startTenant();
    const first = open();
    await first.waitUntilConnected();
    const records = Array.from({ length: 103 }, () => scp());
    await tenant.publish(...records);
    await first.assertEvents(...records);
    const second = open();
    await second.assertEvents(...records.slice(3));
    assert.deepEqual([first.gaps, second.gaps], [0, 0]);
  });

  test("follow the leader, which ignores messages of other tabs", async () => {
    const { groupName, open } = await startTenant();
    const tab = open();
    await tab.waitUntilConnected();
    const channel = new BroadcastChannel(groupName);
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

  test("report a token of another user", async () => {
    const { tenant, open } = await startTenant();
    const getToken = () => tenant.token({ sub: "auth0|joe", scope: "listen:events:self" });
    const tab = open({ getToken });
    await tab.waitUntilConnected();
    assert.deepEqual(
      tab.errors.map(({ code }) => code),
      ["wrong_user"],
    );
  });

  test("do not deliver the events of another user whose token they have", async () => {
    const { tenant, open } = await startTenant();
    const lines = [];
    const tab = open({
      getToken: () => tenant.token({ sub: "auth0|joe", scope: "listen:events:self" }),
      debug: (line) => lines.push(line),
    });
    await tab.waitUntilConnected();
    await tenant.publish(scp({ user_id: "auth0|joe" }));
    await waitFor(() => lines.some((line) => /^event .*auth0\|joe/.test(line)));
    assert.deepEqual(tab.events, []);
  });

  test("report a renewed token of another user", async () => {
    const { tenant, open } = await startTenant();
    const scope = "listen:events:self";
    const getToken = ({ fresh }) =>
      fresh ? tenant.token({ scope, sub: "auth0|joe" }) : tenant.token({ scope, exp: now() + 12 });
    const tab = open({ getToken, renewBefore: 11_000 });
    await tab.waitUntilConnected();
    assert.deepEqual(tab.errors, []);
    await waitFor(() => tab.errors.length > 0);
    assert.equal(tab.errors[0].code, "wrong_user");
  });

  test("replace a leader that does not respond", async () => {
    const { tenant, groupName, open } = await startTenant();
    void navigator.locks.request(groupName, () => new Promise(() => {})).catch(() => {});
    const tabs = [open(SHORT_TIMEOUTS), open(SHORT_TIMEOUTS)];
    for (const tab of tabs) await tab.waitUntilConnected();
    const record = scp();
    await tenant.publish(record);
    for (const tab of tabs) await tab.assertEvents(record);
    await waitFor(async () => (await tenant.listeners()).count === 1);
  });

  test("ping a silent leader and keep it if it responds", async () => {
    const { tenant, groupName, open } = await startTenant();
    const socket = async () =>
      (await tenant.listeners()).connections.map((one) => one.connected_on);
    await open().waitUntilConnected();
    const before = await socket();
    const channel = new BroadcastChannel(groupName);
    let hellos = 0;
    channel.onmessage = ({ data }) => (hellos += data.kind === "hello");
    const second = open({ pingInterval: 50 });
    await waitFor(() => hellos > 3);
    channel.close();
    assert.deepEqual(await socket(), before);
    assert.equal(second.connection.state, "connected");
  });

  test("request the lock again when the server accepts another tab", async () => {
    const { tenant, open } = await startTenant();
    let scope = "openid";
    const getToken = () => tenant.token({ scope });
    const refused = open({ getToken });
    await waitFor(() => refused.connection.state === "disconnected");
    const other = open();
    await refused.waitUntilConnected();
    scope = "listen:events:self";
    other.connection.close();
    const record = scp();
    await tenant.publish(record);
    await refused.assertEvents(record);
  });

  test("connect again after connect() if the server refused their tokens", async () => {
    const { tenant, open } = await startTenant();
    let scope = "openid";
    const tab = open({ getToken: () => tenant.token({ scope }) });
    await waitFor(() => tab.connection.state === "disconnected");
    scope = "listen:events:self";
    tab.connection.connect();
    await tab.waitUntilConnected();
    const record = scp();
    await tenant.publish(record);
    await tab.assertEvents(record);
    assert.equal((await tenant.listeners()).count, 1);
  });

  for (const [name, reconnect] of [
    ["connect() follows", (connection) => connection.connect()],
    [
      "close() and connect() follow",
      (connection) => {
        connection.close();
        connection.connect();
      },
    ],
  ])
    test(`wait before they connect again if ${name} each refusal of their tokens`, async () => {
      const { tenant, groupName, open } = await startTenant();
      const { connection } = open({
        getToken: () => tenant.token({ scope: "openid" }),
        ...LONG_DELAYS,
      });
      let stops = 0;
      connection.on("state", (state) => {
        if (state !== "disconnected") return;
        stops += 1;
        reconnect(connection);
      });
      await waitFor(() => stops === 2);
      assert.equal(connection.state, "connecting");
      await assertNoLockRequest(groupName);
    });

  test("open no socket if a listener closes them while they connect", async () => {
    const { groupName, open } = await startTenant();
    const getToken = mock.fn();
    const { connection } = open({ getToken });
    connection.close();
    connection.on("state", (state) => state === "connecting" && connection.close());
    connection.connect();
    await assertLockIsFree(groupName);
    assert.equal(getToken.mock.callCount(), 0);
    assert.equal(connection.state, "disconnected");
  });

  test("miss no event if the leader leaves before it has sent its recent events", async () => {
    const { tenant, groupName, open } = await startTenant();
    const leaderLeft = Promise.withResolvers();
    void navigator.locks.request(groupName, () => leaderLeft.promise);
    const channel = new BroadcastChannel(groupName);
    const hello = once(channel, "message");
    const [missed, live] = [scp(), scp()];
    await tenant.publish(missed, live);
    const tab = open();
    await hello;
    channel.postMessage({ kind: "event", event: eventOf(live) });
    channel.postMessage({ kind: "gap" });
    await waitFor(() => tab.gaps === 1);
    channel.close();
    leaderLeft.resolve();
    await tab.assertEvents(missed, live);
  });

  test("each have a socket if locks are not allowed", async () => {
    const { tenant, open } = await startTenant();
    const refusal = new DOMException("The request was denied.", "SecurityError");
    mockLocks(tenant, () => Promise.reject(refusal));
    const tabs = [open(), open()];
    for (const tab of tabs) await tab.waitUntilConnected();
    assert.equal((await tenant.listeners()).count, 2);
    const record = scp();
    await tenant.publish(record);
    for (const tab of tabs) await tab.assertEvents(record);
  });

  for (const [name, refuse] of [
    ["locks are refused with an exception", ({ slug }) => mockLocks({ slug }, throwRefusal)],
    [
      "the access to locks throws",
      (_, t) => t.mock.getter(Navigator.prototype, "locks", throwRefusal),
    ],
    [
      "channels are refused with an exception",
      (_, t) =>
        t.mock.method(globalThis, "BroadcastChannel", function BroadcastChannel() {
          throwRefusal();
        }),
    ],
  ]) {
    test(`each have a socket if ${name}`, async (t) => {
      const { tenant, open } = await startTenant();
      refuse(tenant, t);
      // The tabs use the platform in connect(), so the other tests do not see the replacement.
      const tabs = [open(), open()];
      t.mock.restoreAll();
      for (const tab of tabs) await tab.waitUntilConnected();
      assert.equal((await tenant.listeners()).count, 2);
      const record = scp();
      await tenant.publish(record);
      for (const tab of tabs) await tab.assertEvents(record);
    });
  }

  test("open no socket if they are closed at once", async () => {
    const { groupName, open } = await startTenant();
    const getToken = mock.fn();
    const { connection } = open({ getToken });
    connection.close();
    connection.connect();
    connection.close();
    await assertLockIsFree(groupName);
    assert.equal(getToken.mock.callCount(), 0);
    assert.equal(connection.state, "disconnected");
  });

  test("open no socket if the lock is granted after close()", async () => {
    const { tenant, open } = await startTenant();
    const granted = Promise.withResolvers();
    let isFree = false;
    mockLocks(tenant, async (_options, lead) => {
      await granted.promise;
      await lead();
      isFree = true;
    });
    const getToken = mock.fn();
    open({ getToken }).connection.close();
    granted.resolve();
    await waitFor(
      () => isFree,
      () => "the lock is still held",
    );
    assert.equal(getToken.mock.callCount(), 0);
  });

  test("reject invalid options in the constructor", () => {
    const options = { url: worker.url, tenant: "acme", user: USER, getToken: () => "" };
    const missing = { user: undefined };
    for (const bad of [
      { url: "nowhere" },
      { tenant: "" },
      { getToken: undefined },
      missing,
      { user: "" },
    ])
      assert.throws(() => new SharedSessionEvents({ ...options, ...bad }), TypeError);
  });
});

describe("a leading tab that does not work", { concurrency: true }, () => {
  for (const [name, leaderOptions] of [
    ["has no token", { getToken: () => Promise.reject(new Error("no token")) }],
    ["receives no token in time", { getToken: () => new Promise(() => {}), connectTimeout: 50 }],
    ["has only rejected tokens", { getToken: () => `rejected.${Math.random()}` }],
    [
      "may not open sockets",
      {
        WebSocket: class {
          constructor() {
            throwRefusal();
          }
        },
      },
    ],
  ]) {
    test(`hands over to another tab if it ${name}`, async () => {
      const { tenant, open } = await startTenant();
      const tabs = [open(leaderOptions), open()];
      for (const tab of tabs) await tab.waitUntilConnected();
      const record = scp();
      await tenant.publish(record);
      for (const tab of tabs) await tab.assertEvents(record);
      assert.equal((await tenant.listeners()).count, 1);
    });
  }

  test("hands over if its token is that of another user, and the others do not count as connected", async () => {
    const { tenant, open } = await startTenant();
    const ofJoe = {
      getToken: () => tenant.token({ sub: "auth0|joe", scope: "listen:events:self" }),
    };
    const tabs = [open(ofJoe), open(ofJoe)];
    await waitFor(() =>
      tabs.every(({ errors }) => errors.some(({ code }) => code === "wrong_user")),
    );
    const third = open();
    await third.waitUntilConnected();
    for (const tab of tabs) await tab.waitUntilConnected();
    const record = scp();
    await tenant.publish(record);
    for (const tab of [...tabs, third]) await tab.assertEvents(record);
  });

  test("hands over if it cannot reach the server for as long as the others wait for an unresponsive leader", async () => {
    const { open } = await startTenant();
    const unreachable = class extends WebSocket {
      constructor(_url, ...rest) {
        super("ws://127.0.0.1:1/", ...rest);
      }
    };
    const tabs = [open({ WebSocket: unreachable, ...SHORT_TIMEOUTS }), open(SHORT_TIMEOUTS)];
    for (const tab of tabs) await tab.waitUntilConnected();
  });

  test("keeps trying if there is no other tab", async () => {
    const { tenant, open } = await startTenant();
    let attempts = 0;
    const getToken = () => {
      if ((attempts += 1) < 5) throw new Error("no token");
      return tenant.token({ scope: "listen:events:self" });
    };
    await open({ getToken }).waitUntilConnected();
    assert.equal(attempts, 5);
  });

  test("leads again when it has a token and the other tab has left", async () => {
    const { tenant, open } = await startTenant();
    let hasToken = false;
    const first = open({
      getToken() {
        if (!hasToken) throw new Error("no token");
        return tenant.token({ scope: "listen:events:self" });
      },
    });
    const second = open();
    await first.waitUntilConnected();
    hasToken = true;
    second.connection.close();
    const record = scp();
    await tenant.publish(record);
    await first.assertEvents(record);
  });
});

describe("tabs whose user is no longer signed in", { concurrency: true }, () => {
  const signedOut = () => Promise.reject({ error: "invalid_grant" });

  test("all stop with signedOut, each by its own login library", async () => {
    const { tenant, open } = await startTenant();
    let isSignedIn = true;
    const getToken = () =>
      isSignedIn ? tenant.token({ scope: "listen:events:self" }) : signedOut();
    const tabs = [open({ getToken }), open({ getToken }), open({ getToken })];
    for (const tab of tabs) await tab.waitUntilConnected();
    isSignedIn = false;
    tabs[0].connection.close();
    for (const tab of tabs.slice(1)) await waitFor(() => tab.signedOut.length > 0);
    for (const tab of tabs.slice(1)) {
      assert.equal(tab.connection.state, "disconnected");
      assert.deepEqual(
        tab.signedOut.map(({ reason, error }) => [reason, error.code]),
        [["invalid_grant", "signed_out"]],
      );
    }
  });

  test("leave the others, which stay if their own login library returns a fresh token", async () => {
    const { tenant, open } = await startTenant();
    const requests = [];
    const first = open({ getToken: signedOut });
    const second = open({
      getToken({ fresh }) {
        requests.push(fresh);
        return tenant.token({ scope: "listen:events:self" });
      },
    });
    await second.waitUntilConnected();
    await waitFor(() => requests.includes(true));
    assert.equal(first.connection.state, "disconnected");
    assert.equal(first.signedOut.length, 1);
    const record = scp();
    await tenant.publish(record);
    await second.assertEvents(record);
    assert.deepEqual([first.events, second.signedOut], [[], []]);
  });

  test("all stop when the issuer refuses to renew a token, although they have cached tokens", async () => {
    const { tenant, open } = await startTenant();
    const token = (exp) => tenant.token({ scope: "listen:events:self", exp });
    const getToken = ({ fresh }) => (fresh ? signedOut() : token(now() + 600));
    const expiring = ({ fresh }) => (fresh ? signedOut() : token(now() + 12));
    const first = open({ getToken: expiring, renewBefore: 11_000 });
    await first.waitUntilConnected();
    const tabs = [first, open({ getToken }), open({ getToken })];
    for (const tab of tabs) await waitFor(() => tab.signedOut.length > 0);
    for (const { connection, signedOut } of tabs) {
      assert.equal(connection.state, "disconnected");
      assert.equal(signedOut.length, 1);
    }
  });

  test("connect again after connect()", async () => {
    const { tenant, open } = await startTenant();
    let isSignedIn = false;
    const tab = open({
      getToken: () => (isSignedIn ? tenant.token({ scope: "listen:events:self" }) : signedOut()),
    });
    await waitFor(() => tab.signedOut.length > 0);
    isSignedIn = true;
    tab.connection.connect();
    await tab.waitUntilConnected();
  });

  test("wait before they connect again if connect() follows each signedOut", async () => {
    const { groupName, open } = await startTenant();
    const tab = open({ getToken: signedOut, ...LONG_DELAYS });
    tab.connection.on("signedOut", () => tab.connection.connect());
    await waitFor(() => tab.signedOut.length === 2);
    assert.equal(tab.connection.state, "connecting");
    await assertNoLockRequest(groupName);
  });

  test("report `disconnected` once, and connect again if its listener calls connect()", async () => {
    const { tenant, open } = await startTenant();
    let isSignedIn = false;
    const tab = open({
      getToken: () => (isSignedIn ? tenant.token({ scope: "listen:events:self" }) : signedOut()),
    });
    const states = [];
    tab.connection.on("state", (state) => {
      states.push(state);
      if (state !== "disconnected") return;
      isSignedIn = true;
      tab.connection.connect();
    });
    await tab.waitUntilConnected();
    assert.deepEqual(states, ["disconnected", "connecting", "connected"]);
    assert.equal(tab.signedOut.length, 1);
  });
});

test("a tab joins again after pagehide even if the platform never restores the page", async (t) => {
  const { open } = await startTenant();
  globalThis.window = new EventTarget();
  t.after(() => delete globalThis.window);
  const tab = open();
  await tab.waitUntilConnected();
  let rejoined = false;
  tab.connection.on("state", (state) => (rejoined ||= state === "connecting"));
  window.dispatchEvent(new Event("pagehide"));
  await waitFor(() => rejoined);
  await tab.waitUntilConnected();
});

test("a tab connects if the platform has a window without events, like React Native", async (t) => {
  const { open } = await startTenant();
  globalThis.window = {};
  t.after(() => delete globalThis.window);
  await open().waitUntilConnected();
});
