// The queue between a client, which does not wait for its listeners, and a `for await` loop.
import { SessionEventsError } from "./errors.ts";
import type { SessionEvent } from "./protocol.ts";

export class EventQueue {
  readonly #limit: number;
  readonly #waiting: SessionEvent[] = [];
  readonly #ended = new AbortController();
  /** The error that the loop throws at the end, if there is one. */
  #failure: { readonly error: unknown } | undefined;
  /** Continues the loop while it waits for an event. */
  #wake = () => {};

  /** At most `limit` events wait for the loop. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Aborted at the end: no event is added any more. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** Adds an event. Fails with `too_slow` if too many wait already. */
  add(event: SessionEvent): void {
    if (this.#waiting.length >= this.#limit) return this.fail(tooSlow(this.#limit));
    this.#waiting.push(event);
    this.#wake();
  }

  /** Ends the loop after the waiting events. */
  end(): void {
    this.#ended.abort();
    this.#wake();
  }

  /** Ends the loop after the waiting events with an error. */
  fail(error: unknown): void {
    if (!this.ended.aborted) this.#failure = { error };
    this.end();
  }

  /** Returns the iterator. The queue ends with it. */
  iterate(): AsyncGenerator<SessionEvent, void, undefined> {
    const events = this.#read();
    const endGenerator = events.return.bind(events);
    // Without this, `return()` would wait for a pending `next()`, and before the first `next()` it would
    // not end the queue.
    events.return = (value) => {
      this.#waiting.length = 0;
      this.end();
      return endGenerator(value);
    };
    return events;
  }

  async *#read(): AsyncGenerator<SessionEvent, void, undefined> {
    try {
      for (;;) {
        for (let event; (event = this.#waiting.shift());) yield event;
        if (this.#failure) throw this.#failure.error;
        if (this.ended.aborted) return;
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.end();
    }
  }
}

const tooSlow = (limit: number): SessionEventsError =>
  new SessionEventsError(
    "too_slow",
    `${limit} events waited for the loop, and the next one was dropped: handle events faster, or increase limit.`,
  );
