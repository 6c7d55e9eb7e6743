"use client";

// Connects while a user is signed in, and reports the end of the session once.
//
// All side effects are in effects, so the provider does nothing on a server. React's strict mode
// runs effects twice, but only one socket opens, because a connection starts asynchronously.
import { useEffect, useRef, useState, type ReactNode } from "react";

import type { SessionEvent, SessionEventsError } from "../client.ts";
import {
  endsSession,
  sessionIdOf,
  startedBefore,
  timeOf,
  type SessionClaims,
} from "../revocation/rule.ts";
import { SharedSessionEvents, type SharedSessionEventsOptions } from "../tabs.ts";
import { Store, StoreContext } from "./store.ts";

type ConnectionOptions = Omit<SharedSessionEventsOptions, "user">;

/**
 * The options of the connection and the callbacks. A change of `url` or `tenant` opens a new
 * connection. `getToken` and the callbacks may change with each rendering; the latest is called.
 */
export interface SessionEventsProviderProps extends ConnectionOptions {
  /**
   * The claims of the current session's ID token (`getIdTokenClaims()` of `@auth0/auth0-react`),
   * of which `sub`, `iat` and `sid` are used. While the `sid` stays the same, the provider uses the
   * first claims, because the `iat` of a refreshed token is later than the start of the session.
   * Without claims, no user is signed in and there is no connection.
   */
  readonly session: SessionClaims | null | undefined;
  /**
   * Called once in each tab when the current session has ended: log the user out. The argument is
   * the first event that ends the session. The hook receives all events.
   */
  readonly onSessionEnd?: (event: SessionEvent) => void;
  /**
   * Called in each tab when events may be lost, because there were more during an outage than the
   * server stores: check with the issuer whether the session still exists.
   */
  readonly onGap?: () => void;
  /** Called with errors, in the tab that has the socket. */
  readonly onError?: (error: SessionEventsError) => void;
  readonly children?: ReactNode;
}

export function SessionEventsProvider(props: SessionEventsProviderProps): ReactNode {
  const { children, session, url, tenant } = props;
  const [store] = useState(() => new Store());
  const latestProps = useRef(props);
  /** The first claims of the current session. */
  const currentSession = useRef<SessionClaims | null>(null);
  /** The last session whose end was reported. */
  const endedSession = useRef<SessionClaims>(undefined);
  useEffect(() => {
    latestProps.current = props;
    if (!isSameSession(currentSession.current, session)) currentSession.current = session ?? null;
  });

  const address = String(url);
  const user = typeof session?.sub === "string" ? session.sub : undefined;
  useEffect(() => {
    if (!user) return;
    const connection = new SharedSessionEvents({
      ...connectionOptions(latestProps.current),
      url: address,
      tenant,
      user,
      getToken: (request) => latestProps.current.getToken(request),
    });
    store.follow(connection);
    connection.on("event", (event) => {
      const session = currentSession.current;
      if (!session) return;
      const ends = endsSession(event, session);
      // Ignore stored events from before the session.
      if (!ends && !startedBefore(session.iat, timeOf(event))) return;
      store.deliver(event);
      if (!ends || endedSession.current === session) return;
      endedSession.current = session;
      latestProps.current.onSessionEnd?.(event);
    });
    connection.on("gap", () => latestProps.current.onGap?.());
    connection.on("error", (error) => latestProps.current.onError?.(error));
    connection.connect();
    return () => connection.close();
  }, [store, address, tenant, user]);

  return <StoreContext.Provider value={store}>{children}</StoreContext.Provider>;
}

function connectionOptions(props: SessionEventsProviderProps): ConnectionOptions {
  const { session, onSessionEnd, onGap, onError, children, ...options } = props;
  return options;
}

/** Returns whether claims have the same `sub` and `sid`, or the same `iat` if there is no `sid`. */
function isSameSession(
  one: SessionClaims | null,
  other: SessionClaims | null | undefined,
): boolean {
  if (!one || !other || one.sub !== other.sub || sessionIdOf(one) !== sessionIdOf(other))
    return false;
  return sessionIdOf(one) !== undefined || one.iat === other.iat;
}
