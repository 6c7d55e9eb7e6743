// Chance that can be had again: a failure tells its seed, and SEED in the environment makes the
// same choices. When they take effect is still up to the machine.
import { randomInt } from "node:crypto";

export const SEED = Number(process.env.SEED ?? randomInt(1e9));

/** A generator of its own (mulberry32) for everyone who makes choices beside others. */
export function randomFrom(seed) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (bound) => Math.floor(next() * bound);
  return { below, oneOf: (values) => values[below(values.length)] };
}
