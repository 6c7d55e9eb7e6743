"use client";

import { useContext, useEffect, useRef, useSyncExternalStore } from "react";

import type { SessionEvent } from "../client.ts";
import { DISCONNECTED, StoreContext, type SessionEventsStatus } from "./store.ts";

/**
 * Returns the state of the connection. Calls `onEvent` with each event of the user that arrives while
 * the component is mounted; the function may change with each rendering. Throws outside of a
 * `SessionEventsProvider`.
 */
export function useSessionEvents(onEvent?: (event: SessionEvent) => void): SessionEventsStatus {
  const store = useContext(StoreContext);
  if (!store) throw new Error("useSessionEvents must be called inside a SessionEventsProvider");
  const latestOnEvent = useRef(onEvent);
  useEffect(() => {
    latestOnEvent.current = onEvent;
  });
  useEffect(() => store.onEvent((event) => latestOnEvent.current?.(event)), [store]);
  return useSyncExternalStore(store.onStatus, store.status, () => DISCONNECTED);
}
