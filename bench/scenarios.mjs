// What is measured. Each scenario has a runtime of each side to itself.
import { setTimeout as delay } from "node:timers/promises";

import { each, inPairs, row } from "./compare.mjs";
import { growth } from "./growth.mjs";
import { logout, shortLogout, user } from "./people.mjs";

/** Before anything counts, so many events: until then the runtimes are still compiling. */
const WARM_UP = 100;
/** An object without anything to do hibernates after ten seconds; nothing tells when it has. */
const UNTIL_HIBERNATION_MS = 12_000;

/**
 * Publishes `records()` to `listeners(people)`, and measures until the last who is to hear of it
 * has heard, or with `until: "answer"`, until the answer is there.
 */
const publishing =
  ({ listeners = () => [], records, pairs, warmUp = WARM_UP, until = "last" }) =>
  async ({ start, people, count, rounds, progress }) => {
    const sides = await start();
    const crowd = listeners(people, count);
    await each(sides, (side) => side.join(crowd));
    const deed = async (side, batch) => (await side.publish(batch))[until];
    await inPairs(sides, warmUp, deed, { prepare: records });
    const measured = await inPairs(sides, rounds * pairs, deed, { prepare: records, progress });
    return [row(measured, { events: records().length })];
  };

/** Opens all of `listeners(people)` and lets them go, again and again. */
const joining =
  ({ listeners, pairs, per, atOnce, onUpgrade, warmUp }) =>
  async ({ start, people, count, rounds, progress }) => {
    const sides = await start();
    const crowd = listeners(people, count);
    const deed = (side) => side.join(crowd, { atOnce, onUpgrade });
    const undo = async (side) => {
      await side.leave();
      await side.settle();
    };
    await inPairs(sides, warmUp, deed, { undo });
    const measured = await inPairs(sides, rounds * pairs, deed, { undo, progress });
    return [row(measured, { per: per ? crowd.length : 1, events: crowd.length })];
  };

/** Whom a batch is about: each record another user. */
const batch = (count, record = logout) =>
  Array.from({ length: count }, (_, at) => record(user(at)));

/** Of an object that hibernates with its sockets, and of one that does not; and their memory. */
async function wakeUp({ start, people, count, rounds, most, progress }) {
  const sides = await start();
  const empty = sides.map((side) => side.memory());
  const size = Math.min(count(10_000), most);
  const crowd = [...people.backends(10), ...people.users(size - 10, 100)];
  await each(sides, (side) => side.join(crowd));
  const prepare = () => [logout(user(0))];
  const deed = async (side, news) => (await side.publish(news)).first;
  await inPairs(sides, WARM_UP, deed, { prepare });
  const memory = sides.map((side, at) => side.memory() && (side.memory() - empty[at]) / size);
  const awake = await inPairs(sides, rounds * 4, deed, { prepare });
  let time = 0;
  const asleep = await inPairs(sides, Math.min(rounds, 4), deed, {
    progress,
    prepare: async () => {
      progress(`waiting for hibernation, time ${(time += 1)}`);
      await delay(UNTIL_HIBERNATION_MS);
      return prepare();
    },
  });
  const [ours, floor] = memory.map((bytes) => ({ median: bytes / 1024 }));
  const known = memory.every((bytes) => bytes !== undefined);
  return [
    row(asleep, { title: `hibernating with ${size} sockets, until the first delivery` }),
    row(awake, { title: "the same, awake" }),
    ...(known
      ? [
          {
            title: "memory of an idle socket",
            unit: "KiB",
            ours,
            floor,
            ratio: ours.median / floor.median,
          },
        ]
      : []),
  ];
}

async function startUp({ start, rounds, progress }) {
  const sides = await start();
  await each(sides, (side) => side.stop());
  const deed = async (side) => {
    await side.start();
    await side.stop();
    return side.startedIn;
  };
  return [row(await inPairs(sides, rounds * 2, deed, { progress }))];
}

export const SCENARIOS = [
  {
    name: "fan-out",
    title: "1 event, 500 `*` + 500 `self` (100 of them its user's)",
    wanted: 1.05,
    run: publishing({
      pairs: 20,
      listeners: (people, count) => [
        ...people.backends(count(500)),
        ...people.users(count(500), 100),
      ],
      records: () => batch(1),
    }),
  },
  {
    name: "needle",
    title: "1 event, 10 `*` + 3,000 `self` (1 of them its user's)",
    wanted: 0.4,
    run: publishing({
      pairs: 60,
      listeners: (people, count) => [...people.backends(10), ...people.users(count(3_000))],
      records: () => batch(1),
    }),
  },
  {
    name: "batch",
    title: "100 events in a batch, 10 `*` + 100 `self`",
    wanted: 1.1,
    run: publishing({
      pairs: 20,
      warmUp: 20,
      listeners: (people) => [...people.backends(10), ...people.users(100)],
      records: () => batch(100),
    }),
  },
  {
    name: "connect",
    title: "connect and authenticate, a socket",
    wanted: 1.25,
    run: joining({
      pairs: 4,
      per: true,
      warmUp: 3,
      atOnce: 50,
      listeners: (people, count) => people.users(count(500)),
    }),
  },
  {
    name: "nobody",
    title: "1 event, nobody listens, until the answer",
    run: publishing({ pairs: 40, until: "answer", records: () => batch(1) }),
  },
  {
    name: "burst",
    title: "10,000 events in a body, 10 `*` + 100 `self`",
    run: publishing({
      pairs: 1,
      warmUp: 1,
      listeners: (people) => [...people.backends(10), ...people.users(100)],
      records: () => batch(10_000, shortLogout),
    }),
  },
  {
    name: "wake-up",
    title: "waking up from hibernation with 10,000 sockets",
    run: wakeUp,
  },
  {
    name: "storm",
    title: "5,000 sockets come back at once, with tokens on the upgrade",
    run: joining({
      pairs: 1,
      warmUp: 1,
      atOnce: 5_000,
      onUpgrade: true,
      listeners: (people, count) => people.users(count(5_000), 5),
    }),
  },
  { name: "growth", title: "1 event to a growing number of listeners", run: growth },
  { name: "start", title: "start of the runtime, until the object has answered", run: startUp },
];
