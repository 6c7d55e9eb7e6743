// The lifecycle of a client: detecting dead connections, page events, and closing.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { slo } from "../../tests/support/records.mjs";
import { Tenant } from "../../tests/support/tenant.mjs";
import { waitFor } from "../../tests/support/wait_for.mjs";
import { startWorker } from "../../tests/support/worker.mjs";
import { startFaultyProxy } from "../../tests/support/faulty_proxy.mjs";
import { startClient } from "./support/recorded_client.mjs";
import { runModule } from "./support/run_module.mjs";
import { authenticated, startScriptedServer } from "../../tests/support/scripted_server.mjs";

const worker = await startWorker();
const NEVER = 1_000_000;

/** Connects a client to a tenant of the real Worker, through a proxy that can be cut. */
async function startTenantClient(options) {
  const tenant = new Tenant(worker);
  const proxy = await startFaultyProxy(worker.url);
  const getToken = () => tenant.token();
  const started = startClient({ url: proxy.url, tenant: tenant.slug, getToken, ...options });
  await started.waitForEvent("caughtUp");
  return { tenant, proxy, ...started };
}

describe("a connection without a responding peer", { concurrency: true }, () => {
  test("is replaced after a missing pong, without losing events", async () => {
    const { tenant, proxy, waitForEvent, assertEvents } = await startTenantClient({
      pingInterval: 50,
      pongTimeout: 2_000,
    });
    proxy.blackhole();
    const record = slo();
    await tenant.publish(record);
    const { code, reason } = await waitForEvent("connecting", 2);
    assert.deepEqual({ code, reason }, { code: 1006, reason: "no answer to a ping" });
    await assertEvents(record.log_id);
  });

  test("is replaced if the server never responds", async () => {
    const server = await startScriptedServer(() => {});
    const { waitForEvent } = startClient({
      url: server.url,
      tenant: "acme",
      getToken: () => "token",
      connectTimeout: 100,
    });
    assert.equal((await waitForEvent("connecting", 2)).reason, "no answer in time");
    assert.equal((await waitForEvent("connecting", 3)).reason, "no answer in time");
    await waitFor(() => server.sockets.size <= 1);
  });

  test("stays open if the server only answers pings", async () => {
    const { url, received } = await startScriptedServer(({ send }) => send(authenticated()));
    const { emitted, client } = startClient({
      url,
      tenant: "acme",
      getToken: () => "token",
      pingInterval: 20,
    });
    await waitFor(() => received.filter((text) => text === '{"type":"ping"}').length >= 5);
    assert.equal(client.state, "connected");
    assert.equal(emitted("connecting").length, 1);
  });
});

describe("the first delay after the loss of a working connection", { concurrency: true }, () => {
  const CLIENTS = 40;

  /** Connects clients with the default delays, ends their connections, and returns the delays. */
  async function delaysAfter(end, options) {
    const server = await startScriptedServer(({ send }) => send(authenticated()));
    const clients = Array.from({ length: CLIENTS }, () =>
      startClient({
        url: server.url,
        tenant: "acme",
        getToken: () => "token",
        minReconnectDelay: undefined,
        maxReconnectDelay: undefined,
        ...options,
      }),
    );
    await Promise.all(clients.map(({ waitForEvent }) => waitForEvent("caughtUp")));
    for (const socket of server.sockets) end(socket);
    const connecting = await Promise.all(
      clients.map(({ waitForEvent }) => waitForEvent("connecting", 2)),
    );
    for (const { client } of clients) client.close();
    return connecting.map(({ delay }) => delay);
  }

  for (const [name, end] of [
    ["without a close frame", (socket) => socket.terminate()],
    ["with 1001", (socket) => socket.close(1001)],
    ["with 1012", (socket) => socket.close(1012)],
  ]) {
    test(`is spread over five seconds if the server closes it ${name}`, async () => {
      const delays = await delaysAfter(end);
      for (const delay of delays) assert.ok(delay >= 500 && delay <= 5_500, `${delay} ms`);
      // Of 40 delays, a half of the range stays empty once in 10^12 runs.
      assert.ok(Math.min(...delays) < 3_000 && Math.max(...delays) > 3_000, `${delays}`);
    });
  }

  for (const [name, end, options] of [
    ["the token has expired", (socket) => socket.close(4419)],
    [
      "the peer does not answer a ping",
      (socket) => socket.removeAllListeners("message"),
      { pingInterval: 10, pongTimeout: 500 },
    ],
  ]) {
    test(`is at most a second if ${name}`, async () => {
      const delays = await delaysAfter(end, options);
      for (const delay of delays) assert.ok(delay >= 500 && delay <= 1_000, `${delay} ms`);
    });
  }
});

describe("a platform that refuses to open a socket", () => {
  test("causes an error with the cause, and the client retries", async () => {
    const refusal = new Error("mixed content");
    const { waitForEvent, emitted } = startClient({
      url: "http://localhost",
      tenant: "acme",
      getToken: () => "token",
      WebSocket: class {
        constructor() {
          throw refusal;
        }
      },
    });
    const { code, cause } = await waitForEvent("error", 2);
    assert.equal(code, "connection_failed");
    assert.equal(cause, refusal);
    assert.equal(emitted("disconnected").length, 0);
  });
});

