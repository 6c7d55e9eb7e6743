// A typed event emitter. An error thrown by a listener is reported as an uncaught exception. It
// affects neither the other listeners nor the code that emits the event.

export interface RegistrationOptions<Value> {
  /** Removes the listener when aborted. */
  readonly signal?: AbortSignal | undefined;
  /** Removes the listener before its first call. */
  readonly once?: boolean | undefined;
  /** Limits the calls to the values for which this returns true. */
  readonly accepts?: ((value: Value) => boolean) | undefined;
}

interface Entry {
  readonly listener: (value: never) => void;
  readonly accepts: ((value: never) => boolean) | undefined;
  readonly once: boolean;
  readonly remove: () => void;
}

export class Emitter<Events extends object> {
  readonly #entries = new Map<keyof Events, Set<Entry>>();

  /** Registers a listener. Returns a function that removes it. */
  on<K extends keyof Events>(
    name: K,
    listener: (value: Events[K]) => void,
    { signal, once = false, accepts }: RegistrationOptions<Events[K]> = {},
  ): () => void {
    if (typeof listener !== "function") throw new TypeError("a listener must be a function");
    if (signal?.aborted) return () => {};
    const entries = this.#entries.get(name) ?? new Set();
    this.#entries.set(name, entries);
    const remove = () => {
      entries.delete(entry);
      signal?.removeEventListener("abort", remove);
    };
    // A separate object per registration, so that a function registered twice is called twice.
    const entry: Entry = { listener, accepts, once, remove };
    entries.add(entry);
    signal?.addEventListener("abort", remove);
    return remove;
  }

  /** Removes a listener. Removes only the oldest registration if it is registered several times. */
  off<K extends keyof Events>(name: K, listener: (value: Events[K]) => void): void {
    for (const entry of this.#entries.get(name) ?? [])
      if (entry.listener === listener) return entry.remove();
  }

  /** Calls the listeners that are registered now, unless one of the earlier calls removes them. */
  emit<K extends keyof Events>(name: K, value: Events[K]): void {
    const entries = this.#entries.get(name);
    for (const entry of [...(entries ?? [])]) {
      if (!entries?.has(entry)) continue;
      try {
        const { listener, accepts, once } = entry;
        if (accepts && !accepts(value as never)) continue;
        if (once) entry.remove();
        listener(value as never);
      } catch (error) {
        reportUncaught(error);
      }
    }
  }
}

/** Reports an error as an uncaught exception. */
export function reportUncaught(error: unknown): void {
  if (typeof reportError === "function") return reportError(error);
  queueMicrotask(() => {
    throw error;
  });
}
