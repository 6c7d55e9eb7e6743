// Delays before reconnections. All of them are random, so that the clients that lost their
// connections at the same moment do not all return at the same moment.

export interface BackoffBounds {
  /** In milliseconds. */
  readonly minReconnectDelay: number;
  /** In milliseconds. */
  readonly maxReconnectDelay: number;
}

/**
 * Exponential back-off with full jitter. Returns the delay after a failed attempt, in milliseconds: a
 * random value between the minimum and a ceiling. The ceiling starts at twice the minimum and doubles
 * with each consecutive failure before this one, up to the maximum.
 */
export function backoff(previousFailures: number, bounds: BackoffBounds): number {
  const { minReconnectDelay: min, maxReconnectDelay: max } = bounds;
  return randomBetween(min, Math.min(max, min * 2 ** (previousFailures + 1)));
}

/**
 * Returns the delay after the loss of a connection that worked, in milliseconds. A deployment of the
 * Worker closes all sockets at once, so `reconnectSpread` is longer than the first back-off delay.
 */
export function spread(bounds: BackoffBounds & { readonly reconnectSpread: number }): number {
  const { minReconnectDelay: min, maxReconnectDelay: max, reconnectSpread } = bounds;
  return randomBetween(min, Math.min(max, min + reconnectSpread));
}

const randomBetween = (min: number, max: number): number => min + Math.random() * (max - min);
