// How long to wait before the next try: exponential back-off with full jitter. All clients lose
// their sockets in the same moment when the worker is deployed; the jitter keeps them from coming
// back in the same moment.

export interface BackoffBounds {
  /** Milliseconds. */
  readonly minReconnectDelay: number;
  /** Milliseconds. */
  readonly maxReconnectDelay: number;
}

/**
 * Milliseconds to wait after `failures` tries in a row that have failed, not counting this one:
 * anywhere between the minimum and a ceiling that doubles with each failure up to the maximum.
 */
export function backoff(failures: number, bounds: BackoffBounds): number {
  const { minReconnectDelay: min, maxReconnectDelay: max } = bounds;
  const ceiling = Math.min(max, min * 2 ** (failures + 1));
  return min + Math.random() * (ceiling - min);
}
