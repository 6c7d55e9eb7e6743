// Conveniences for listeners: filters, signals, `once`, `off`, `for await`, `using` and `debug`.
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { describe, test } from "node:test";

import { SessionEvents } from "session-events";

import { authenticated, event, startScriptedServer } from "../../tests/support/scripted_server.mjs";
import { waitFor } from "../../tests/support/wait_for.mjs";
import { startClient } from "./support/recorded_client.mjs";

const of = (id, changes) => ({ ...event(id), ...changes });
const TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJqYW5lIn0.c2ln";

/** Connects a client that receives these events. */
async function start(events, options) {
  const server = await startScriptedServer(({ send }) => {
    send(authenticated());
    for (const event of events) send(event);
  });
  const started = startClient({
    url: server.url,
    tenant: "acme",
    getToken: () => TOKEN,
    ...options,
  });
  return { ...started, server };
}

/** Returns a client that is connecting until it is closed. */
const idleClient = () =>
  new SessionEvents({
    url: "http://localhost",
    tenant: "acme",
    getToken: () => new Promise(() => {}),
  });

/** Collects the ids of an iterator until it ends. */
async function collect(events) {
  const ids = [];
  for await (const { id } of events) ids.push(id);
  return ids;
}

describe("a listener", { concurrency: true }, () => {
  test("receives only events that pass its filter", async () => {
    const { client, waitForEvent } = await start([
      of("1"),
      of("2", { type: "user_blocked" }),
      of("3", { user_id: "auth0|joe" }),
      of("4", { type: "user_deleted", user_id: "auth0|joe" }),
    ]);
    const received = {};
    for (const [name, filter] of Object.entries({
      all: undefined,
      none: {},
      type: { type: "logout" },
      types: { type: ["user_blocked", "user_deleted"] },
      user: { user: "auth0|joe" },
      users: { user: ["auth0|jane", "auth0|joe"] },
      both: { type: "logout", user: "auth0|joe" },
    })) {
      received[name] = [];
      client.on("event", ({ id }) => received[name].push(id), filter);
    }
    await waitForEvent("caughtUp");
    assert.deepEqual(received, {
      all: ["1", "2", "3", "4"],
      none: ["1", "2", "3", "4"],
      type: ["1", "3"],
      types: ["2", "4"],
      user: ["3", "4"],
      users: ["1", "2", "3", "4"],
      both: ["3"],
    });
  });

  test("registered with once is called for the first event that passes the filter", async () => {
    const { client, waitForEvent } = await start([
      of("1"),
      of("2", { type: "user_blocked" }),
      of("3", { type: "user_blocked" }),
    ]);
    const ids = [];
    client.once("event", ({ id }) => ids.push(id), { type: "user_blocked" });
    await waitForEvent("caughtUp");
    assert.deepEqual(ids, ["2"]);
  });

  test("is removed by off, by the signal and by another listener", () => {
    const client = idleClient();
    const calls = [];
    const listener = () => calls.push("off");
    client.on("connecting", listener);
    client.on("connecting", listener);
    client.off("connecting", listener);
    client.off("disconnected", listener);
    const controller = new AbortController();
    const { signal } = controller;
    client.on("connecting", () => calls.push("signal"), { signal });
    client.on("connecting", () => calls.push("aborted"), { signal: AbortSignal.abort() });
    client.on("connecting", () => stop());
    const stop = client.on("connecting", () => calls.push("removed by an earlier listener"));
    client.connect();
    assert.deepEqual(calls, ["off", "signal"]);
    controller.abort();
    client.off("connecting", listener);
    client.close();
    client.connect();
    client.close();
    assert.deepEqual(calls, ["off", "signal"]);
  });
});

