// Coming back after a loss: none of the events that were published meanwhile is missed, and none
// comes twice. The worker is the bare workerd binary, killed and started again on the same disk.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, describe, test } from "node:test";

import { BareWorkerd } from "../../tests/support/bare_workerd.mjs";
import { keySetResponses, Issuer } from "../../tests/support/issuer.mjs";
import { slo, USER } from "../../tests/support/records.mjs";
import { waitFor } from "../../tests/support/wait_for.mjs";
import { PUBLISH_SECRET } from "../../tests/support/worker.mjs";
import { startFaultyProxy } from "../../tests/support/faulty_proxy.mjs";
import { follow } from "./support/follow.mjs";
import { authenticated, event, startScriptedServer } from "../../tests/support/scripted_server.mjs";

const server = createServer(async (_, response) => {
  response.end(await (await keySetResponses.keySet(issuer)).text());
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const issuer = new Issuer(`http://127.0.0.1:${server.address().port}/`);
after(() => server.close());

/** A worker that can be restarted, behind an address that stays, and a tenant of it. */
async function start() {
  const workerd = new BareWorkerd({
    PUBLISH_SECRET,
    ISSUERS: JSON.stringify({ acme: [{ issuer: issuer.issuer }] }),
  });
  await workerd.start();
  after(() => workerd.kill());
  const proxy = await startFaultyProxy(workerd.url);
  return {
    proxy,
    address: { url: proxy.url, tenant: "acme" },
    /** Kills the worker, starts it again, and lets `meanwhile` happen before anybody gets to it. */
    async restart(meanwhile) {
      proxy.disconnect();
      await workerd.kill();
      await workerd.start();
      await meanwhile();
      proxy.redirectTo(workerd.url);
      proxy.restore();
    },
    /** Publishes logouts of these users, and gives their ids. */
    async publish(...users) {
      const records = users.map((user_id) => slo({ user_id }));
      const { events } = await workerd.publish("acme", ...records);
      assert.equal(events, records.length);
      return records.map(({ log_id }) => log_id);
    },
  };
}

const forAll = { getToken: () => issuer.token({ sub: "backend@clients" }) };
const forSelf = { getToken: () => issuer.token({ sub: USER, scope: "listen:events:self" }) };
const others = (count) => Array.from({ length: count }, () => "auth0|other");

describe("after a restart of the worker", { concurrency: true }, () => {
  test("a listener to all events gets those that were published meanwhile, once", async () => {
    const { address, publish, restart } = await start();
    const before = await publish(USER, ...others(2));
    const { tells, hands } = follow({ ...address, ...forAll });
    await hands(...before);
    const [, live] = [await tells("caughtUp"), await publish(USER)];
    await hands(...before, ...live);
    let missed;
    await restart(async () => (missed = await publish(USER, ...others(3))));
    await hands(...before, ...live, ...missed);
    assert.equal((await tells("connected", 2)).recovered, true);
    assert.deepEqual(await tells("caughtUp", 2), { recovered: true });
    const later = await publish(USER);
    await hands(...before, ...live, ...missed, ...later);
  });

  test("a listener that had not got any event yet gets what was published meanwhile", async () => {
    const { address, publish, restart } = await start();
    const { tells, hands } = follow({ ...address, ...forSelf });
    assert.equal((await tells("connected")).filter, "self");
    await tells("caughtUp");
    let missed;
    await restart(async () => (missed = await publish(...others(2), USER, USER)));
    await hands(...missed.slice(2));
    assert.deepEqual(await tells("caughtUp", 2), {}, "nobody can tell whether that was all");
    const later = await publish(USER);
    await hands(...missed.slice(2), ...later);
  });

  test("a listener is told when the server no longer keeps all that it has missed", async () => {
    const { address, publish, restart } = await start();
    const { tells, hands } = follow({ ...address, ...forAll });
    await tells("caughtUp");
    const first = await publish(USER);
    await hands(...first);
    let missed;
    await restart(async () => (missed = await publish(...others(101))));
    await hands(...first, ...missed.slice(1));
    assert.deepEqual(await tells("caughtUp", 2), { recovered: false });
  });

  test("a listener that replaces another takes up where that one left off", async () => {
    const { address, publish } = await start();
    const [known, , newest] = await publish(...others(3));
    const { client, hands, told } = follow({ ...address, ...forAll, lastEventId: known });
    assert.equal(client.lastEventId, known);
    await waitFor(() => client.lastEventId === newest);
    assert.equal(told("connected")[0].recovered, true);
    assert.equal(told("event").length, 2);
    await hands(...told("event").map(({ id }) => id));
  });

  test("200 listeners come back spread over time, and none has lost an event", async () => {
    const { address, publish, restart } = await start();
    const bounds = { minReconnectDelay: 200, maxReconnectDelay: 2_000 };
    const listeners = Array.from({ length: 200 }, () =>
      follow({ ...address, ...forAll, ...bounds }),
    );
    await Promise.all(listeners.map(({ tells }) => tells("caughtUp")));
    let missed;
    await restart(async () => (missed = await publish(...others(5))));
    await Promise.all(listeners.map(({ hands }) => hands(...missed)));

    const delays = listeners.map(({ told }) => told("connecting")[1].delay);
    for (const delay of delays) assert.ok(delay >= 200 && delay <= 400, `${delay} ms`);
    // Of 200 that are spread evenly, each of four quarters has about 50. One with fewer than 20
    // comes once in a million runs; without jitter, three are empty.
    const quarters = [0, 0, 0, 0];
    for (const delay of delays) quarters[Math.min(3, Math.floor((delay - 200) / 50))] += 1;
    for (const count of quarters) assert.ok(count >= 20, `quarters of ${quarters}`);
  });
});

describe("events that a server sends again", () => {
  test("are not handed on again", async () => {
    const { url } = await startScriptedServer(({ socket, send, count }) => {
      send(authenticated({ recovered: false }));
      for (let id = 1; id <= count + 1; id += 1) send(event(`${id}`));
      if (count < 3) socket.close(1001);
    });
    const { hands, tells } = follow({ url, tenant: "acme", getToken: () => "token" });
    await tells("connected", 3);
    await hands("1", "2", "3", "4");
  });

  test("are known by at least as many ids as a server keeps", async () => {
    const ids = Array.from({ length: 100 }, (_, id) => `${id}`);
    const { url } = await startScriptedServer(({ socket, send, count }) => {
      send(authenticated({ recovered: false }));
      for (const id of ids) send(event(id));
      if (count === 1) socket.close(1001);
    });
    const { hands, tells } = follow({ url, tenant: "acme", getToken: () => "token" });
    await tells("caughtUp");
    await hands(...ids);
  });
});
