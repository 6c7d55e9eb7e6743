// The listener methods of the connections, with filters for session events.
import type { Emitter } from "./emitter.ts";
import type { SessionEvent } from "./protocol.ts";

export interface ListenerOptions {
  /** Removes the listener when aborted. */
  readonly signal?: AbortSignal | undefined;
}

export interface EventFilter {
  /** Only events of this type, or of one of these types. */
  readonly type?: SessionEvent["type"] | readonly SessionEvent["type"][] | undefined;
  /** Only events of the user with this `sub`, or of one of these users. */
  readonly user?: string | readonly string[] | undefined;
}

/** The options of a listener: session events can be filtered. */
export type OptionsOf<Name> = Name extends "event"
  ? ListenerOptions & EventFilter
  : ListenerOptions;

/** Returns whether an event passes a filter. */
const passes = ({ type, user }: EventFilter, event: SessionEvent): boolean =>
  (type === undefined || [type].flat().includes(event.type)) &&
  (user === undefined || [user].flat().includes(event.user_id));

export class EventSubscriptions<Events extends { readonly event: SessionEvent }> {
  readonly #emitter: Emitter<Events>;

  constructor(emitter: Emitter<Events>) {
    this.#emitter = emitter;
  }

  /** Registers a listener. Returns a function that removes it. */
  on<K extends keyof Events>(
    name: K,
    listener: (value: Events[K]) => void,
    options?: OptionsOf<K>,
  ): () => void {
    return this.#register(name, listener, false, options);
  }

  /** Registers a listener for the next event that passes the filter. */
  once<K extends keyof Events>(
    name: K,
    listener: (value: Events[K]) => void,
    options?: OptionsOf<K>,
  ): () => void {
    return this.#register(name, listener, true, options);
  }

  /** Removes a listener that was registered with `on` or `once`. */
  off<K extends keyof Events>(name: K, listener: (value: Events[K]) => void): void {
    this.#emitter.off(name, listener);
  }

  #register<K extends keyof Events>(
    name: K,
    listener: (value: Events[K]) => void,
    once: boolean,
    { signal, ...filter }: ListenerOptions & EventFilter = {},
  ): () => void {
    const accepts = (value: Events[K]) => passes(filter, value as SessionEvent);
    const isFiltered = filter.type !== undefined || filter.user !== undefined;
    return this.#emitter.on(name, listener, {
      signal,
      once,
      accepts: name === "event" && isFiltered ? accepts : undefined,
    });
  }
}
