// What a client hands on of a server's messages, and how it calls its listeners.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { SessionEvents } from "session-events";

import { authenticated, event, startScriptedServer } from "../../tests/support/scripted_server.mjs";
import { waitFor } from "../../tests/support/wait_for.mjs";
import { follow } from "./support/follow.mjs";
import { run } from "./support/run.mjs";

describe("messages", { concurrency: true }, () => {
  test("that no client can know are passed over, and events of new types are handed on", async () => {
    const known = { ...event("2"), type: "user_deleted", session_id: "s" };
    const { url } = await startScriptedServer(({ socket, send }) => {
      send(authenticated());
      for (const text of ["", "no JSON", "null", "[]", "7", '{"type":"news"}', '{"id":1}'])
        socket.send(text);
      socket.send(Buffer.from(JSON.stringify(event("binary"))));
      for (const part of ["type", "date", "user_id"]) send({ ...event("1"), [part]: undefined });
      send(known);
    });
    const { tells, told } = follow({ url, tenant: "acme", getToken: () => "token" });
    assert.deepEqual(await tells("event"), known);
    assert.deepEqual(told("error"), []);
  });

  test("of an older server that tell less are understood", async () => {
    const { url, received } = await startScriptedServer(({ send }) =>
      send({ type: "authenticated" }),
    );
    const { tells } = follow({ url, tenant: "acme", getToken: () => "token" });
    const { sub, filter, claims, expiresAt } = await tells("connected");
    assert.deepEqual({ sub, filter, claims }, { sub: "", filter: "*", claims: {} });
    assert.ok(expiresAt > new Date("9999-01-01"));
    await tells("caughtUp");
    assert.deepEqual(received, ['{"type":"ping"}'], "there is nothing to renew");
  });

  test("of an error are handed on as errors, typed or not", async () => {
    const { url } = await startScriptedServer(({ send }) => {
      send({ error: "server_error" });
      send({ type: "error", error: "invalid_message", error_description: "What?" });
      send(authenticated());
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
    const { url } = await startScriptedServer(({ socket, send }) => {
      send({ type: "error", error: "invalid_message" });
      send(authenticated());
      send(event("1"));
      send(event("2"));
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
    await waitFor(() => opened.every(({ readyState }) => readyState === WebSocket.CLOSED));
    assert.equal(opened.length, 4, "one was closed before it opened any");
    for (const { name, client, story, length } of ends) {
      assert.equal(story.length, length, `after a close() when told of ${name}`);
      assert.equal(client.state, "disconnected");
    }
  });
});
