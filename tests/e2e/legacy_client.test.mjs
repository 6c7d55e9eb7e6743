// Compatibility with clients of the earlier sample that this worker replaces. They must keep working
// unchanged. The client in this file behaves as they do: it sends its token after `connected`, sends
// WebSocket pings, terminates the connection if nothing arrives, and treats every message with an
// `error` member as an error.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import WebSocket from "ws";

import { LOG_RECORD_CASES, recordFor } from "../support/log_record_cases.mjs";
import { sapi, scp, slo, USER } from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { now } from "../support/token.mjs";
import { waitFor } from "../support/wait_for.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();

/**
 * The legacy Node client, with shorter times: it pings every 300 ms instead of 15 seconds, and times
 * out after 5 seconds instead of 16.
 */
class LegacyClient {
  events = [];
  errors = [];
  others = [];
  pongs = 0;
  timedOut = false;

  constructor(url, accessToken) {
    this.socket = new WebSocket(url);
    const restartTimeout = () => {
      clearTimeout(this.timeout);
      this.timeout = setTimeout(() => {
        this.timedOut = true;
        this.socket.terminate();
      }, 5_000);
    };
    this.socket.on("open", () => {
      restartTimeout();
      this.pinging = setInterval(() => this.socket.ping(), 300);
    });
    this.socket.on("pong", () => {
      restartTimeout();
      this.pongs += 1;
    });
    this.socket.on("message", (data) => {
      restartTimeout();
      const message = JSON.parse(data);
      if ("error" in message) this.errors.push(message);
      else if (message.type === "connected") {
        this.socket.send(JSON.stringify({ type: "authenticate", access_token: accessToken }));
      } else if ("user_id" in message) this.events.push(message);
      else this.others.push(message);
    });
    this.socket.on("close", () => {
      clearInterval(this.pinging);
      clearTimeout(this.timeout);
    });
    this.socket.on("error", (error) => this.errors.push(error));
  }

  waitFor(condition) {
    const { events, errors, others } = this;
    return waitFor(condition, () => JSON.stringify({ events, errors, others }));
  }
}

describe("a legacy client", { concurrency: true }, () => {
  test("authenticates and receives each event type with user and date, without an error", async () => {
    const tenant = new Tenant(worker);
    const client = new LegacyClient(
      tenant.subscribeUrl(),
      tenant.token({ sub: "backend@clients" }),
    );
    await client.waitFor(() => client.others.length === 1);
    assert.equal(client.others[0].type, "authenticated");

    const records = [slo(), scp(), sapi(), slo({ date: undefined })];
    await tenant.publish(...records);
    await client.waitFor(() => client.events.length === 4);
    assert.deepEqual(
      client.events.map(({ type }) => type),
      ["logout", "password_changed", "user_blocked", "logout"],
    );
    for (const { user_id, date } of client.events) {
      assert.equal(user_id, USER);
      assert.ok(Number.isFinite(new Date(date).getTime()), date);
    }
    assert.deepEqual(client.errors, []);
    assert.equal(client.others.length, 1);
    client.socket.close();
  });

  test("receives only events that revoke something, because it takes each for a revocation", async () => {
    const tenant = new Tenant(worker);
    const client = new LegacyClient(
      tenant.subscribeUrl(),
      tenant.token({ sub: "backend@clients" }),
    );
    await client.waitFor(() => client.others.length === 1);
    const date = new Date().toISOString();
    await tenant.publish(...LOG_RECORD_CASES.map((example) => recordFor(example, tenant, date)));
    const last = slo();
    await tenant.publish(last);
    await client.waitFor(() => client.events.at(-1)?.id === last.log_id);
    const revoking = LOG_RECORD_CASES.flatMap(({ expect }) => expect).filter((e) => e.revokes);
    assert.deepEqual(
      client.events.slice(0, -1).map(({ type, user_id }) => [type, user_id]),
      revoking.map(({ type, user_id }) => [type, user_id]),
    );
    assert.deepEqual(client.errors, []);
    client.socket.close();
  });

  test("can use the replayed events to reject tokens in an Express application", async () => {
    const tenant = new Tenant(worker);
    await tenant.publish(slo({ user_id: "auth0|signed-out", date: new Date().toISOString() }));
    const client = new LegacyClient(
      tenant.subscribeUrl(),
      tenant.token({ sub: "backend@clients" }),
    );
    await client.waitFor(() => client.events.length === 1);

    const signedOut = new Map(
      client.events.map(({ user_id, date }) => [user_id, new Date(date).getTime() / 1000]),
    );
    const isAccepted = ({ sub, iat }) => !(signedOut.has(sub) && iat < signedOut.get(sub));
    assert.equal(isAccepted({ sub: "auth0|signed-out", iat: now() - 60 }), false);
    assert.equal(isAccepted({ sub: "auth0|signed-out", iat: now() + 60 }), true);
    assert.equal(isAccepted({ sub: "auth0|other", iat: now() - 60 }), true);
    client.socket.close();
  });

  test("stays connected by WebSocket pings, also while the object hibernates", async () => {
    const tenant = new Tenant(worker);
    const client = new LegacyClient(tenant.subscribeUrl(), tenant.token());
    await client.waitFor(() => client.others.length === 1);
    await tenant.object.evict();
    const before = client.pongs;
    await client.waitFor(() => client.pongs >= before + 10);
    assert.equal(client.timedOut, false);
    assert.equal(await tenant.object.evictIfRunning(), false, "the pings did not wake the object");
    await tenant.publish(slo());
    await client.waitFor(() => client.events.length === 1);
    assert.deepEqual(client.errors, []);
    client.socket.close();
  });

  test("in a browser receives only its own user's events", async () => {
    const tenant = new Tenant(worker);
    const client = new LegacyClient(
      tenant.subscribeUrl(),
      tenant.token({ sub: USER, scope: "openid listen:events:self" }),
    );
    await client.waitFor(() => client.others.length === 1);
    await tenant.publish(slo({ user_id: "auth0|other" }), scp());
    await client.waitFor(() => client.events.length === 1);
    assert.equal(client.events[0].type, "password_changed");
    client.socket.close();
  });

  test("receives a failed authentication as an error, and its socket is closed", async () => {
    const tenant = new Tenant(worker);
    const client = new LegacyClient(tenant.subscribeUrl(), "no.such.token");
    await client.waitFor(() => client.socket.readyState === WebSocket.CLOSED);
    assert.equal(client.errors.length, 1);
    assert.equal(client.errors[0].type, "authentication_failed");
    assert.equal(client.timedOut, false);
  });
});
