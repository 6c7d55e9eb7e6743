// The context between the provider and the hook: the state and the events of the connection. The
// store lives as long as the provider; connections are replaced when the user changes.
import { createContext } from "react";

import type { SessionEvent, State } from "../client.ts";
import { Emitter } from "../emitter.ts";
import type { SharedSessionEvents } from "../tabs.ts";

/** The return value of `useSessionEvents`. */
export interface SessionEventsStatus {
  /**
   * - `disconnected`: no user is signed in, or the server stopped the client.
   * - `connecting`: there is no connection yet, or it was lost.
   * - `connected`: events arrive.
   */
  readonly state: State;
}

/** The initial status. Also the status in server-side rendering. */
export const DISCONNECTED: SessionEventsStatus = { state: "disconnected" };

export class Store {
  readonly #emitter = new Emitter<{ status: SessionEventsStatus; event: SessionEvent }>();
  #status = DISCONNECTED;

  readonly status = (): SessionEventsStatus => this.#status;
  readonly onStatus = (listener: () => void): (() => void) => this.#emitter.on("status", listener);
  readonly onEvent = (listener: (event: SessionEvent) => void): (() => void) =>
    this.#emitter.on("event", listener);

  /** Publishes the state changes of a connection. */
  follow(connection: SharedSessionEvents): void {
    connection.on("state", (state) => {
      this.#status = { state };
      this.#emitter.emit("status", this.#status);
    });
  }

  /** Delivers an event to the hooks. */
  deliver(event: SessionEvent): void {
    this.#emitter.emit("event", event);
  }
}

export const StoreContext = createContext<Store | undefined>(undefined);
