import type { SessionEvent } from "./protocol.ts";

/** The last events that were delivered, at most `limit` of them. Detects duplicates by id. */
export class RecentEvents {
  readonly #limit: number;
  /** In the order of delivery, because a Map keeps its entries in insertion order. */
  readonly #byId = new Map<string, SessionEvent>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Remembers an event and drops the oldest one if there are too many. False for a duplicate. */
  add(event: SessionEvent): boolean {
    if (this.#byId.has(event.id)) return false;
    this.#byId.set(event.id, event);
    for (const oldest of this.#byId.keys()) {
      if (this.#byId.size <= this.#limit) break;
      this.#byId.delete(oldest);
    }
    return true;
  }

  /** The remembered events, oldest first. */
  toArray(): SessionEvent[] {
    return [...this.#byId.values()];
  }
}
