// A typed event emitter. An error thrown by a listener is reported as an uncaught exception. It
// affects neither the other listeners nor the code that emits the event.

export class Emitter<Events extends object> {
  readonly #entries = new Map<keyof Events, Set<{ readonly listener: (value: never) => void }>>();

  /** Registers a listener. Returns a function that removes it. */
  on<K extends keyof Events>(name: K, listener: (value: Events[K]) => void): () => void {
    if (typeof listener !== "function") throw new TypeError("a listener must be a function");
    const entries = this.#entries.get(name) ?? new Set();
    this.#entries.set(name, entries);
    // A separate object per registration, so that a function registered twice is called twice.
    const entry = { listener };
    entries.add(entry);
    return () => void entries.delete(entry);
  }

  emit<K extends keyof Events>(name: K, value: Events[K]): void {
    for (const { listener } of [...(this.#entries.get(name) ?? [])]) {
      try {
        (listener as (value: Events[K]) => void)(value);
      } catch (error) {
        reportUncaught(error);
      }
    }
  }
}

function reportUncaught(error: unknown): void {
  if (typeof reportError === "function") return reportError(error);
  queueMicrotask(() => {
    throw error;
  });
}
