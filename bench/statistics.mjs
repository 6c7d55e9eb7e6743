// What is told of many measurements.

const sorted = (samples) => samples.toSorted((a, b) => a - b);

/** The middle one, or what lies between the two in the middle. */
export function median(samples) {
  const all = sorted(samples);
  const middle = Math.floor(all.length / 2);
  return all.length % 2 ? all[middle] : (all[middle - 1] + all[middle]) / 2;
}

/** What no more than one in a hundred is above; of less than a hundred samples, the greatest. */
export const p99 = (samples) => sorted(samples)[Math.ceil(samples.length * 0.99) - 1];
