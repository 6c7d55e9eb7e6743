// Which server messages the client emits, and how it calls its listeners.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { SessionEvents } from "session-events";

import { authenticated, event, startScriptedServer } from "../../tests/support/scripted_server.mjs";
import { waitFor } from "../../tests/support/wait_for.mjs";
import { startClient } from "./support/recorded_client.mjs";
import { runModule } from "./support/run_module.mjs";

describe("server messages", { concurrency: true }, () => {
  test("Invalid and unknown messages are ignored, and events of new types are delivered", async () => {
    const known = { ...event("2"), type: "user_deleted", session_id: "s" };
    const { url } = await startScriptedServer(({ socket, send }) => {
      send(authenticated());
      for (const text of ["", "no JSON", "null", "[]", "7", '{"type":"news"}', '{"id":1}'])
        socket.send(text);
      socket.send(Buffer.from(JSON.stringify(event("binary"))));
      for (const part of ["type", "date", "user_id"]) send({ ...event("1"), [part]: undefined });
      send(known);
    });
    const { waitForEvent, emitted } = startClient({ url, tenant: "acme", getToken: () => "token" });
    assert.deepEqual(await waitForEvent("event"), known);
    assert.deepEqual(emitted("error"), []);
  });

  test("Messages of older servers with fewer members are accepted", async () => {
    const { url, received } = await startScriptedServer(({ send }) =>
      send({ type: "authenticated" }),
    );
    const { waitForEvent } = startClient({ url, tenant: "acme", getToken: () => "token" });
    const { sub, filter, claims, expiresAt } = await waitForEvent("connected");
    assert.deepEqual({ sub, filter, claims }, { sub: "", filter: "*", claims: {} });
    assert.ok(expiresAt > new Date("9999-01-01"));
    await waitForEvent("caughtUp");
    assert.deepEqual(received, ['{"type":"ping"}'], "a token without an expiry is not renewed");
  });

  test("Error messages are emitted as errors, with or without a type", async () => {
    const { url } = await startScriptedServer(({ send }) => {
      send({ error: "server_error" });
      send({ type: "error", error: "invalid_message", error_description: "What?" });
      send(authenticated());
    });
    const { waitForEvent, emitted } = startClient({ url, tenant: "acme", getToken: () => "token" });
    await waitForEvent("connected");
    assert.deepEqual(
      emitted("error").map(({ code, message }) => [code, message]),
      [
        ["server_error", "server_error"],
        ["invalid_message", "What?"],
      ],
    );
  });
});

describe("event listeners", { concurrency: true }, () => {
  const idleClient = () =>
    new SessionEvents({
      url: "http://localhost",
      tenant: "acme",
      getToken: () => new Promise(() => {}),
    });

  test("A listener is called once per registration until it is removed", () => {
    const client = idleClient();
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

  test("The state changes before listeners are called", () => {
    const client = idleClient();
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

  test("An exception in a listener is reported and does not affect the client", async () => {
    const script = `
      import { SessionEvents } from "session-events";
      const client = new SessionEvents({ url: "http://localhost", tenant: "acme", getToken: () => "" });
      process.on("uncaughtException", ({ message }) => console.log("reported", message));
      client.on("connecting", () => { throw new Error("mine"); });
      client.on("connecting", () => console.log("called", client.state));
      client.connect();
      client.close();`;
    assert.equal(await runModule(script), "called connecting\nreported mine\n");
  });

  test("A listener may close the client during any event", async () => {
    const { url } = await startScriptedServer(({ socket, send }) => {
      send({ type: "error", error: "invalid_message" });
      send(authenticated());
      send(event("1"));
      send(event("2"));
      // The message is a ping. The pong is sent before the close.
      socket.on("message", () => socket.close(4403));
    });
    const opened = [];
    const Recorded = class extends WebSocket {
      constructor(...args) {
        super(...args);
        opened.push(this);
      }
    };
    const ends = [];
    for (const name of ["connecting", "error", "connected", "event", "caughtUp"]) {
      const { client, log, waitForEvent } = startClient({
        url,
        tenant: "acme",
        getToken: () => "token",
        WebSocket: Recorded,
      });
      client.on(name, () => client.close());
      if (name === "connecting") client.close();
      await waitForEvent("disconnected");
      ends.push({ name, client, log, length: log.length });
    }
    await waitFor(() => opened.every(({ readyState }) => readyState === WebSocket.CLOSED));
    assert.equal(opened.length, 4, "one client was closed before it opened a socket");
    for (const { name, client, log, length } of ends) {
      assert.equal(log.length, length, `after close() in a listener for ${name}`);
      assert.equal(client.state, "disconnected");
    }
  });
});
