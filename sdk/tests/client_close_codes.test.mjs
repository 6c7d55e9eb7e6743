// The reaction of the client to each close code.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { keySetResponses } from "../../tests/support/issuer.mjs";
import { Tenant } from "../../tests/support/tenant.mjs";
import { waitFor } from "../../tests/support/wait_for.mjs";
import { startWorker } from "../../tests/support/worker.mjs";
import { startClient } from "./support/recorded_client.mjs";
import { authenticated, startScriptedServer } from "../../tests/support/scripted_server.mjs";

const worker = await startWorker();

/** Starts a client and a server that closes only the first socket, with this code. */
async function startWithClosedSocket(code) {
  const requests = [];
  const scripted = await startScriptedServer(({ socket, send, count }) => {
    send(authenticated());
    if (count > 1) return;
    if (code === 1006) socket.terminate();
    else if (code === 1005) socket.close();
    else socket.close(code, "the_reason");
  });
  const started = startClient({
    url: scripted.url,
    tenant: "acme",
    getToken({ fresh }) {
      requests.push(fresh);
      return `token-${requests.length}`;
    },
  });
  return { ...started, ...scripted, requests };
}

describe("the close code of a socket", { concurrency: true }, () => {
  for (const code of [1000, 1001, 1005, 1006, 1011, 1012, 1013, 4408, 4999]) {
    test(`after ${code}, the client reconnects and accepts a cached token`, async () => {
      const { waitForEvent, emitted, requests } = await startWithClosedSocket(code);
      const { reason, ...connecting } = await waitForEvent("connecting", 2);
      assert.equal(connecting.code, code);
      assert.equal(reason, [1005, 1006].includes(code) ? "" : "the_reason");
      await waitForEvent("connected", 2);
      assert.deepEqual(requests, [false, false]);
      assert.deepEqual(emitted("error"), []);
      assert.deepEqual(emitted("disconnected"), []);
    });
  }

  for (const code of [4401, 4419]) {
    test(`after ${code}, the client reconnects with a fresh token`, async () => {
      const { waitForEvent, requests, authentications } = await startWithClosedSocket(code);
      assert.equal((await waitForEvent("connecting", 2)).code, code);
      await waitForEvent("connected", 2);
      assert.deepEqual(requests, [false, true]);
      assert.deepEqual(
        authentications.map(({ token }) => token),
        ["token-1", "token-2"],
      );
    });
  }

  for (const [code, error, remedy] of [
    [1009, "message_too_big", /smaller tokens/],
    [4400, "too_many_invalid_messages", /update/],
    [4403, "insufficient_scope", /permissions listen:events:self and listen:events/],
  ]) {
    test(`after ${code}, the client stops and reports how to fix the problem`, async () => {
      const { client, waitForEvent, emitted } = await startWithClosedSocket(code);
      assert.deepEqual(await waitForEvent("disconnected"), { code, reason: "the_reason" });
      assert.equal(client.state, "disconnected");
      assert.deepEqual(
        emitted("error").map(({ code }) => code),
        [error],
      );
      assert.match(emitted("error")[0].message, remedy);
      assert.equal(emitted("connecting").length, 1);
      // After the problem is fixed, the application can connect again.
      client.connect();
      await waitForEvent("connected", 2);
    });
  }
});

describe("a client of the real Worker", { concurrency: true }, () => {
  const startTenantClient = (tenant, getToken) =>
    startClient({ url: worker.url, tenant: tenant.slug, getToken });

  test("stops if its token is too long for the server", async () => {
    const { waitForEvent, emitted } = startTenantClient(new Tenant(worker), () =>
      "x".repeat(17_000),
    );
    assert.equal((await waitForEvent("disconnected")).code, 1009);
    assert.equal(emitted("error")[0].code, "message_too_big");
  });

  test("retries while the issuer's key set is unavailable, and reports the reason", async () => {
    const tenant = new Tenant(worker);
    tenant.issuer.behaviour = keySetResponses.unreachable;
    const { waitForEvent, emitted } = startTenantClient(tenant, () => tenant.token());
    const error = await waitForEvent("error");
    assert.equal(error.code, "temporarily_unavailable");
    await waitFor(() => emitted("connecting").some(({ code }) => code === 1013));
    tenant.issuer.behaviour = keySetResponses.keySet;
    await waitForEvent("caughtUp");
  });

  test("keeps retrying for an unknown tenant, because that looks like a network failure", async () => {
    const UnknownTenantSocket = class extends WebSocket {
      constructor(url, protocols) {
        super(String(url).replace("/acme@eu/", "/acme@xx/"), protocols);
      }
    };
    const { emitted, waitForEvent } = startClient({
      url: worker.url,
      tenant: "acme@eu",
      getToken: () => "a.b.c",
      WebSocket: UnknownTenantSocket,
    });
    await waitForEvent("connecting", 3);
    for (const { code } of emitted("connecting").slice(1)) assert.equal(code, 1006);
    assert.deepEqual(emitted("error"), []);
  });
});

describe("the texts of the server", { concurrency: true }, () => {
  const TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJqYW5lIn0.c2ln";

  test("lose tokens and line breaks, and have at most 500 characters", async () => {
    const { url } = await startScriptedServer(({ socket, send }) => {
      const text = `${TOKEN}\n${"x".repeat(10_000)}`;
      send({ type: "error", error: text, error_description: text });
      socket.close(4403, `the token ${TOKEN}`);
    });
    const { waitForEvent } = startClient({ url, tenant: "acme", getToken: () => TOKEN });
    assert.deepEqual(await waitForEvent("disconnected"), {
      code: 4403,
      reason: "the token [token]",
    });
    const { code, message } = await waitForEvent("error");
    for (const text of [code, message]) assert.match(text, /^\[token\] x{492}$/);
  });

  test("may be absent", async () => {
    class ClosingWebSocket extends EventTarget {
      static OPEN = 1;
      readyState = 3;
      constructor() {
        super();
        const event = Object.assign(new Event("close"), { code: 4403, reason: null });
        queueMicrotask(() => this.dispatchEvent(event));
      }
    }
    const { waitForEvent } = startClient({
      url: "http://localhost",
      tenant: "acme",
      getToken: () => TOKEN,
      WebSocket: ClosingWebSocket,
    });
    assert.deepEqual(await waitForEvent("disconnected"), { code: 4403, reason: "" });
  });
});
