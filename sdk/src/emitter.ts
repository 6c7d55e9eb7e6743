// A typed event emitter. A listener that throws keeps no other from being called and breaks
// nothing in whoever emits; its error is reported as an uncaught one, as the platform does it.

export class Emitter<Events extends object> {
  readonly #entries = new Map<keyof Events, Set<{ readonly listener: (value: never) => void }>>();

  /** Calls `listener` with each value of this name from now on. Gives a function that ends it. */
  on<K extends keyof Events>(name: K, listener: (value: Events[K]) => void): () => void {
    if (typeof listener !== "function") throw new TypeError("a listener must be a function");
    const entries = this.#entries.get(name) ?? new Set();
    this.#entries.set(name, entries);
    // An object of its own, so that the same function given twice counts twice.
    const entry = { listener };
    entries.add(entry);
    return () => void entries.delete(entry);
  }

  emit<K extends keyof Events>(name: K, value: Events[K]): void {
    for (const { listener } of [...(this.#entries.get(name) ?? [])]) {
      try {
        (listener as (value: Events[K]) => void)(value);
      } catch (error) {
        report(error);
      }
    }
  }
}

function report(error: unknown): void {
  if (typeof reportError === "function") return reportError(error);
  queueMicrotask(() => {
    throw error;
  });
}
