// The delivery time of one event as the number of subscribers grows. One curve has only subscribers
// that receive the event; in the other, all but ten do not receive it.
import { forEachSide, measurePairs, toRow } from "./compare.mjs";
import { logoutRecord, userId } from "./records.mjs";

const SIZES = [10, 100, 1_000, 3_000, 10_000, 20_000];
const WARM_UP = 100;
/** The number of deliveries that makes a point of the curve precise enough. */
const DELIVERIES = 30_000;
const MIN_PAIRS = 3;
const MAX_PAIRS = 20;

/** The curves. `subscribers` returns those to add when the number grows `from` one size `to` another. */
export const CURVES = {
  all: {
    title: "all of them `*`",
    subscribers: (subscribers, from, to) => subscribers.allEvents(to - from, from),
  },
  others: {
    title: "10 `*`, the others `self`",
    subscribers: (subscribers, from, to) =>
      from === 0
        ? [...subscribers.allEvents(10), ...subscribers.ownEvents(to - 10, 100)]
        : subscribers.ownEvents(to - from, 100, from),
  },
};

/** A record of a user without subscribers of their own, so only `*` subscribers receive the event. */
const otherUsersRecord = () => [logoutRecord(userId(0xffffff))];

/** Returns one row for each size of each curve. */
export async function growth({ start, subscribers, rounds, scale, maxSockets, progress }) {
  const scaled = SIZES.map((size) => Math.max(10, Math.ceil(size * scale)));
  // If the system does not allow the largest size, the curve ends at the size that it does allow.
  const sizes = [...new Set(scaled.map((size) => Math.min(size, maxSockets)))];
  const rows = [];
  for (const [curve, { title, subscribers: toAdd }] of Object.entries(CURVES)) {
    const sides = await start();
    let connected = 0;
    for (const size of sizes) {
      progress(`${title}: ${size} subscribers`);
      const added = toAdd(subscribers, connected, size);
      await forEachSide(sides, (side) => side.connect(added));
      const publish = async (side, records) => (await side.publish(records)).last;
      if (connected === 0) {
        await measurePairs(sides, WARM_UP, publish, { prepare: otherUsersRecord });
      }
      connected = size;
      const receivers = curve === "all" ? size : 10;
      const requiredPairs = Math.ceil(DELIVERIES / receivers);
      const pairsIn5Rounds = Math.min(MAX_PAIRS, Math.max(MIN_PAIRS, requiredPairs));
      const pairs = Math.ceil((pairsIn5Rounds * rounds) / 5);
      const measured = await measurePairs(sides, pairs, publish, { prepare: otherUsersRecord });
      rows.push(toRow(measured, { title: `${size} subscribers, ${title}`, curve, size }));
    }
    await forEachSide(sides, (side) => side.stop());
  }
  return rows;
}
