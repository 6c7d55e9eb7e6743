// A client's life besides its tokens: how it notices that nobody is there any more, what it makes
// of a browser's signals, how it ends.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { describe, test } from "node:test";
import { promisify } from "node:util";

import { SessionEvents } from "session-events";
import WsWebSocket from "ws";

import { slo } from "../../tests/support/records.mjs";
import { Tenant } from "../../tests/support/tenant.mjs";
import { until } from "../../tests/support/until.mjs";
import { startWorker } from "../../tests/support/worker.mjs";
import { startCutProxy } from "../../tests/support/cut_proxy.mjs";
import { follow } from "./support/follow.mjs";
import { authenticated, event, startScriptedServer } from "../../tests/support/scripted_server.mjs";

const worker = await startWorker();
const NEVER = 1_000_000;

/** Follows a tenant of the real worker, over a network that can be cut. */
async function followTenant(options) {
  const tenant = new Tenant(worker);
  const proxy = await startCutProxy(worker.url);
  const getToken = () => tenant.token();
  const followed = follow({ url: proxy.url, tenant: tenant.slug, getToken, ...options });
  await followed.tells("caughtUp");
  return { tenant, proxy, ...followed };
}

describe("a connection whose other end is gone", { concurrency: true }, () => {
  test("is given up when a ping stays unanswered, and nothing is lost", async () => {
    const { tenant, proxy, tells, hands } = await followTenant({
      pingInterval: 50,
      pongTimeout: 2_000,
    });
    proxy.swallow();
    const record = slo();
    await tenant.publish(record);
    const { code, reason } = await tells("connecting", 2);
    assert.deepEqual({ code, reason }, { code: 1006, reason: "no answer to a ping" });
    await hands(record.log_id);
  });

  test("is one that has never answered as well", async () => {
    const server = await startScriptedServer(() => {});
    const { tells } = follow({
      url: server.url,
      tenant: "acme",
      getToken: () => "token",
      connectTimeout: 100,
    });
    assert.equal((await tells("connecting", 2)).reason, "no answer in time");
    assert.equal((await tells("connecting", 3)).reason, "no answer in time");
    await until(() => server.sockets.size <= 1);
  });

  test("is not one that is merely quiet, and answers pings", async () => {
    const { url, heard } = await startScriptedServer(({ say }) => say(authenticated()));
    const { told, client } = follow({
      url,
      tenant: "acme",
      getToken: () => "token",
      pingInterval: 20,
    });
    await until(() => heard.filter((text) => text === '{"type":"ping"}').length >= 5);
    assert.equal(client.state, "connected");
    assert.equal(told("connecting").length, 1);
  });
});

describe("a platform that opens no socket", () => {
  test("is asked again, and what it said is told", async () => {
    const refusal = new Error("mixed content");
    const { tells, told } = follow({
      url: "http://localhost",
      tenant: "acme",
      getToken: () => "token",
      WebSocket: class {
        constructor() {
          throw refusal;
        }
      },
    });
    const { code, cause } = await tells("error", 2);
    assert.equal(code, "connection_failed");
    assert.equal(cause, refusal);
    assert.equal(told("disconnected").length, 0);
  });
});

