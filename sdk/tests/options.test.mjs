// The options of a client and the rejection of invalid ones.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { SessionEvents } from "session-events";
import WsWebSocket from "ws";

import { slo } from "../../tests/support/records.mjs";
import { Tenant } from "../../tests/support/tenant.mjs";
import { waitFor } from "../../tests/support/wait_for.mjs";
import { authenticated, startScriptedServer } from "../../tests/support/scripted_server.mjs";
import { startWorker } from "../../tests/support/worker.mjs";
import { startClient } from "./support/recorded_client.mjs";
import { runModule } from "./support/run_module.mjs";

const worker = await startWorker();

describe("options", { concurrency: true }, () => {
  const validOptions = {
    url: "https://events.example.com",
    tenant: "acme@us",
    getToken: () => "token",
  };

  for (const [name, values, remedy] of [
    ["url", [undefined, "", "events.example.com", 7], /url must be that of the Worker/],
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
    ["reconnectSpread", [0, "5000"], /reconnectSpread must/],
    ["WebSocket", ["ws", {}], /no WebSocket/],
    ["debug", ["verbose", 1, null], /debug must be true, false or a function/],
  ]) {
    for (const value of values) {
      test(`the ${name} ${JSON.stringify(value) ?? value} is rejected with a message that says how to fix it`, () => {
        assert.throws(
          () => new SessionEvents({ ...validOptions, [name]: value }),
          (error) => {
            assert.ok(error instanceof TypeError);
            assert.match(error.message, remedy);
            return true;
          },
        );
      });
    }
  }

  test("an option that is undefined has its default", () => {
    const names = ["lastEventId", "maxReconnectDelay", "reconnectSpread", "WebSocket", "debug"];
    new SessionEvents({
      ...validOptions,
      ...Object.fromEntries(names.map((name) => [name, undefined])),
    });
  });

  test("every secure form of the Worker URL is accepted", async () => {
    const opened = [];
    const Recorder = class extends EventTarget {
      constructor(url) {
        super();
        opened.push(String(url));
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
      const client = new SessionEvents({ ...validOptions, url, WebSocket: Recorder });
      client.connect();
      const before = opened.length;
      await waitFor(() => opened.length > before);
      client.close();
    }
    assert.deepEqual(opened, [
      "wss://events.example.com/acme@us/api/subscribe",
      "wss://events.example.com/acme@us/api/subscribe",
      "wss://example.com/path/acme@us/api/subscribe",
      "ws://localhost:8787/acme@us/api/subscribe",
      "ws://127.0.0.1:8787/acme@us/api/subscribe",
      "ws://[::1]/acme@us/api/subscribe",
    ]);
  });

  test("a global WebSocket that is not Node's and accepts only protocols works", async () => {
    const { url } = await startScriptedServer(({ send }) => send(authenticated()));
    const output = await runModule(`
      import { SessionEvents } from "session-events";
      globalThis.WebSocket = class extends WebSocket {
        constructor(address, protocols) {
          if (!Array.isArray(protocols)) throw new DOMException("invalid protocol", "SyntaxError");
          super(address, protocols);
        }
      };
      const client = new SessionEvents({ url: "${url}", tenant: "acme", getToken: () => "a.b.c" });
      client.on("error", console.log);
      client.on("caughtUp", () => console.log("caught up") ?? client.close());
      client.connect();`);
    assert.equal(output, "caught up\n");
  });

  test("the WebSocket class of another package works, and is required in a Node without WebSocket", async () => {
    const output = await runModule(
      `import { SessionEvents } from "session-events";
       try { new SessionEvents({ url: "http://localhost", tenant: "acme", getToken() {} }); }
       catch (error) { console.log(error.name, error.message); }`,
      "--no-experimental-websocket",
    );
    assert.match(output, /^TypeError this platform has no WebSocket: use Node 22 .*package ws/);

    const tenant = new Tenant(worker);
    const { waitForEvent, assertEvents, client } = startClient({
      url: worker.url,
      tenant: tenant.slug,
      getToken: () => tenant.token(),
      WebSocket: WsWebSocket,
    });
    await waitForEvent("caughtUp");
    const record = slo();
    await tenant.publish(record);
    await assertEvents(record.log_id);
    client.close();
    await waitFor(async () => (await tenant.listeners()).count === 0);
  });
});
