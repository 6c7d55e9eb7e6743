// The context between the provider and the hooks: the monitor of the session, or the error if an
// option is invalid.
import { createContext } from "react";

import { SessionMonitor, type SessionMonitorOptions } from "../browser/session_monitor.ts";
import type { SessionEvent, State } from "../client.ts";
import { SessionEventsError } from "../errors.ts";

/** The return value of `useSessionEvents`. */
export interface SessionEventsStatus {
  /**
   * - `disconnected`: no user is signed in, the server stopped the client, or an option is invalid.
   * - `connecting`: there is no connection yet, or it was lost.
   * - `connected`: events arrive.
   */
  readonly state: State;
}

/** One object per state, because React compares the status by identity. */
const STATUSES: Readonly<Record<State, SessionEventsStatus>> = {
  disconnected: { state: "disconnected" },
  connecting: { state: "connecting" },
  connected: { state: "connected" },
};

/** The initial status. Also the status in server-side rendering. */
export const DISCONNECTED = STATUSES.disconnected;

export class Store {
  /** Undefined if an option is invalid. */
  readonly monitor: SessionMonitor | undefined;
  readonly error: SessionEventsError | undefined;

  /** Never throws, so that a wrong option does not unmount the application. */
  constructor(options: SessionMonitorOptions) {
    try {
      this.monitor = new SessionMonitor(options);
    } catch (cause) {
      this.error = new SessionEventsError(
        "invalid_options",
        `SessionEventsProvider does not connect, because an option is invalid: ${(cause as Error).message}`,
        { cause },
      );
    }
  }

  readonly status = (): SessionEventsStatus => STATUSES[this.monitor?.state ?? "disconnected"];
  readonly onStatus = (listener: () => void): (() => void) =>
    this.monitor?.on("state", listener) ?? (() => {});
  readonly onEvent = (listener: (event: SessionEvent) => void): (() => void) | undefined =>
    this.monitor?.on("event", listener);
}

export const StoreContext = createContext<Store | undefined>(undefined);
