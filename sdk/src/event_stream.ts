// Session events as an async iterator, for `for await`.
import { NORMAL_CLOSURE } from "./close_codes.ts";
import { SessionEventsError } from "./errors.ts";
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
  const waiting: SessionEvent[] = [];
  const listeners = new AbortController();
  const options = { signal: listeners.signal } satisfies ListenerOptions;
  let lastError: SessionEventsError | undefined;
  let end: { readonly error?: unknown } | undefined;
  let wake = () => {};
  const finish = (reason: { readonly error?: unknown }) => {
    end ??= reason;
    listeners.abort();
    wake();
  };

  const onEvent = (event: SessionEvent) => {
    if (waiting.length >= limit) return finish({ error: tooSlow(limit) });
    waiting.push(event);
    wake();
  };
  source.on("event", onEvent, { ...filter, ...options });
  source.on("error", (error) => (lastError = error), options);
  source.on(
    "disconnected",
    ({ code, reason }) =>
      finish(code === NORMAL_CLOSURE ? {} : { error: lastError ?? stopped(code, reason) }),
    options,
  );
  const onAbort = () => finish({ error: signal?.reason });
  if (signal?.aborted) onAbort();
  signal?.addEventListener("abort", onAbort, options);

  async function* read() {
    try {
      for (;;) {
        for (let event; (event = waiting.shift());) yield event;
        if (end && "error" in end) throw end.error;
        if (end) return;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      listeners.abort();
    }
  }
  const events = read();
  const endGenerator = events.return.bind(events);
  // The generator alone would return only after the next event if a step waits for it, and would keep
  // its listeners before the first step.
  events.return = (value) => {
    waiting.length = 0;
    finish({});
    return endGenerator(value);
  };
  return events;
}

const tooSlow = (limit: number): SessionEventsError =>
  new SessionEventsError(
    "too_slow",
    `${limit} events waited for the loop, and the next one was dropped: handle events faster, or increase limit.`,
  );

const stopped = (code: number, reason: string): SessionEventsError =>
  new SessionEventsError("closed", `The connection was closed with ${code} ${reason}.`);
