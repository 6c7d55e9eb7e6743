"use client";

// Gives the props to a `SessionMonitor`, and the monitor to the hooks.
//
// All side effects are in effects, so the provider does nothing on a server. React's strict mode
// runs effects twice, but only one socket opens, because a connection starts asynchronously. React
// also runs them again when `<Activity>` shows a hidden tree. The monitor then resumes.
import { useEffect, useRef, useState, type ReactNode } from "react";

import type { SessionEnd, SessionMonitorOptions } from "../browser/session_monitor.ts";
import type { SessionEventsError } from "../errors.ts";
import type { SessionClaims } from "../revocation/rule.ts";
import { Store, StoreContext } from "./store.ts";

/**
 * The options of the connection and the callbacks. A change of `url` or `tenant` opens a new
 * connection. `getToken` and the callbacks may change with each rendering; the latest is called.
 * Changes of the other options have no effect.
 */
export interface SessionEventsProviderProps extends SessionMonitorOptions {
  /**
   * The claims of the current session's ID token (`getIdTokenClaims()` of `@auth0/auth0-react`),
   * of which `sub`, `iat` and `sid` are used. While the `sid` stays the same, the provider uses the
   * first claims, because the `iat` of a refreshed token is later than the start of the session.
   * Without claims, no user is signed in and there is no connection.
   */
  readonly session: SessionClaims | null | undefined;
  /**
   * Called once in each tab when the current session has ended: log the user out. The argument is
   * the first event that ends the session. If `getToken` failed because nobody is signed in any
   * more, it is an object with the type `signed_out`. The hook receives all events.
   */
  readonly onSessionEnd?: ((end: SessionEnd) => void) | undefined;
  /**
   * Called in each tab when events may be lost, because there were more during an outage than the
   * server can replay: check with the issuer whether the session still exists.
   */
  readonly onGap?: (() => void) | undefined;
  /**
   * Called with errors of the connection, in the tab that has the socket, and with `invalid_options`
   * after the first rendering with an invalid option. There is then no connection. Default: writes
   * the error to the console.
   */
  readonly onError?: ((error: SessionEventsError) => void) | undefined;
  readonly children?: ReactNode;
}

export function SessionEventsProvider(props: SessionEventsProviderProps): ReactNode {
  const { children, session, url, tenant } = props;
  const latestProps = useRef(props);
  const address = `${String(url)} ${tenant}`;
  const create = () => ({ address, store: createStore(props, latestProps) });
  const [current, setCurrent] = useState(create);
  if (current.address !== address) setCurrent(create());
  const { store } = current;

  useEffect(() => {
    latestProps.current = props;
  });
  const reportedError = useRef<SessionEventsError>(undefined);
  useEffect(() => {
    const { error } = store;
    if (!error || reportedError.current === error) return;
    reportedError.current = error;
    // Not in the effect itself, where an exception in `onError` would unmount the application.
    queueMicrotask(() => report(error, latestProps.current));
  }, [store]);
  useEffect(() => () => store.monitor?.close(), [store]);
  useEffect(() => store.monitor?.setSession(session), [store, session]);

  return <StoreContext.Provider value={store}>{children}</StoreContext.Provider>;
}

function createStore(
  props: SessionEventsProviderProps,
  latestProps: { readonly current: SessionEventsProviderProps },
): Store {
  const { session, onSessionEnd, onGap, onError, children, getToken, ...options } = props;
  const store = new Store({
    ...options,
    // Anything but a function stays as it is, and is therefore reported as an invalid option.
    getToken:
      typeof getToken === "function"
        ? (request) => latestProps.current.getToken(request)
        : getToken,
  });
  store.monitor?.on("sessionEnd", (end) => latestProps.current.onSessionEnd?.(end));
  store.monitor?.on("gap", () => latestProps.current.onGap?.());
  store.monitor?.on("error", (error) => report(error, latestProps.current));
  return store;
}

function report(error: SessionEventsError, { onError }: SessionEventsProviderProps): void {
  if (onError) onError(error);
  else console.warn("session-events:", error);
}