describe("messages", { concurrency: true }, () => {
  test("that no client can know are passed over, and events of new types are handed on", async () => {
    const known = { ...event("2"), type: "user_deleted", session_id: "s" };
    const { url } = await startScriptedServer(({ socket, say }) => {
      say(authenticated());
      for (const text of ["", "no JSON", "null", "[]", "7", '{"type":"news"}', '{"id":1}'])
        socket.send(text);
      socket.send(Buffer.from(JSON.stringify(event("binary"))));
      for (const part of ["type", "date", "user_id"]) say({ ...event("1"), [part]: undefined });
      say(known);
    });
    const { tells, told } = follow({ url, tenant: "acme", getToken: () => "token" });
    assert.deepEqual(await tells("event"), known);
    assert.deepEqual(told("error"), []);
  });

  test("of an older server that tell less are understood", async () => {
    const { url, heard } = await startScriptedServer(({ say }) => say({ type: "authenticated" }));
    const { tells } = follow({ url, tenant: "acme", getToken: () => "token" });
    const { sub, filter, claims, expiresAt } = await tells("connected");
    assert.deepEqual({ sub, filter, claims }, { sub: "", filter: "*", claims: {} });
    assert.ok(expiresAt > new Date("9999-01-01"));
    await tells("caughtUp");
    assert.deepEqual(heard, ['{"type":"ping"}'], "there is nothing to renew");
  });

  test("of an error are handed on as errors, typed or not", async () => {
    const { url } = await startScriptedServer(({ say }) => {
      say({ error: "server_error" });
      say({ type: "error", error: "invalid_message", error_description: "What?" });
      say(authenticated());
    });
    const { tells, told } = follow({ url, tenant: "acme", getToken: () => "token" });
    await tells("connected");
    assert.deepEqual(
      told("error").map(({ code, message }) => [code, message]),
      [
        ["server_error", "server_error"],
        ["invalid_message", "What?"],
      ],
    );
  });
});

describe("listeners of a client", { concurrency: true }, () => {
  const quiet = () =>
    new SessionEvents({
      url: "http://localhost",
      tenant: "acme",
      getToken: () => new Promise(() => {}),
    });

  test("are called until they are stopped, each as often as it was given", () => {
    const client = quiet();
    let calls = 0;
    const count = () => (calls += 1);
    const stop = client.on("connecting", count);
    client.on("connecting", count);
    client.connect();
    assert.equal(calls, 2);
    stop();
    stop();
    client.close();
    client.connect();
    client.close();
    assert.equal(calls, 3);
  });

  test("find the state changed already when they are called", () => {
    const client = quiet();
    const states = [];
    for (const name of ["connecting", "disconnected"])
      client.on(name, () => states.push([name, client.state]));
    client.connect();
    client.connect();
    client.close();
    client.close();
    assert.deepEqual(states, [
      ["connecting", "connecting"],
      ["disconnected", "disconnected"],
    ]);
  });

  test("that throw are reported, and break nothing", async () => {
    const script = `
      import { SessionEvents } from "session-events";
      const client = new SessionEvents({ url: "http://localhost", tenant: "acme", getToken: () => "" });
      process.on("uncaughtException", ({ message }) => console.log("reported", message));
      client.on("connecting", () => { throw new Error("mine"); });
      client.on("connecting", () => console.log("called", client.state));
      client.connect();
      client.close();`;
    assert.equal(await run(script), "called connecting\nreported mine\n");
  });

  test("may close the client whatever they are told of", async () => {
    const { url } = await startScriptedServer(({ socket, say }) => {
      say({ type: "error", error: "invalid_message" });
      say(authenticated());
      say(event("1"));
      say(event("2"));
      // The client pings; the answer to that is on its way before this.
      socket.on("message", () => socket.close(4403));
    });
    const opened = [];
    const Recorded = class extends WebSocket {
      constructor(...of) {
        super(...of);
        opened.push(this);
      }
    };
    const ends = [];
    for (const name of ["connecting", "error", "connected", "event", "caughtUp"]) {
      const { client, story, tells } = follow({
        url,
        tenant: "acme",
        getToken: () => "token",
        WebSocket: Recorded,
      });
      client.on(name, () => client.close());
      if (name === "connecting") client.close();
      await tells("disconnected");
      ends.push({ name, client, story, length: story.length });
    }
    await until(() => opened.every(({ readyState }) => readyState === WebSocket.CLOSED));
    assert.equal(opened.length, 4, "one was closed before it opened any");
    for (const { name, client, story, length } of ends) {
      assert.equal(story.length, length, `after a close() when told of ${name}`);
      assert.equal(client.state, "disconnected");
    }
  });
});

const run = async (script, ...flags) => {
  const args = [...flags, "--input-type=module", "--eval", script];
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    cwd: import.meta.dirname,
    timeout: 10_000,
  });
  return stdout;
};

