// Session events as an async iterator, for `for await`.
import { NORMAL_CLOSURE } from "./close_codes.ts";
import { SessionEventsError } from "./errors.ts";
import { EventQueue } from "./event_queue.ts";
import type { EventFilter, EventSubscriptions, ListenerOptions } from "./event_subscriptions.ts";
import type { SessionEvent } from "./protocol.ts";

export interface EventStreamOptions extends EventFilter {
  /** Ends the iteration when aborted. The loop throws the reason of the signal. */
  readonly signal?: AbortSignal | undefined;
  /** The number of events that may wait for the loop. One more ends the iteration with the error
   * `too_slow`. Default: 1,000. */
  readonly limit?: number | undefined;
}

interface Source {
  readonly event: SessionEvent;
  readonly error: SessionEventsError;
  readonly disconnected: { readonly code: number; readonly reason: string };
}

const DEFAULT_LIMIT = 1_000;

/**
 * Returns an iterator over the events from now on. It ends when the application closes the client.
 * It throws the last error when the client stops by itself.
 */
export function eventStream<Events extends Source>(
  client: EventSubscriptions<Events>,
  { signal, limit = DEFAULT_LIMIT, ...filter }: EventStreamOptions = {},
): AsyncGenerator<SessionEvent, void, undefined> {
  if (!(typeof limit === "number" && limit >= 1))
    throw new TypeError("limit must be a positive number of events");
  const source = client as unknown as EventSubscriptions<Source>;
  const queue = new EventQueue(limit);
  const options = { signal: queue.ended } satisfies ListenerOptions;
  let lastError: SessionEventsError | undefined;
  source.on("event", (event) => queue.add(event), { ...filter, ...options });
  source.on("error", (error) => (lastError = error), options);
  source.on(
    "disconnected",
    ({ code, reason }) =>
      code === NORMAL_CLOSURE ? queue.end() : queue.fail(lastError ?? stopped(code, reason)),
    options,
  );
  const onAbort = () => queue.fail(signal?.reason);
  if (signal?.aborted) onAbort();
  signal?.addEventListener("abort", onAbort, options);
  return queue.iterate();
}

const stopped = (code: number, reason: string): SessionEventsError =>
  new SessionEventsError("closed", `The connection was closed with ${code} ${reason}.`);
