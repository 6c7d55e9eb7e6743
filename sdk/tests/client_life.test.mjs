// A client's life besides its tokens: how it notices that nobody is there any more, what it makes
// of a browser's signals, how it ends.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { slo } from "../../tests/support/records.mjs";
import { Tenant } from "../../tests/support/tenant.mjs";
import { waitFor } from "../../tests/support/wait_for.mjs";
import { startWorker } from "../../tests/support/worker.mjs";
import { startFaultyProxy } from "../../tests/support/faulty_proxy.mjs";
import { follow } from "./support/follow.mjs";
import { run } from "./support/run.mjs";
import { authenticated, startScriptedServer } from "../../tests/support/scripted_server.mjs";

const worker = await startWorker();
const NEVER = 1_000_000;

/** Follows a tenant of the real worker, over a network that can be cut. */
async function followTenant(options) {
  const tenant = new Tenant(worker);
  const proxy = await startFaultyProxy(worker.url);
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
    proxy.blackhole();
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
    await waitFor(() => server.sockets.size <= 1);
  });

  test("is not one that is merely quiet, and answers pings", async () => {
    const { url, received } = await startScriptedServer(({ send }) => send(authenticated()));
    const { told, client } = follow({
      url,
      tenant: "acme",
      getToken: () => "token",
      pingInterval: 20,
    });
    await waitFor(() => received.filter((text) => text === '{"type":"ping"}').length >= 5);
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

describe("a client that was closed", { concurrency: true }, () => {
  for (const phase of ["before connect()", "connecting", "error", "connected", "caughtUp"]) {
    test(`keeps no process alive (${phase})`, async () => {
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
    await waitFor(async () => (await tenant.listeners()).count === 1);
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
    await waitFor(async () => (await tenant.listeners()).count === 0);
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
    proxy.disconnect();
    assert.ok((await tells("connecting", 2)).delay >= NEVER);
    proxy.restore();
    browser.visibility("hidden");
    assert.equal(client.state, "connecting");
    browser.visibility("visible");
    await tells("caughtUp", 2);
  });

  test("a client looks whether its connection is alive when the page can be seen", async () => {
    const browser = page();
    const { proxy, tells, told } = await followTenant({ pingInterval: NEVER, pongTimeout: 2_000 });
    browser.visibility("visible");
    proxy.blackhole();
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
    await waitFor(async () => (await tenant.listeners()).count === 0);
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
