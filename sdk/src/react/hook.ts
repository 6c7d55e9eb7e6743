"use client";

import { useContext, useEffect, useRef, useSyncExternalStore } from "react";

import type { SessionEvent } from "../client.ts";
import { AT_REST, StoreContext, type SessionEventsStatus } from "./store.ts";

/**
 * The state of the connection, and each event of the user that arrives while the component is
 * mounted, if a function is given for them; it need not be the same one at each rendering. Throws
 * outside a `SessionEventsProvider`.
 */
export function useSessionEvents(onEvent?: (event: SessionEvent) => void): SessionEventsStatus {
  const store = useContext(StoreContext);
  if (!store) throw new Error("useSessionEvents must be called inside a SessionEventsProvider");
  const latest = useRef(onEvent);
  useEffect(() => {
    latest.current = onEvent;
  });
  useEffect(() => store.onEvent((event) => latest.current?.(event)), [store]);
  return useSyncExternalStore(store.onStatus, store.status, () => AT_REST);
}
