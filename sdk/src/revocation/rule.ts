// The rule for which event revokes which token. Backends apply it to access tokens, browsers to the
// session of a tab. If the event or the claims lack details, the token counts as revoked.
import type { SessionEvent } from "../protocol.ts";

/** The members of an event that the rule uses. */
export interface RevocationEvent extends Pick<SessionEvent, "type" | "date" | "user_id"> {
  readonly session_id?: SessionEvent["session_id"] | undefined;
  readonly revokes?: SessionEvent["revokes"] | undefined;
}

/** The claims of an access token or an ID token that the rule uses. */
export interface SessionClaims {
  /** The user. */
  readonly sub?: unknown;
  /** The start, in seconds since 1970. Without a finite number, the start precedes all events. */
  readonly iat?: unknown;
  /** The session. Auth0 adds it to ID tokens. Anything but a non-empty string means unknown. */
  readonly sid?: unknown;
}

/** The types that end sessions on older servers, whose events have no `revokes`. */
const ENDING_TYPES = new Set(["logout", "password_changed", "user_blocked"]);

/** Returns whether an event ends sessions. */
const isRevocation = ({ type, revokes }: RevocationEvent): boolean =>
  typeof revokes === "string" || ENDING_TYPES.has(type);

/** Returns the time of an event in milliseconds, or the current time if its date is invalid. */
export function timeOf({ date }: RevocationEvent): number {
  const time = Date.parse(date);
  return Number.isNaN(time) ? Date.now() : time;
}

const nonEmptyString = (id: unknown): string | undefined =>
  typeof id === "string" && id !== "" ? id : undefined;

/**
 * Returns the session that a revocation ends, or `undefined` if it ends all of the user's sessions.
 * Without `revokes`, as on older servers, only a logout ends a single session.
 */
const revokedSessionOf = ({ type, session_id, revokes }: RevocationEvent): string | undefined =>
  revokes === "session" || (typeof revokes !== "string" && type === "logout")
    ? nonEmptyString(session_id)
    : undefined;

/** Returns the session id in a token's claims, or `undefined` if there is none. */
export const sessionIdOf = ({ sid }: SessionClaims): string | undefined => nonEmptyString(sid);

/** The revocation of a user's tokens: of all of them, or of those of one session. */
export interface Revocation {
  /** The revoked session, or `undefined` for all of the user's sessions. */
  readonly session: string | undefined;
  /** The date in milliseconds. */
  readonly time: number;
  /** Whether the session has ended for good, so that no token of it is valid, however new. */
  readonly final: boolean;
}

/**
 * The types that end a session for good: Auth0 never reuses a session id. After any other type the
 * session may go on and get new tokens.
 */
const FINAL_TYPES = new Set(["logout", "session_revoked"]);

/** Returns the revocation that an event causes, or `undefined` if it revokes nothing. */
export function revocationOf(event: RevocationEvent): Revocation | undefined {
  if (!isRevocation(event)) return undefined;
  const session = revokedSessionOf(event);
  const final = session !== undefined && FINAL_TYPES.has(event.type);
  return { session, time: timeOf(event), final };
}

/**
 * Returns whether a session or token with this `iat` may have existed at `time`, in milliseconds. The
 * `iat` has whole seconds, so the order within one second is unknown. Without a numeric `iat`, the
 * start is unknown.
 */
export const mayHaveStartedBy = (iat: unknown, time: number): boolean =>
  !Number.isFinite(iat) || Math.floor(iat as number) * 1000 <= time;

/**
 * Returns whether a revocation of the claims' user applies to the token or session with these claims.
 *
 * The final end of the token's own session always applies: each token refresh brings a later `iat`.
 * Otherwise the revocation must not precede the `iat`. If the claims name no session, the revocation
 * of any session applies.
 */
export function appliesTo({ session, time, final }: Revocation, claims: SessionClaims): boolean {
  const ownSession = sessionIdOf(claims);
  if (session !== undefined && ownSession !== undefined) {
    if (session !== ownSession) return false;
    if (final) return true;
  }
  return mayHaveStartedBy(claims.iat, time);
}

/** Returns whether an event ends the session with these claims; see `appliesTo`. */
export function endsSession(event: RevocationEvent, claims: SessionClaims): boolean {
  const revocation = event.user_id === claims.sub ? revocationOf(event) : undefined;
  return revocation !== undefined && appliesTo(revocation, claims);
}
