// What the provider hands down: the state for components to show, and the events for them to hear.
// It lives as long as the provider, while connections come and go with the user.
import { createContext } from "react";

import type { SessionEvent, State } from "../client.ts";
import { Emitter } from "../emitter.ts";
import type { SharedSessionEvents } from "../tabs.ts";

/** What the hook gives. */
export interface SessionEventsStatus {
  /**
   * `disconnected`: nobody is signed in, or the server told to stay away. `connecting`: there is
   * no connection yet, or it was lost. `connected`: events arrive.
   */
  readonly state: State;
}

/** Nobody listens; also what is rendered on a server. */
export const AT_REST: SessionEventsStatus = { state: "disconnected" };

export class Store {
  readonly #emitter = new Emitter<{ status: SessionEventsStatus; event: SessionEvent }>();
  #status = AT_REST;

  readonly status = (): SessionEventsStatus => this.#status;
  readonly onStatus = (listener: () => void): (() => void) => this.#emitter.on("status", listener);
  readonly onEvent = (listener: (event: SessionEvent) => void): (() => void) =>
    this.#emitter.on("event", listener);

  /** Shows the state of a connection from now on. */
  follow(connection: SharedSessionEvents): void {
    connection.on("state", (state) => {
      this.#status = { state };
      this.#emitter.emit("status", this.#status);
    });
  }

  /** Hands an event to the components. */
  tell(event: SessionEvent): void {
    this.#emitter.emit("event", event);
  }
}

export const StoreContext = createContext<Store | undefined>(undefined);
