// Connects while a user is signed in, and reports the end of the session once.
//
// The application calls `setSession` whenever the claims of the signed-in user change. The monitor
// keeps the connection of each user, so that an interruption, such as a moment without claims, causes
// neither a lost event nor a duplicate.
import type { SessionEvent, SessionEventsError, SignedOut, State } from "../client.ts";
import { Emitter } from "../emitter.ts";
import { EventSubscriptions } from "../event_subscriptions.ts";
import { resolveSettings } from "../options.ts";
import { REPLAYABLE_EVENTS } from "../protocol.ts";
import { RecentEvents } from "../recent_events.ts";
import {
  endsSession,
  mayHaveStartedBy,
  sessionIdOf,
  timeOf,
  type SessionClaims,
} from "../revocation/rule.ts";
import { SharedSessionEvents, type SharedSessionEventsOptions } from "../tabs.ts";

export type SessionMonitorOptions = Omit<SharedSessionEventsOptions, "user">;

/**
 * The event that ended the session, or `signed_out` if `getToken` failed because nobody is signed in
 * any more.
 */
export type SessionEnd = SessionEvent | ({ readonly type: "signed_out" } & SignedOut);

export interface SessionMonitorEvents {
  /** The new state of the connection. `disconnected` while no user is signed in. */
  state: State;
  /** An event of the user. Not emitted for events from before the session that do not end it. */
  event: SessionEvent;
  /** The session has ended: log the user out. Emitted once per session, in each tab. */
  sessionEnd: SessionEnd;
  /** Events may be lost: there were more during an outage than the server can replay. */
  gap: void;
  /** An error of the connection, in the tab that has the socket. */
  error: SessionEventsError;
}

/** A session of a user. */
interface Session {
  /** The first claims, because the `iat` of a refreshed token is later than the session's start. */
  readonly claims: SessionClaims;
  /** The `iat` of the latest claims. */
  latestIat: unknown;
  /** The reported end. */
  end?: SessionEnd;
}

/** A user that is or was signed in on this page, with the latest session. */
interface User {
  readonly connection: SharedSessionEvents;
  /** Needed because the connection does not deliver an event again when the next session begins. */
  readonly recentEvents: RecentEvents;
  session: Session;
}

/** The number of users that the monitor remembers, for pages on which users switch accounts. */
const MAX_USERS = 10;

export class SessionMonitor extends EventSubscriptions<SessionMonitorEvents> {
  readonly #options: SessionMonitorOptions;
  readonly #emitter: Emitter<SessionMonitorEvents>;
  /** By `sub`. The most recent user is last. */
  readonly #users = new Map<string, User>();
  /** The user that is signed in. */
  #current: User | undefined;

  /** Validates the options without connecting. Throws a `TypeError` that says how to fix them. */
  constructor(options: SessionMonitorOptions) {
    const emitter = new Emitter<SessionMonitorEvents>();
    super(emitter);
    this.#emitter = emitter;
    this.#options = { ...options };
    resolveSettings(this.#options);
  }

  get state(): State {
    return this.#current?.connection.state ?? "disconnected";
  }

  /**
   * Connects for the session with these claims: those of the ID token, of which `sub`, `iat` and
   * `sid` are used. Without claims, no user is signed in, and the monitor disconnects. Call it after
   * each change of the claims; a call with claims of the same session keeps the connection.
   */
  setSession(claims: SessionClaims | null | undefined): void {
    const sub = claims?.sub;
    if (!claims || typeof sub !== "string" || sub === "") return this.close();
    const user = this.#users.get(sub) ?? this.#createUser(sub, claims);
    const isNew = !continuesWith(user.session, claims);
    // A client that has stopped must not connect with unchanged claims: they mean unchanged tokens,
    // which were refused.
    const changed = user !== this.#current || claims.iat !== user.session.latestIat;
    if (user !== this.#current) this.#switchTo(user, sub);
    if (isNew) user.session = { claims, latestIat: claims.iat };
    else user.session.latestIat = claims.iat;
    if ((isNew || changed) && !isSignedOut(user.session)) user.connection.connect();
    if (isNew) this.#reportKnownEnd(user);
  }

  /** Disconnects. A later `setSession` resumes after the last event. */
  close(): void {
    this.#current?.connection.close();
    this.#current = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #createUser(sub: string, claims: SessionClaims): User {
    const connection = new SharedSessionEvents({ ...this.#options, user: sub });
    const recentEvents = new RecentEvents(REPLAYABLE_EVENTS);
    const user: User = { connection, recentEvents, session: { claims, latestIat: claims.iat } };
    connection.on("state", (state) => this.#emitter.emit("state", state));
    connection.on("event", (event) => {
      recentEvents.add(event);
      this.#receive(event, user.session);
    });
    connection.on("signedOut", (details) =>
      this.#reportEnd(user.session, { type: "signed_out", ...details }),
    );
    connection.on("gap", () => this.#emitter.emit("gap", undefined));
    connection.on("error", (error) => this.#emitter.emit("error", error));
    return user;
  }

  #switchTo(user: User, sub: string): void {
    this.close();
    this.#current = user;
    this.#users.delete(sub);
    this.#users.set(sub, user);
    const [oldest] = this.#users.keys();
    if (this.#users.size > MAX_USERS && oldest !== undefined) this.#users.delete(oldest);
  }

  #receive(event: SessionEvent, session: Session): void {
    const ends = endsSession(event, session.claims);
    // Ignore replayed events from before the session.
    if (!ends && !mayHaveStartedBy(session.claims.iat, timeOf(event))) return;
    this.#emitter.emit("event", event);
    if (ends) this.#reportEnd(session, event);
  }

  /** Reports the end of a session that ended before the application passed its claims. */
  #reportKnownEnd({ recentEvents, session }: User): void {
    const end = recentEvents.toArray().find((event) => endsSession(event, session.claims));
    if (end) this.#reportEnd(session, end);
  }

  #reportEnd(session: Session, end: SessionEnd): void {
    if (session.end) return;
    session.end = end;
    this.#emitter.emit("sessionEnd", end);
  }
}

/** Returns whether the end of a session was reported because nobody was signed in any more. */
const isSignedOut = ({ end }: Session): boolean => end?.type === "signed_out";

/**
 * Returns whether claims belong to a session. They have the same `sid`, or the same `iat` if there is
 * no `sid`. A token that was issued after a reported sign-out starts a new session, because the user
 * may have signed in again to the same session at Auth0.
 */
function continuesWith(session: Session, claims: SessionClaims): boolean {
  if (isSignedOut(session) && claims.iat !== session.latestIat) return false;
  const sid = sessionIdOf(claims);
  const { claims: first } = session;
  return sid === sessionIdOf(first) && (sid !== undefined || claims.iat === first.iat);
}
