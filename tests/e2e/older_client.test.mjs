// Clients of the sample that this worker takes over from go on working unchanged. This one is
// written after what is known of them, and uses nothing else of the protocol:
// it sends its token after `connected`, pings at the level of the WebSocket protocol and gives up
// when nothing comes back, and takes every message with an `error` for an error.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import WebSocket from "ws";

import { sapi, scp, slo, USER } from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { now } from "../support/token.mjs";
import { waitFor } from "../support/wait_for.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();

/** The older Node client; its 15 and 16 seconds are 300 and 5000 milliseconds here. */
class OlderClient {
  events = [];
  errors = [];
  others = [];
  pongs = 0;
  gaveUp = false;

  constructor(url, accessToken) {
    this.socket = new WebSocket(url);
    const patience = () => {
      clearTimeout(this.giveUp);
      this.giveUp = setTimeout(() => {
        this.gaveUp = true;
        this.socket.terminate();
      }, 5_000);
    };
    this.socket.on("open", () => {
      patience();
      this.pinging = setInterval(() => this.socket.ping(), 300);
    });
    this.socket.on("pong", () => {
      patience();
      this.pongs += 1;
    });
    this.socket.on("message", (data) => {
      patience();
      const message = JSON.parse(data);
      if ("error" in message) this.errors.push(message);
      else if (message.type === "connected") {
        this.socket.send(JSON.stringify({ type: "authenticate", access_token: accessToken }));
      } else if ("user_id" in message) this.events.push(message);
      else this.others.push(message);
    });
    this.socket.on("close", () => {
      clearInterval(this.pinging);
      clearTimeout(this.giveUp);
    });
    this.socket.on("error", (error) => this.errors.push(error));
  }

  waitFor(condition) {
    const { events, errors, others } = this;
    return waitFor(condition, () => JSON.stringify({ events, errors, others }));
  }
}

describe("an older client", { concurrency: true }, () => {
  test("is authenticated and gets each kind of event with its user and its date, and no error", async () => {
    const tenant = new Tenant(worker);
    const client = new OlderClient(tenant.subscribeUrl(), tenant.token({ sub: "backend@clients" }));
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

  test("that keeps users out of an Express application does so from the replayed events on", async () => {
    const tenant = new Tenant(worker);
    await tenant.publish(slo({ user_id: "auth0|gone", date: new Date().toISOString() }));
    const client = new OlderClient(tenant.subscribeUrl(), tenant.token({ sub: "backend@clients" }));
    await client.waitFor(() => client.events.length === 1);

    const signedOut = new Map(
      client.events.map(({ user_id, date }) => [user_id, new Date(date).getTime() / 1000]),
    );
    const letsIn = ({ sub, iat }) => !(signedOut.has(sub) && iat < signedOut.get(sub));
    assert.equal(letsIn({ sub: "auth0|gone", iat: now() - 60 }), false);
    assert.equal(letsIn({ sub: "auth0|gone", iat: now() + 60 }), true);
    assert.equal(letsIn({ sub: "auth0|other", iat: now() - 60 }), true);
    client.socket.close();
  });

  test("stays connected by its pings, also while the object hibernates", async () => {
    const tenant = new Tenant(worker);
    const client = new OlderClient(tenant.subscribeUrl(), tenant.token());
    await client.waitFor(() => client.others.length === 1);
    await tenant.hub.evict();
    const before = client.pongs;
    await client.waitFor(() => client.pongs >= before + 10);
    assert.equal(client.gaveUp, false);
    assert.equal(await tenant.hub.evictIfRunning(), false, "the pings woke nobody");
    await tenant.publish(slo());
    await client.waitFor(() => client.events.length === 1);
    assert.deepEqual(client.errors, []);
    client.socket.close();
  });

  test("in a browser gets its own user's events alone", async () => {
    const tenant = new Tenant(worker);
    const client = new OlderClient(
      tenant.subscribeUrl(),
      tenant.token({ sub: USER, scope: "openid listen:events:self" }),
    );
    await client.waitFor(() => client.others.length === 1);
    await tenant.publish(slo({ user_id: "auth0|other" }), scp());
    await client.waitFor(() => client.events.length === 1);
    assert.equal(client.events[0].type, "password_changed");
    client.socket.close();
  });

  test("takes a refusal for an error, and is closed", async () => {
    const tenant = new Tenant(worker);
    const client = new OlderClient(tenant.subscribeUrl(), "no.such.token");
    await client.waitFor(() => client.socket.readyState === WebSocket.CLOSED);
    assert.equal(client.errors.length, 1);
    assert.equal(client.errors[0].type, "authentication_failed");
    assert.equal(client.gaveUp, false);
  });
});
