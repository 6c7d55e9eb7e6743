// The worker is killed again and again while events go through it, with its storage on disk. What
// the documentation promises of a crash at any moment has to hold after each, for publishers that
// repeat what was not acknowledged and listeners that name the last event they got.
//
// A killed process loses what it had not handed to the operating system; nothing is cut from the
// operating system itself.
//
// Each time it comes back, its sockets are held by another number of objects: also changing that
// loses nobody's event.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import { BareWorkerd, startIssuer } from "../support/bare_workerd.mjs";
import { nodeFetch } from "../support/issuer.mjs";
import { LastingListener, LastingPublisher } from "../support/reconnecting_clients.mjs";
import { randomFrom, SEED } from "../support/random.mjs";
import { PUBLISH_SECRET } from "../support/worker.mjs";

const KILLS = 100;
/** How many events the worker keeps. */
const KEPT = 100;
const PUBLISHERS = 4;
/** So many of a publisher's batches between two kills are no more events than are kept. */
const BATCHES = 5;
const USERS = ["auth0|jane", "auth0|john", "auth0|ada"];

const issuer = await startIssuer();
const vars = {
  PUBLISH_SECRET,
  ISSUERS: JSON.stringify({ acme: [{ issuer: issuer.issuer }] }),
};
const workerd = new BareWorkerd(vars);
after(() => workerd.kill());

/** What the deed gives, or nothing where the worker was killed meanwhile. */
async function unlessKilled(deed) {
  try {
    return await deed();
  } catch (error) {
    if (!workerd.isKilled) throw error;
    return undefined;
  }
}

/** Publishes records, and gives the receipt, or nothing where the worker was killed first. */
const publish = (records) =>
  unlessKilled(async () => {
    const receipt = await workerd.publish("acme", ...records);
    receipts.arrived();
    return receipt;
  });

/** Tells when so many batches have been acknowledged. */
const receipts = {
  arrived() {
    this.awaited -= 1;
    if (this.awaited === 0) this.resolve();
  },
  wait(count) {
    const { promise, resolve } = Promise.withResolvers();
    Object.assign(this, { awaited: count, resolve });
    return count === 0 ? undefined : promise;
  },
};

const publishers = Array.from(
  { length: PUBLISHERS },
  (_, number) => new LastingPublisher(publish, randomFrom(SEED + 1 + number), USERS),
);

const subscribeUrl = () => new URL("/acme/api/subscribe", workerd.url.href.replace("http", "ws"));
const listenerOf = (sub) => ({
  client: new LastingListener(
    subscribeUrl,
    issuer.token(sub ? { sub, scope: "listen:events:self" } : {}),
  ),
  mayHear: (events) => events.filter(({ user_id }) => !sub || user_id === sub),
});
/** They keep their sockets as long as the worker lives. */
const patient = [listenerOf(), listenerOf(USERS[0])];
/** They leave and come back all the time. */
const restless = [listenerOf(), listenerOf(USERS[1])];
const listeners = [...patient, ...restless];

/** All events that were ever stored, in their order. */
const stored = [];

/** Reads the events that are kept, oldest first, and adds the new ones to `stored`. */
async function readStored() {
  const response = await nodeFetch(new URL("/acme/api/events", workerd.url), {
    headers: { authorization: `Bearer ${issuer.token()}` },
  });
  assert.equal(response.status, 200);
  const kept = (await response.json()).events.reverse();
  const known = kept.findIndex(({ id }) => id === stored.at(-1)?.id) + 1;
  assert.deepEqual(kept.slice(0, known), stored.slice(-known), "what was kept still is");
  stored.push(...kept.slice(known));
  assert.equal(kept.length, Math.min(stored.length, KEPT), "as many as ever are kept");
}

/** What has to hold whenever the worker has come back; at the end, everyone listens and knows all. */
async function checkAll() {
  await readStored();
  for (const publisher of publishers) publisher.assertStored(stored);
  for (const { client, mayHear } of listeners) {
    const expected = mayHear(stored);
    const story = "heard before the kill: what is stored, in its order, once";
    assert.deepEqual(client.heard, expected.slice(0, client.heard.length), story);
    await client.resume();
    await client.catchUp();
    assert.deepEqual(client.heard, expected, "heard after coming back: all that is stored, once");
  }
}

async function leaveAndComeBack({ client }) {
  while (!workerd.isKilled) {
    await client.leave();
    await unlessKilled(() => client.resume());
  }
}

/** Kills the worker at a random moment while everyone is at work. */
async function killInTheMidst({ below }) {
  const moment = receipts.wait(below(PUBLISHERS * BATCHES));
  const publishing = publishers.map((publisher) => publisher.publish(BATCHES));
  const everyone = Promise.all([...publishing, ...restless.map(leaveAndComeBack)]);
  await Promise.race([moment, Promise.all(publishing), everyone]);
  await delay(below(10));
  await workerd.kill();
  await everyone;
  for (const { client } of listeners) await client.ended();
}

describe(`over ${KILLS} deaths of the process at any moment`, () => {
  test("no acknowledged event is lost, and none is heard that is not kept, or twice, or out of order", async (context) => {
    const random = randomFrom(SEED);
    let kills = 0;
    const cutOff = () => publishers.reduce((sum, publisher) => sum + publisher.cutOff, 0);
    try {
      await workerd.start();
      await checkAll();
      while (kills < KILLS) {
        await killInTheMidst(random);
        kills += 1;
        workerd.configure({ ...vars, SHARDS: random.oneOf(["1", "2", "3"]) });
        await workerd.start();
        await checkAll();
      }
    } finally {
      context.diagnostic(
        `SEED=${SEED}: ${kills} kills, ${stored.length} events, ${cutOff()} batches cut off`,
      );
    }
    assert.ok(cutOff() > 0, "the kills came in the midst of publishing");
  });

  test("what was acknowledged is a duplicate when it comes again, and nobody hears it again", async () => {
    const records = publishers.flatMap(({ batches, acknowledged }) =>
      batches.slice(0, acknowledged).flat(),
    );
    const receipt = await publish(records);
    assert.equal(receipt.duplicates, records.length);
    for (const { client, mayHear } of listeners) {
      await client.catchUp();
      assert.deepEqual(client.heard, mayHear(stored));
    }
  });

  test("nothing is amiss in the log", () => {
    const log = workerd.log.split("\n").filter((line) => !line.startsWith('{"what":"refused"'));
    assert.doesNotMatch(log.join("\n"), /error|exception|panic|uncaught/i);
    assert.doesNotMatch(workerd.log, /internal_error/);
  });
});