describe("for await", { concurrency: true }, () => {
  test("delivers each event and ends after close()", async () => {
    const { client } = await start([of("1"), of("2"), of("3")]);
    const ids = [];
    for await (const { id } of client) {
      ids.push(id);
      if (id === "2") client.close();
    }
    assert.deepEqual(ids.slice(0, 2), ["1", "2"]);
    assert.equal(client.state, "disconnected");
  });

  test("delivers the events that arrive before the first step and pass the filter", async () => {
    const { client, waitForEvent } = await start([of("1"), of("2", { type: "user_blocked" })]);
    const events = client.events({ type: "user_blocked" });
    await waitForEvent("caughtUp");
    client.close();
    assert.deepEqual(await collect(events), ["2"]);
  });

  test("removes its listeners after break", async () => {
    const { client, waitForEvent } = await start([of("1"), of("2")]);
    const events = client.events({ limit: 1 });
    for await (const { id } of events) {
      assert.equal(id, "1");
      break;
    }
    await waitForEvent("caughtUp");
    assert.deepEqual(await collect(events), []);
  });

  test("ends at once when the iterator is returned, and removes its listeners", async () => {
    const client = idleClient();
    const reading = client.events();
    const step = reading.next();
    assert.deepEqual(await reading.return(), { done: true, value: undefined });
    assert.deepEqual(await step, { done: true, value: undefined });
  });

  test("keeps no listener of an iterator that is returned before its first step", async () => {
    const { signal } = new AbortController();
    const events = idleClient().events({ signal });
    await events.return();
    assert.equal(getEventListeners(signal, "abort").length, 0);
  });

  test("throws too_slow when more events wait than the limit", async () => {
    const { client, waitForEvent } = await start([of("1"), of("2"), of("3")]);
    const events = client.events({ limit: 2 });
    await waitForEvent("caughtUp");
    const ids = [];
    await assert.rejects(
      async () => {
        for await (const { id } of events) ids.push(id);
      },
      { code: "too_slow" },
    );
    assert.deepEqual(ids, ["1", "2"]);
  });

  test("throws the error with which the client stopped", async () => {
    const { client } = await start([], {
      getToken: () => Promise.reject({ error: "login_required" }),
    });
    await assert.rejects(collect(client), { code: "signed_out" });
  });

  test("throws the reason of its signal", async () => {
    const reason = new Error("enough");
    const controller = new AbortController();
    const { client, waitForEvent } = await start([]);
    const ended = assert.rejects(collect(client.events({ signal: controller.signal })), reason);
    await waitForEvent("caughtUp");
    controller.abort(reason);
    await ended;
    await assert.rejects(collect(client.events({ signal: AbortSignal.abort(reason) })), reason);
  });

  test("rejects an invalid limit", () => {
    for (const limit of [0, NaN, "2"])
      assert.throws(() => idleClient().events({ limit }), /limit must be a positive number/);
  });
});

test("a client is closed at the end of its scope", () => {
  const client = idleClient();
  client.connect();
  client[Symbol.dispose]();
  assert.equal(client.state, "disconnected");
});

describe("the option debug", { concurrency: true }, () => {
  test("describes each step without a token", async () => {
    const lines = [];
    const { client, waitForEvent } = await start(
      [of("1"), { type: "error", error: "invalid_message", error_description: `Bad ${TOKEN}` }],
      { debug: (line) => lines.push(line) },
    );
    await waitForEvent("caughtUp");
    client.close();
    for (const expected of [
      /^connecting .*connect\(\) was called/,
      /^getToken is called with \{"fresh":false\}/,
      /^opening ws:.*\/acme\/api\/subscribe, with the token in the upgrade/,
      /^connected .*"filter":"\*"/,
      /^event .*"id":"1"/,
      /^error invalid_message: Bad \[token\]/,
      /^caughtUp/,
      /^disconnected .*1000/,
    ])
      assert.ok(
        lines.some((line) => expected.test(line)),
        `${expected} in\n${lines.join("\n")}`,
      );
    assert.ok(!lines.some((line) => line.includes("eyJ")));
  });

  test("true writes to console.debug", async (t) => {
    const { mock } = t.mock.method(console, "debug", () => {});
    const { waitForEvent } = await start([], { debug: true });
    await waitForEvent("caughtUp");
    await waitFor(() =>
      mock.calls.some(({ arguments: [line] }) => /^session-events: caughtUp/.test(line)),
    );
  });
});