describe("a client that was closed", { concurrency: true }, () => {
  for (const phase of ["before connect()", "connecting", "error", "connected", "caughtUp"]) {
    test(`keeps no process alive (${phase})`, async () => {
      const { url } = await startScriptedServer(({ say }) => say(authenticated()));
      const token = phase === "error" ? "" : "token";
      const script = `
        import { SessionEvents } from "session-events";
        const client = new SessionEvents({ url: "${url}", tenant: "acme", getToken: () => "${token}" });
        if ("${phase}" === "before connect()") client.close();
        else {
          client.on("${phase}", () => client.close());
          client.connect();
        }
        process.on("exit", () => console.log(client.state));`;
      assert.equal(await run(script), "disconnected\n");
    });
  }

  test("takes up where it left off when it is connected again", async () => {
    const { tenant, client, hands, tells } = await followTenant();
    const records = [slo(), slo(), slo()];
    await tenant.publish(records[0]);
    await hands(records[0].log_id);
    client.close();
    assert.deepEqual(await tells("disconnected"), { code: 1000, reason: "close() was called" });
    await tenant.publish(records[1]);
    client.connect();
    assert.equal((await tells("connected", 2)).recovered, true);
    await tenant.publish(records[2]);
    await hands(...records.map(({ log_id }) => log_id));
    await until(async () => (await tenant.listeners()).count === 1);
  });
});

// Node has neither window nor document, so these are a browser's as far as the client sees one.
describe("in a browser", () => {
  const page = () => {
    globalThis.window = new EventTarget();
    globalThis.document = Object.assign(new EventTarget(), { visibilityState: "visible" });
    const fire = (target, name, properties) =>
      target.dispatchEvent(Object.assign(new Event(name), properties));
    return {
      offline: () => fire(window, "offline"),
      online: () => fire(window, "online"),
      visibility(visibilityState) {
        document.visibilityState = visibilityState;
        fire(document, "visibilitychange");
      },
      hide: (persisted) => fire(window, "pagehide", { persisted }),
      show: (persisted) => fire(window, "pageshow", { persisted }),
    };
  };
  test.afterEach(() => {
    delete globalThis.window;
    delete globalThis.document;
  });
  const slow = { minReconnectDelay: NEVER, maxReconnectDelay: NEVER };

  test("a client lets go when the network is gone, and is back as soon as that is", async () => {
    const browser = page();
    const { tenant, client, tells, hands } = await followTenant(slow);
    browser.offline();
    assert.equal(client.state, "connecting");
    assert.equal((await tells("connecting", 2)).delay, Infinity);
    await until(async () => (await tenant.listeners()).count === 0);
    const record = slo();
    await tenant.publish(record);
    browser.visibility("visible");
    assert.equal(client.state, "connecting", "there is still no network");
    browser.online();
    await hands(record.log_id);
  });

  test("a client that waits tries at once when the page can be seen", async () => {
    const browser = page();
    const { proxy, tells, client } = await followTenant(slow);
    proxy.cut();
    assert.ok((await tells("connecting", 2)).delay >= NEVER);
    proxy.mend();
    browser.visibility("hidden");
    assert.equal(client.state, "connecting");
    browser.visibility("visible");
    await tells("caughtUp", 2);
  });

  test("a client looks whether its connection is alive when the page can be seen", async () => {
    const browser = page();
    const { proxy, tells, told } = await followTenant({ pingInterval: NEVER, pongTimeout: 2_000 });
    browser.visibility("visible");
    proxy.swallow();
    browser.visibility("visible");
    assert.equal((await tells("connecting", 2)).reason, "no answer to a ping");
    await tells("caughtUp", 2);
    assert.equal(told("connecting").length, 2);
  });

  test("a client lets go of its socket with a page that the browser keeps, and comes back with it", async () => {
    const browser = page();
    const { tenant, tells, client } = await followTenant(slow);
    browser.hide(false);
    assert.equal(client.state, "connected");
    browser.hide(true);
    await until(async () => (await tenant.listeners()).count === 0);
    browser.show(false);
    assert.equal(client.state, "connecting");
    browser.show(true);
    await tells("caughtUp", 2);
  });

  test("a client that was closed takes no notice of the page any more", async () => {
    const browser = page();
    const { client, story } = await followTenant();
    client.close();
    const end = story.length;
    browser.offline();
    browser.online();
    browser.visibility("visible");
    browser.hide(true);
    browser.show(true);
    assert.equal(story.length, end);
    assert.equal(client.state, "disconnected");
  });
});

