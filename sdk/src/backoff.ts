// Exponential back-off with full jitter. A deployment of the Worker closes all sockets at once; the
// jitter spreads the reconnections over time.

export interface BackoffBounds {
  /** In milliseconds. */
  readonly minReconnectDelay: number;
  /** In milliseconds. */
  readonly maxReconnectDelay: number;
}

/**
 * Returns the delay after a failed attempt, in milliseconds: a random value between the minimum and
 * a ceiling. The ceiling starts at twice the minimum and doubles with each consecutive failure
 * before this one, up to the maximum.
 */
export function backoff(previousFailures: number, bounds: BackoffBounds): number {
  const { minReconnectDelay: min, maxReconnectDelay: max } = bounds;
  const ceiling = Math.min(max, min * 2 ** (previousFailures + 1));
  return min + Math.random() * (ceiling - min);
}
