// Reconnecting: no event published during an outage is missed or delivered twice. The Worker runs in
// the bare workerd binary, which the tests kill and restart on the same disk.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, describe, test } from "node:test";

import { BareWorkerd } from "../../tests/support/bare_workerd.mjs";
import { AUDIENCE, keySetResponses, Issuer } from "../../tests/support/issuer.mjs";
import { slo, USER } from "../../tests/support/records.mjs";
import { waitFor } from "../../tests/support/wait_for.mjs";
import { PUBLISH_SECRET, tenantsWith } from "../../tests/support/worker.mjs";
import { startFaultyProxy } from "../../tests/support/faulty_proxy.mjs";
import { startClient } from "./support/recorded_client.mjs";
import { authenticated, event, startScriptedServer } from "../../tests/support/scripted_server.mjs";

const server = createServer(async (_, response) => {
  response.end(await (await keySetResponses.keySet(issuer)).text());
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const issuer = new Issuer(`http://127.0.0.1:${server.address().port}/`);
after(() => server.close());

/** Starts a Worker that can be restarted behind a fixed address, and returns a tenant of it. */
async function start() {
  const workerd = new BareWorkerd({
    PUBLISH_SECRET,
    AUDIENCE,
    TENANTS: tenantsWith({ acme: [issuer.issuer] }),
  });
  await workerd.start();
  after(() => workerd.kill());
  const proxy = await startFaultyProxy(workerd.url);
  return {
    proxy,
    address: { url: proxy.url, tenant: "acme" },
    /** Restarts the Worker, and calls `duringOutage` before clients can reach it again. */
    async restart(duringOutage) {
      proxy.disconnect();
      await workerd.kill();
      await workerd.start();
      await duringOutage();
      proxy.redirectTo(workerd.url);
      proxy.restore();
    },
    /** Publishes logouts of these users and returns the event ids. */
    async publish(...users) {
      const records = users.map((user_id) => slo({ user_id }));
      const { events } = await workerd.publish("acme", ...records);
      assert.equal(events, records.length);
      return records.map(({ log_id }) => log_id);
    },
  };
}

const allEvents = { getToken: () => issuer.token({ sub: "backend@clients" }) };
const ownEvents = { getToken: () => issuer.token({ sub: USER, scope: "listen:events:self" }) };
const otherUsers = (count) => Array.from({ length: count }, () => "auth0|other");

describe("after a restart of the Worker", { concurrency: true }, () => {
  test("a subscriber to all events receives the events published during the outage exactly once", async () => {
    const { address, publish, restart } = await start();
    const before = await publish(USER, ...otherUsers(2));
    const { waitForEvent, assertEvents } = startClient({ ...address, ...allEvents });
    await assertEvents(...before);
    await waitForEvent("caughtUp");
    const live = await publish(USER);
    await assertEvents(...before, ...live);
    let missed;
    await restart(async () => (missed = await publish(USER, ...otherUsers(3))));
    await assertEvents(...before, ...live, ...missed);
    assert.equal((await waitForEvent("connected", 2)).recovered, true);
    assert.deepEqual(await waitForEvent("caughtUp", 2), { recovered: true });
    const later = await publish(USER);
    await assertEvents(...before, ...live, ...missed, ...later);
  });

  test("a subscriber without any event so far receives the events published during the outage", async () => {
    const { address, publish, restart } = await start();
    const { waitForEvent, assertEvents } = startClient({ ...address, ...ownEvents });
    assert.equal((await waitForEvent("connected")).filter, "self");
    await waitForEvent("caughtUp");
    let missed;
    await restart(async () => (missed = await publish(...otherUsers(2), USER, USER)));
    await assertEvents(...missed.slice(2));
    assert.deepEqual(
      await waitForEvent("caughtUp", 2),
      {},
      "the server cannot know whether the replay is complete",
    );
    const later = await publish(USER);
    await assertEvents(...missed.slice(2), ...later);
  });

  test("a subscriber learns that the server can no longer replay all missed events", async () => {
    const { address, publish, restart } = await start();
    const { waitForEvent, assertEvents } = startClient({ ...address, ...allEvents });
    await waitForEvent("caughtUp");
    const first = await publish(USER);
    await assertEvents(...first);
    let missed;
    await restart(async () => (missed = await publish(...otherUsers(101))));
    await assertEvents(...first, ...missed.slice(1));
    assert.deepEqual(await waitForEvent("caughtUp", 2), { recovered: false });
  });

  test("a new client with a lastEventId resumes after that event", async () => {
    const { address, publish } = await start();
    const [known, , last] = await publish(...otherUsers(3));
    const { client, assertEvents, emitted } = startClient({
      ...address,
      ...allEvents,
      lastEventId: known,
    });
    assert.equal(client.lastEventId, known);
    await waitFor(() => client.lastEventId === last);
    assert.equal(emitted("connected")[0].recovered, true);
    assert.equal(emitted("event").length, 2);
    await assertEvents(...emitted("event").map(({ id }) => id));
  });

  test("200 subscribers reconnect spread over time, and none loses an event", async () => {
    const { address, publish, restart } = await start();
    const bounds = { minReconnectDelay: 200, reconnectSpread: 800, maxReconnectDelay: 2_000 };
    // A loaded machine needs a while for 200 sockets.
    const timeout = 60_000;
    const subscribers = Array.from({ length: 200 }, () =>
      startClient({ ...address, ...allEvents, ...bounds, connectTimeout: timeout }),
    );
    const allHave = (name, count) =>
      waitFor(
        () => subscribers.every(({ emitted }) => emitted(name).length >= count),
        () => `not all subscribers have ${count} times ${name}`,
        { timeout },
      );
    await allHave("caughtUp", 1);
    let missed;
    await restart(async () => (missed = await publish(...otherUsers(5))));
    await allHave("event", missed.length);
    for (const { assertEvents } of subscribers) await assertEvents(...missed);

    const delays = subscribers.map(({ emitted }) => emitted("connecting")[1].delay);
    for (const delay of delays) assert.ok(delay >= 200 && delay <= 1_000, `${delay} ms`);
    // With an even distribution, each quarter of the range has about 50 delays. Fewer than 20 occur
    // once in a million runs. Without jitter, three quarters are empty.
    const quarters = [0, 0, 0, 0];
    for (const delay of delays) quarters[Math.min(3, Math.floor((delay - 200) / 200))] += 1;
    for (const count of quarters) assert.ok(count >= 20, `quarters of ${quarters}`);
  });
});

describe("duplicate events", () => {
  test("are not delivered again", async () => {
    const { url } = await startScriptedServer(({ socket, send, count }) => {
      send(authenticated({ recovered: false }));
      for (let id = 1; id <= count + 1; id += 1) send(event(`${id}`));
      if (count < 3) socket.close(1001);
    });
    const { assertEvents, waitForEvent } = startClient({
      url,
      tenant: "acme",
      getToken: () => "token",
    });
    await waitForEvent("connected", 3);
    await assertEvents("1", "2", "3", "4");
  });

  test("are detected among at least as many ids as a server replays", async () => {
    const ids = Array.from({ length: 100 }, (_, id) => `${id}`);
    const { url } = await startScriptedServer(({ socket, send, count }) => {
      send(authenticated({ recovered: false }));
      for (const id of ids) send(event(id));
      if (count === 1) socket.close(1001);
    });
    const { assertEvents, waitForEvent } = startClient({
      url,
      tenant: "acme",
      getToken: () => "token",
    });
    await waitForEvent("caughtUp");
    await assertEvents(...ids);
  });
});
