// Compares the two sides. They take turns with the same operation, so that other activity on the
// machine affects both.
import { median, p99 } from "./statistics.mjs";

/** Runs the operation on one side after the other. */
export async function forEachSide(sides, operation) {
  for (const side of sides) await operation(side);
}

/**
 * Runs `operation(side, input)`, which returns a number, `pairs` times on both sides. The sides
 * alternate in going first. `prepare` creates the input of a pair, and `cleanUp(side)` reverts the
 * operation. Returns the numbers and the processor time per operation, by the side's name.
 */
export async function measurePairs(
  sides,
  pairs,
  operation,
  { prepare = () => undefined, cleanUp = () => {}, progress = () => {} } = {},
) {
  const samples = Object.fromEntries(sides.map(({ name }) => [name, []]));
  await forEachSide(sides, (side) => side.settle());
  const cpuAtStart = new Map(sides.map((side) => [side, side.cpu()]));
  for (let pair = 0; pair < pairs; pair += 1) {
    progress(`${pair} of ${pairs}`);
    const input = await prepare();
    const order = pair % 2 ? sides : sides.toReversed();
    for (const side of order) {
      samples[side.name].push(await operation(side, input));
      const cpuBeforeCleanUp = side.cpu();
      await cleanUp(side);
      // Exclude the processor time of the clean-up.
      cpuAtStart.set(side, cpuAtStart.get(side) + side.cpu() - cpuBeforeCleanUp);
    }
  }
  await forEachSide(sides, (side) => side.settle());
  const result = (side) => {
    const cpu = (side.cpu() - cpuAtStart.get(side)) / pairs;
    return { samples: samples[side.name], cpu: Number.isNaN(cpu) ? undefined : cpu };
  };
  return Object.fromEntries(sides.map((side) => [side.name, result(side)]));
}

/**
 * Summarizes a result of `measurePairs` as a row of the table. Times are divided by `per`, processor
 * time by `events`.
 */
export function toRow(measured, { per = 1, events = per, ...rest } = {}) {
  const summarize = ({ samples, cpu }) => ({
    median: median(samples) / per,
    p99: p99(samples) / per,
    samples: samples.length,
    cpu: cpu === undefined ? undefined : cpu / events,
  });
  const [ours, floor] = [summarize(measured.ours), summarize(measured.floor)];
  return { ours, floor, ratio: ours.median / floor.median, ...rest };
}
