// Measures the two sides against each other: the same deed on both, turn by turn, so that whatever
// else the machine does meanwhile does it to both.
import { median, p99 } from "./statistics.mjs";

/** Does the same on each side, one after the other. */
export async function each(sides, deed) {
  for (const side of sides) await deed(side);
}

/**
 * Has `deed(side, argument)` give a number, `pairs` times on each of two sides that take turns in
 * going first; `prepare` gives the argument, which is the same for both, and `undo(side)` undoes
 * the deed. Gives the numbers by side, and the processor time that each deed took.
 */
export async function inPairs(
  sides,
  pairs,
  deed,
  { prepare = () => undefined, undo = () => {}, progress = () => {} } = {},
) {
  const samples = Object.fromEntries(sides.map(({ name }) => [name, []]));
  await each(sides, (side) => side.settle());
  const started = new Map(sides.map((side) => [side, side.cpu()]));
  for (let pair = 0; pair < pairs; pair += 1) {
    progress(`${pair} of ${pairs}`);
    const argument = await prepare();
    const order = pair % 2 ? sides : sides.toReversed();
    for (const side of order) {
      samples[side.name].push(await deed(side, argument));
      const done = side.cpu();
      await undo(side);
      // What undoing took does not count.
      started.set(side, started.get(side) + side.cpu() - done);
    }
  }
  await each(sides, (side) => side.settle());
  const measured = (side) => {
    const cpu = (side.cpu() - started.get(side)) / pairs;
    return { samples: samples[side.name], cpu: Number.isNaN(cpu) ? undefined : cpu };
  };
  return Object.fromEntries(sides.map((side) => [side.name, measured(side)]));
}

/** A row of the table, of what `inPairs` gives: `per` divides the times, `events` the processor time. */
export function row(measured, { per = 1, events = per, ...rest } = {}) {
  const side = ({ samples, cpu }) => ({
    median: median(samples) / per,
    p99: p99(samples) / per,
    samples: samples.length,
    cpu: cpu === undefined ? undefined : cpu / events,
  });
  const [ours, floor] = [side(measured.ours), side(measured.floor)];
  return { ours, floor, ratio: ours.median / floor.median, ...rest };
}
