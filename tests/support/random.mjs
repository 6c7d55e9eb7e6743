// Reproducible random choices. A failing test prints its seed; SEED in the environment repeats the
// choices. Their timing still depends on the machine.
import { randomInt } from "node:crypto";

export const SEED = Number(process.env.SEED ?? randomInt(1e9));

/** Returns an independent random generator (mulberry32). */
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