describe("a WebSocket class whose methods throw", { concurrency: true }, () => {
  const start = async (WebSocket, options) => {
    const server = await startScriptedServer(({ send }) => send(authenticated()));
    const { url } = server;
    const getToken = () => "token";
    return { server, ...startClient({ url, tenant: "acme", getToken, WebSocket, ...options }) };
  };

  test("in close() does not keep the client from closing and connecting again", async () => {
    const { client, server, waitForEvent } = await start(
      class extends WebSocket {
        close() {
          super.close();
          throw new Error("close");
        }
        terminate() {
          throw new Error("terminate");
        }
      },
    );
    await waitForEvent("caughtUp");
    client.close();
    assert.equal((await waitForEvent("disconnected")).code, 1000);
    client.connect();
    await waitForEvent("caughtUp", 2);
    await waitFor(() => server.sockets.size === 1);
  });

  test("in send() causes a reconnection", async () => {
    const { waitForEvent } = await start(
      class extends WebSocket {
        send() {
          throw new Error("send");
        }
      },
      { pongTimeout: 100 },
    );
    await waitForEvent("connected", 2);
    assert.equal((await waitForEvent("connecting", 2)).reason, "no answer to a ping");
  });
});

describe("a closed client", { concurrency: true }, () => {
  for (const phase of ["before connect()", "connecting", "error", "connected", "caughtUp"]) {
    test(`does not keep the process alive (${phase})`, async () => {
      const { url } = await startScriptedServer(({ send }) => send(authenticated()));
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
      assert.equal(await runModule(script), "disconnected\n");
    });
  }

  test("resumes after the last delivered event when it connects again", async () => {
    const { tenant, client, assertEvents, waitForEvent } = await startTenantClient();
    const records = [slo(), slo(), slo()];
    await tenant.publish(records[0]);
    await assertEvents(records[0].log_id);
    client.close();
    assert.deepEqual(await waitForEvent("disconnected"), {
      code: 1000,
      reason: "close() was called",
    });
    await tenant.publish(records[1]);
    client.connect();
    assert.equal((await waitForEvent("connected", 2)).recovered, true);
    await tenant.publish(records[2]);
    await assertEvents(...records.map(({ log_id }) => log_id));
    await waitFor(async () => (await tenant.listeners()).count === 1);
  });
});

/** Collects garbage, after which Node no longer removes all listeners of an aborted signal. */
async function collectGarbage() {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc");
  gc();
  await new Promise(setImmediate);
  gc();
}

// Node has neither window nor document. These replace the parts that the client uses.
describe("in a browser", () => {
  const simulatePage = () => {
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

  test("a client disconnects when the network is offline and reconnects at once when it is back", async () => {
    const page = simulatePage();
    const { tenant, client, waitForEvent, assertEvents } = await startTenantClient(slow);
    page.offline();
    assert.equal(client.state, "connecting");
    assert.equal((await waitForEvent("connecting", 2)).delay, NEVER);
    await waitFor(async () => (await tenant.listeners()).count === 0);
    const record = slo();
    await tenant.publish(record);
    page.online();
    await assertEvents(record.log_id);
  });

  for (const [hint, name] of [
    ["offline", "the network is back"],
    ["hide", "the page is restored"],
  ]) {
    test(`a client reconnects after "${hint}" even if the platform never says that ${name}`, async () => {
      const page = simulatePage();
      const { waitForEvent } = await startTenantClient();
      page[hint](true);
      await waitForEvent("caughtUp", 2);
    });
  }

  test("a client reconnects within a second after the network was offline", async () => {
    const page = simulatePage();
    const { waitForEvent } = await startTenantClient({
      minReconnectDelay: undefined,
      maxReconnectDelay: undefined,
    });
    page.offline();
    assert.ok((await waitForEvent("connecting", 2)).delay <= 1_000);
  });

  test("a second hint does not postpone the next attempt", async () => {
    const page = simulatePage();
    const { emitted } = await startTenantClient(slow);
    page.offline();
    page.offline();
    page.hide(true);
    assert.equal(emitted("connecting").length, 2);
  });

  test("a waiting client reconnects at once when the page becomes visible", async () => {
    const page = simulatePage();
    const { proxy, waitForEvent, client } = await startTenantClient(slow);
    proxy.disconnect();
    assert.ok((await waitForEvent("connecting", 2)).delay >= NEVER);
    proxy.restore();
    page.visibility("hidden");
    assert.equal(client.state, "connecting");
    page.visibility("visible");
    await waitForEvent("caughtUp", 2);
  });

  test("a client sends a ping when the page becomes visible", async () => {
    const page = simulatePage();
    const { proxy, waitForEvent, emitted } = await startTenantClient({
      pingInterval: NEVER,
      pongTimeout: 2_000,
    });
    page.visibility("visible");
    proxy.blackhole();
    page.visibility("visible");
    assert.equal((await waitForEvent("connecting", 2)).reason, "no answer to a ping");
    await waitForEvent("caughtUp", 2);
    assert.equal(emitted("connecting").length, 2);
  });

  test("a client disconnects when the page enters the back/forward cache and reconnects when it is restored", async () => {
    const page = simulatePage();
    const { tenant, waitForEvent, client } = await startTenantClient(slow);
    page.hide(false);
    assert.equal(client.state, "connected");
    page.hide(true);
    await waitFor(async () => (await tenant.listeners()).count === 0);
    page.show(false);
    assert.equal(client.state, "connecting");
    page.show(true);
    await waitForEvent("caughtUp", 2);
  });

  test("a closed client ignores page events", async () => {
    const page = simulatePage();
    const { client, log } = await startTenantClient();
    await collectGarbage();
    client.close();
    const end = log.length;
    page.offline();
    page.online();
    page.visibility("visible");
    page.hide(true);
    page.show(true);
    assert.equal(log.length, end);
    assert.equal(client.state, "disconnected");
  });
});
