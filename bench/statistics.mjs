// Summaries of samples.

const sorted = (samples) => samples.toSorted((a, b) => a - b);

/** The median. For an even number of samples, the mean of the middle two. */
export function median(samples) {
  const all = sorted(samples);
  const middle = Math.floor(all.length / 2);
  return all.length % 2 ? all[middle] : (all[middle - 1] + all[middle]) / 2;
}

/** The 99th percentile. For fewer than 100 samples, the maximum. */
export const p99 = (samples) => sorted(samples)[Math.ceil(samples.length * 0.99) - 1];
