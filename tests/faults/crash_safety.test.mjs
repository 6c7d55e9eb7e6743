// Kills the Worker repeatedly while events pass through it, with its storage on disk. After each
// kill, the documented guarantees must hold for publishers that repeat unacknowledged batches and
// subscribers that resume after their last event.
//
// A killed process loses the data that it has not passed to the operating system. The test does not
// simulate a crash of the operating system.
//
// Each restart uses a random number of shards, because a change of that number must lose no events
// either.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import { BareWorkerd, startIssuer } from "../support/bare_workerd.mjs";
import { AUDIENCE, nodeFetch } from "../support/issuer.mjs";
import { randomFrom, SEED } from "../support/random.mjs";
import { ReconnectingSubscriber, RetryingPublisher } from "../support/reconnecting_clients.mjs";
import { PUBLISH_SECRET, tenantsWith } from "../support/worker.mjs";

const KILLS = 100;
const REPLAYABLE_EVENTS = 100;
const PUBLISHERS = 4;
/** Batches of each publisher between two kills. All of their events are replayable. */
const BATCHES = 5;
const USERS = ["auth0|jane", "auth0|john", "auth0|ada"];

const issuer = await startIssuer();
const vars = {
  PUBLISH_SECRET,
  AUDIENCE,
  TENANTS: tenantsWith({ acme: [issuer.issuer] }),
};
const workerd = new BareWorkerd(vars);
after(() => workerd.kill());

/** Returns the result of `action`, or undefined if it failed because the Worker was killed. */
async function unlessKilled(action) {
  try {
    return await action();
  } catch (error) {
    if (!workerd.isKilled) throw error;
    return undefined;
  }
}

/** Publishes records and returns the counts, or undefined if the Worker was killed first. */
const publish = (records) =>
  unlessKilled(async () => {
    const counts = await workerd.publish("acme", ...records);
    acknowledgements.add();
    return counts;
  });

/** Waits for a number of acknowledged batches. */
const acknowledgements = {
  add() {
    this.missing -= 1;
    if (this.missing === 0) this.resolve();
  },
  wait(count) {
    const { promise, resolve } = Promise.withResolvers();
    Object.assign(this, { missing: count, resolve });
    return count === 0 ? undefined : promise;
  },
};

const publishers = Array.from(
  { length: PUBLISHERS },
  (_, number) => new RetryingPublisher(publish, randomFrom(SEED + 1 + number), USERS),
);

const subscribeUrl = () => new URL("/acme/api/subscribe", workerd.url.href.replace("http", "ws"));
const createSubscriber = (sub) => ({
  client: new ReconnectingSubscriber(
    subscribeUrl,
    issuer.token(sub ? { sub, scope: "listen:events:self" } : {}),
  ),
  visible: (events) => events.filter(({ user_id }) => !sub || user_id === sub),
});
/** Subscribers that keep their sockets open until the Worker is killed. */
const staying = [createSubscriber(), createSubscriber(USERS[0])];
/** Subscribers that disconnect and reconnect all the time. */
const reconnecting = [createSubscriber(), createSubscriber(USERS[1])];
const subscribers = [...staying, ...reconnecting];

/** All events that were ever stored, in order. */
const stored = [];

/** Reads the replayable events and adds new ones to `stored`. */
async function readStored() {
  const response = await nodeFetch(new URL("/acme/api/events", workerd.url), {
    headers: { authorization: `Bearer ${issuer.token()}` },
  });
  assert.equal(response.status, 200);
  const events = (await response.json()).events.reverse();
  const known = events.findIndex(({ id }) => id === stored.at(-1)?.id) + 1;
  assert.deepEqual(events.slice(0, known), stored.slice(-known), "stored events are unchanged");
  stored.push(...events.slice(known));
  assert.equal(events.length, Math.min(stored.length, REPLAYABLE_EVENTS));
}

/** Checks all guarantees after a restart. Afterwards every subscriber is connected and up to date. */
async function checkGuarantees() {
  await readStored();
  for (const publisher of publishers) publisher.assertStored(stored);
  for (const { client, visible } of subscribers) {
    const expected = visible(stored);
    const message = "events received before the kill are stored, in order, without duplicates";
    assert.deepEqual(client.received, expected.slice(0, client.received.length), message);
    await client.resume();
    await client.catchUp();
    assert.deepEqual(client.received, expected, "a subscriber that resumed has all stored events");
  }
}

async function reconnectRepeatedly({ client }) {
  while (!workerd.isKilled) {
    await client.disconnect();
    await unlessKilled(() => client.resume());
  }
}

/** Kills the Worker at a random time while all clients are active. */
async function killUnderLoad({ below }) {
  const acknowledged = acknowledgements.wait(below(PUBLISHERS * BATCHES));
  const publishing = publishers.map((publisher) => publisher.publish(BATCHES));
  const allClients = Promise.all([...publishing, ...reconnecting.map(reconnectRepeatedly)]);
  await Promise.race([acknowledged, Promise.all(publishing), allClients]);
  await delay(below(10));
  await workerd.kill();
  await allClients;
  for (const { client } of subscribers) await client.closed();
}

describe(`after ${KILLS} kills of the process at random times`, () => {
  test("no acknowledged event is lost, and subscribers receive only stored events, once and in order", async (context) => {
    const random = randomFrom(SEED);
    let kills = 0;
    const interrupted = () => publishers.reduce((sum, publisher) => sum + publisher.interrupted, 0);
    try {
      await workerd.start();
      await checkGuarantees();
      while (kills < KILLS) {
        await killUnderLoad(random);
        kills += 1;
        workerd.configure({ ...vars, SHARDS: random.oneOf(["1", "2", "3"]) });
        await workerd.start();
        await checkGuarantees();
      }
    } finally {
      context.diagnostic(
        `SEED=${SEED}: ${kills} kills, ${stored.length} events, ${interrupted()} batches interrupted`,
      );
    }
    assert.ok(interrupted() > 0, "some kills interrupted a batch");
  });

  test("acknowledged records that are sent again are duplicates, and subscribers receive nothing", async () => {
    const records = publishers.flatMap(({ batches, acknowledged }) =>
      batches.slice(0, acknowledged).flat(),
    );
    const counts = await publish(records);
    assert.equal(counts.duplicates, records.length);
    for (const { client, visible } of subscribers) {
      await client.catchUp();
      assert.deepEqual(client.received, visible(stored));
    }
  });

  test("the log contains no errors", () => {
    const log = workerd.log.split("\n").filter((line) => !line.startsWith('{"what":"refused"'));
    assert.doesNotMatch(log.join("\n"), /error|exception|panic|uncaught/i);
    assert.doesNotMatch(workerd.log, /internal_error/);
  });
});
