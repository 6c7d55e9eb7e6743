"use client";

// Listens while somebody is signed in, and tells once when that session is over.
//
// Nothing happens while rendering, so nothing happens on a server. Effects that run twice, as in
// React's strict mode, open one socket: the connection only begins after both.
import { useEffect, useRef, useState, type ReactNode } from "react";

import type { SessionEvent, SessionEventsError } from "../client.ts";
import { beganBefore, dateOf, endsSession, sidOf, type SessionClaims } from "../revocation/rule.ts";
import { SharedSessionEvents, type SharedSessionEventsOptions } from "../tabs.ts";
import { Store, StoreContext } from "./store.ts";

type ConnectionOptions = Omit<SharedSessionEventsOptions, "user">;

/**
 * The connection's options, of which a change of `url` or `tenant` opens a new one. `getToken` and
 * the other functions need not be the same at each rendering: the newest is called.
 */
export interface SessionEventsProviderProps extends ConnectionOptions {
  /**
   * The claims of the present session's ID token (`getIdTokenClaims()` of `@auth0/auth0-react`):
   * `sub`, `iat` and `sid` are looked at. Of one `sid` the first count, for those of a refreshed
   * token are newer than the session. While there are none, nobody is signed in, and there is no
   * connection.
   */
  readonly session: SessionClaims | null | undefined;
  /**
   * Called once when the present session is over, in each tab: log out there. The event is the
   * first that `endsSession`; others are left to the hook.
   */
  readonly onSessionEnd?: (event: SessionEvent) => void;
  /**
   * Called in each tab when events may have been missed, because there was no connection for so
   * long that the server no longer keeps them all: ask the issuer whether the session goes on.
   */
  readonly onGap?: () => void;
  /** Called when something goes wrong, in the tab that has the socket. */
  readonly onError?: (error: SessionEventsError) => void;
  readonly children?: ReactNode;
}

export function SessionEventsProvider(props: SessionEventsProviderProps): ReactNode {
  const { children, session, url, tenant } = props;
  const [store] = useState(() => new Store());
  const latest = useRef(props);
  const began = useRef<SessionClaims | null>(null);
  const ended = useRef<SessionClaims>(undefined);
  useEffect(() => {
    latest.current = props;
    if (!isSame(began.current, session)) began.current = session ?? null;
  });

  const address = String(url);
  const user = typeof session?.sub === "string" ? session.sub : undefined;
  useEffect(() => {
    if (!user) return;
    const connection = new SharedSessionEvents({
      ...optionsOf(latest.current),
      url: address,
      tenant,
      user,
      getToken: (request) => latest.current.getToken(request),
    });
    store.follow(connection);
    connection.on("event", (event) => {
      const session = began.current;
      if (!session) return;
      const ends = endsSession(event, session);
      // What the server still keeps of earlier sessions is nobody's concern.
      if (!ends && !beganBefore(session.iat, dateOf(event))) return;
      store.tell(event);
      if (!ends || ended.current === session) return;
      ended.current = session;
      latest.current.onSessionEnd?.(event);
    });
    connection.on("gap", () => latest.current.onGap?.());
    connection.on("error", (error) => latest.current.onError?.(error));
    connection.connect();
    return () => connection.close();
  }, [store, address, tenant, user]);

  return <StoreContext.Provider value={store}>{children}</StoreContext.Provider>;
}

function optionsOf(props: SessionEventsProviderProps): ConnectionOptions {
  const { session, onSessionEnd, onGap, onError, children, ...options } = props;
  return options;
}

/** Whether claims are of one session; without a `sid`, only if they are of one token. */
function isSame(one: SessionClaims | null, other: SessionClaims | null | undefined): boolean {
  if (!one || !other || one.sub !== other.sub || sidOf(one) !== sidOf(other)) return false;
  return sidOf(one) !== undefined || one.iat === other.iat;
}
