// How the time of one event grows with the number of listeners: where all of them hear of it, and
// where all but ten do not.
import { each, inPairs, row } from "./compare.mjs";
import { logout, user } from "./people.mjs";

const SIZES = [10, 100, 1_000, 3_000, 10_000, 20_000];
const WARM_UP = 100;
/** Deliveries after which a point has been measured well enough. */
const DELIVERIES = 30_000;
const [FEWEST, MOST] = [3, 20];

/** What each curve is of: the listeners from one number up to another. */
export const CURVES = {
  all: {
    title: "all of them `*`",
    listeners: (people, from, to) => people.backends(to - from, from),
  },
  others: {
    title: "10 `*`, the others `self`",
    listeners: (people, from, to) =>
      from === 0
        ? [...people.backends(10), ...people.users(to - 10, 100)]
        : people.users(to - from, 100, from),
  },
};

/** About whom nobody listens but those that are told of all. */
const record = () => [logout(user(0xffffff))];

/** One row for each size of each curve. */
export async function growth({ start, people, rounds, scale, most, progress }) {
  const sizes = SIZES.map((size) => Math.max(10, Math.ceil(size * scale)));
  // The largest that can be is one of the sizes, where not all can be.
  const feasible = [...new Set(sizes.map((size) => Math.min(size, most)))];
  const rows = [];
  for (const [curve, { title, listeners }] of Object.entries(CURVES)) {
    const sides = await start();
    let present = 0;
    for (const size of feasible) {
      progress(`${title}: ${size} listeners`);
      const newcomers = listeners(people, present, size);
      await each(sides, (side) => side.join(newcomers));
      const deed = async (side, news) => (await side.publish(news)).last;
      if (present === 0) await inPairs(sides, WARM_UP, deed, { prepare: record });
      present = size;
      const enough = Math.ceil(DELIVERIES / (curve === "all" ? size : 10));
      const pairs = Math.ceil((Math.min(MOST, Math.max(FEWEST, enough)) * rounds) / 5);
      const measured = await inPairs(sides, pairs, deed, { prepare: record });
      rows.push(row(measured, { title: `${size} listeners, ${title}`, curve, size }));
    }
    await each(sides, (side) => side.stop());
  }
  return rows;
}