describe("options", { concurrency: true }, () => {
  const good = { url: "https://events.example.com", tenant: "acme@us", getToken: () => "token" };

  for (const [name, values, mend] of [
    ["url", [undefined, "", "events.example.com", 7], /url must be that of the worker/],
    ["url", ["ftp://example.com", "file:///x"], /must begin with https/],
    ["url", ["http://example.com", "ws://10.0.0.1", "http://localhost.example.com"], /https:\/\//],
    ["url", ["https://example.com/?a", "https://example.com/#a"], /without a query/],
    [
      "tenant",
      [undefined, "", "ac", "Acme", "acme@xx", "acme.us", "a/b", "acme@us/x", 7],
      /acme@us/,
    ],
    ["getToken", [undefined, "token", {}], /must be a function/],
    ["lastEventId", [7, null, {}], /id of an event/],
    ["minReconnectDelay", [0, -1, NaN, "500", 20_001, 2 ** 31], /minReconnectDelay must/],
    ["maxReconnectDelay", [0, 499, Infinity], /must/],
    ["renewBefore", [0, null], /renewBefore must be a positive number of milliseconds/],
    ["pingInterval", [0], /pingInterval must/],
    ["pongTimeout", [-5], /pongTimeout must/],
    ["connectTimeout", [2 ** 31], /connectTimeout must/],
    ["WebSocket", ["ws", {}], /no WebSocket/],
  ]) {
    for (const value of values) {
      test(`a ${name} of ${JSON.stringify(value) ?? value} is refused with the mend`, () => {
        assert.throws(
          () => new SessionEvents({ ...good, [name]: value }),
          (error) => {
            assert.ok(error instanceof TypeError);
            assert.match(error.message, mend);
            return true;
          },
        );
      });
    }
  }

  test("may name the worker in any way that is safe", async () => {
    const asked = [];
    const Recorder = class extends EventTarget {
      constructor(url) {
        super();
        asked.push(String(url));
      }
      close() {}
    };
    for (const url of [
      "https://events.example.com",
      new URL("wss://events.example.com/"),
      "https://example.com/path/",
      "http://localhost:8787",
      "ws://127.0.0.1:8787/",
      "http://[::1]/",
    ]) {
      const client = new SessionEvents({ ...good, url, WebSocket: Recorder });
      client.connect();
      const before = asked.length;
      await until(() => asked.length > before);
      client.close();
    }
    assert.deepEqual(asked, [
      "wss://events.example.com/acme@us/api/subscribe",
      "wss://events.example.com/acme@us/api/subscribe",
      "wss://example.com/path/acme@us/api/subscribe",
      "ws://localhost:8787/acme@us/api/subscribe",
      "ws://127.0.0.1:8787/acme@us/api/subscribe",
      "ws://[::1]/acme@us/api/subscribe",
    ]);
  });

  test("may bring the WebSocket of another package, which is all that a Node without one takes", async () => {
    const complaint = await run(
      `import { SessionEvents } from "session-events";
       try { new SessionEvents({ url: "http://localhost", tenant: "acme", getToken() {} }); }
       catch (error) { console.log(error.name, error.message); }`,
      "--no-experimental-websocket",
    );
    assert.match(complaint, /^TypeError this platform has no WebSocket: use Node 22 .*package ws/);

    const tenant = new Tenant(worker);
    const { tells, hands, client } = follow({
      url: worker.url,
      tenant: tenant.slug,
      getToken: () => tenant.token(),
      WebSocket: WsWebSocket,
    });
    await tells("caughtUp");
    const record = slo();
    await tenant.publish(record);
    await hands(record.log_id);
    client.close();
    await until(async () => (await tenant.listeners()).count === 0);
  });
});
