// The scenarios. Each one starts its own runtime for each side.
import { setTimeout as delay } from "node:timers/promises";

import { forEachSide, measurePairs, toRow } from "./compare.mjs";
import { growth } from "./growth.mjs";
import { noisyNeighbour } from "./noisy_neighbour.mjs";
import { logoutBatch, logoutRecord, shortLogoutRecord, userId } from "./records.mjs";

/** The number of events before the measurement, while the runtimes still compile the code. */
const WARM_UP = 100;
/** An idle Durable Object hibernates after ten seconds, without any notification. */
const HIBERNATION_WAIT_MS = 12_000;

/**
 * Publishes the batch of `records()` to the given subscribers. Measures the time until the last
 * delivery, or with `until: "response"` until the response to the publisher.
 */
const publishing =
  ({ listSubscribers = () => [], records, pairs, warmUp = WARM_UP, until = "last" }) =>
  async ({ start, subscribers, scaled, rounds, progress }) => {
    const sides = await start();
    const connected = listSubscribers(subscribers, scaled);
    await forEachSide(sides, (side) => side.connect(connected));
    const publish = async (side, batch) => (await side.publish(batch))[until];
    await measurePairs(sides, warmUp, publish, { prepare: records });
    const options = { prepare: records, progress };
    const measured = await measurePairs(sides, rounds * pairs, publish, options);
    return [toRow(measured, { events: records().length })];
  };

/** Connects all of the given subscribers and disconnects them, repeatedly. */
const connecting =
  ({ listSubscribers, pairs, perSocket, concurrency, tokenOnUpgrade, warmUp }) =>
  async ({ start, subscribers, scaled, rounds, progress }) => {
    const sides = await start();
    const connected = listSubscribers(subscribers, scaled);
    const connect = (side) => side.connect(connected, { concurrency, tokenOnUpgrade });
    const cleanUp = async (side) => {
      await side.disconnectAll();
      await side.settle();
    };
    await measurePairs(sides, warmUp, connect, { cleanUp });
    const measured = await measurePairs(sides, rounds * pairs, connect, { cleanUp, progress });
    return [toRow(measured, { per: perSocket ? connected.length : 1, events: connected.length })];
  };

/**
 * Measures the first delivery of a hibernating and of an active object with many sockets, and the
 * memory for each socket.
 */
async function wakeUp({ start, subscribers, scaled, rounds, maxSockets, progress }) {
  const sides = await start();
  const memoryBefore = sides.map((side) => side.memory());
  const size = Math.min(scaled(10_000), maxSockets);
  const connected = [...subscribers.allEvents(10), ...subscribers.ownEvents(size - 10, 100)];
  await forEachSide(sides, (side) => side.connect(connected));
  const prepare = () => [logoutRecord(userId(0))];
  const publish = async (side, records) => (await side.publish(records)).first;
  await measurePairs(sides, WARM_UP, publish, { prepare });
  const memoryPerSocket = sides.map(
    (side, index) => side.memory() && (side.memory() - memoryBefore[index]) / size,
  );
  const awake = await measurePairs(sides, rounds * 4, publish, { prepare });
  let waits = 0;
  const hibernating = await measurePairs(sides, Math.min(rounds, 4), publish, {
    progress,
    prepare: async () => {
      waits += 1;
      progress(`waiting for hibernation, time ${waits}`);
      await delay(HIBERNATION_WAIT_MS);
      return prepare();
    },
  });
  const rows = [
    toRow(hibernating, { title: `hibernating with ${size} sockets, until the first delivery` }),
    toRow(awake, { title: "the same, awake" }),
  ];
  if (memoryPerSocket.every((bytes) => bytes !== undefined)) {
    const [ours, floor] = memoryPerSocket.map((bytes) => ({ median: bytes / 1024 }));
    const ratio = ours.median / floor.median;
    rows.push({ title: "memory of an idle socket", unit: "KiB", ours, floor, ratio });
  }
  return rows;
}

async function startUp({ start, rounds, progress }) {
  const sides = await start();
  await forEachSide(sides, (side) => side.stop());
  const restart = async (side) => {
    await side.start();
    await side.stop();
    return side.startTime;
  };
  return [toRow(await measurePairs(sides, rounds * 2, restart, { progress }))];
}

/**
 * All scenarios. `target` is the maximum ratio of our time to that of the floor, or for
 * `noisy-neighbour` to our time without noise. A run that exceeds it does not fail.
 */
export const SCENARIOS = [
  {
    name: "fan-out",
    title: "1 event, 500 `*` + 500 `self` (100 of them of the event's user)",
    target: 1.05,
    run: publishing({
      pairs: 20,
      listSubscribers: (subscribers, scaled) => [
        ...subscribers.allEvents(scaled(500)),
        ...subscribers.ownEvents(scaled(500), 100),
      ],
      records: () => logoutBatch(1),
    }),
  },
  {
    name: "needle",
    title: "1 event, 10 `*` + 3,000 `self` (1 of them of the event's user)",
    target: 0.4,
    run: publishing({
      pairs: 60,
      listSubscribers: (subscribers, scaled) => [
        ...subscribers.allEvents(10),
        ...subscribers.ownEvents(scaled(3_000)),
      ],
      records: () => logoutBatch(1),
    }),
  },
  {
    name: "batch",
    title: "100 events in a batch, 10 `*` + 100 `self`",
    target: 1.1,
    run: publishing({
      pairs: 20,
      warmUp: 20,
      listSubscribers: (subscribers) => [
        ...subscribers.allEvents(10),
        ...subscribers.ownEvents(100),
      ],
      records: () => logoutBatch(100),
    }),
  },
  {
    name: "connect",
    title: "connect and authenticate, per socket",
    target: 1.25,
    run: connecting({
      pairs: 4,
      perSocket: true,
      warmUp: 3,
      concurrency: 50,
      listSubscribers: (subscribers, scaled) => subscribers.ownEvents(scaled(500)),
    }),
  },
  {
    name: "nobody",
    title: "1 event, no subscribers, until the response",
    run: publishing({ pairs: 40, until: "response", records: () => logoutBatch(1) }),
  },
  {
    name: "burst",
    title: "10,000 events in a body, 10 `*` + 100 `self`",
    run: publishing({
      pairs: 1,
      warmUp: 1,
      listSubscribers: (subscribers) => [
        ...subscribers.allEvents(10),
        ...subscribers.ownEvents(100),
      ],
      records: () => logoutBatch(10_000, shortLogoutRecord),
    }),
  },
  {
    name: "wake-up",
    title: "wake-up from hibernation with 10,000 sockets",
    run: wakeUp,
  },
  {
    name: "storm",
    title: "5,000 sockets reconnect at once, with tokens on the upgrade",
    run: connecting({
      pairs: 1,
      warmUp: 1,
      concurrency: 5_000,
      tokenOnUpgrade: true,
      listSubscribers: (subscribers, scaled) => subscribers.ownEvents(scaled(5_000), 5),
    }),
  },
  {
    name: "noisy-neighbour",
    title:
      "1 event while others flood the Worker; instead of the floor, the Worker without the flood",
    target: 3,
    run: noisyNeighbour,
  },
  { name: "growth", title: "1 event to a growing number of subscribers", run: growth },
  { name: "start", title: "start of the runtime, until the object responds", run: startUp },
];
