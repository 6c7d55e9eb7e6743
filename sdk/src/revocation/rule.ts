// The rule for which event ends which session. Backends apply it to access tokens, browsers to the
// session of a tab. If the event or the claims lack details, the session counts as ended.
import type { SessionEvent } from "../protocol.ts";

/** The members of an event that the rule uses. */
export type RevocationEvent = Omit<SessionEvent, "id">;

/** The claims of an access token or an ID token that the rule uses. */
export interface SessionClaims {
  /** The user. */
  readonly sub?: unknown;
  /** The start, in seconds since 1970. Without a number, the start precedes all events. */
  readonly iat?: unknown;
  /** The session. Auth0 adds it to ID tokens. Anything but a non-empty string means unknown. */
  readonly sid?: unknown;
}

/** The types that end sessions on older servers, whose events have no `revokes`. */
const ENDING_TYPES = new Set(["logout", "password_changed", "user_blocked"]);

/** Returns whether an event ends sessions. */
export const isRevocation = ({ type, revokes }: RevocationEvent): boolean =>
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
export const revokedSessionOf = ({
  type,
  session_id,
  revokes,
}: RevocationEvent): string | undefined =>
  revokes === "session" || (typeof revokes !== "string" && type === "logout")
    ? nonEmptyString(session_id)
    : undefined;

/** Returns the session id in a token's claims, or `undefined` if there is none. */
export const sessionIdOf = ({ sid }: SessionClaims): string | undefined => nonEmptyString(sid);

/**
 * Returns whether a session or token with this `iat` existed at `time`, in milliseconds. The `iat`
 * has whole seconds, so the order within one second is unknown. The same second counts as before.
 */
export const startedBefore = (iat: unknown, time: number): boolean =>
  typeof iat !== "number" || Number.isNaN(iat) || Math.floor(iat) * 1000 <= time;

/** The session survives this event and can have newer tokens, so `iat` must still be compared. */
const REFRESH_TOKEN_REVOKED = "refresh_token_revoked";

/**
 * Returns whether an event ends the session with these claims. The event must be of the same user
 * and not before the claims' `iat`. If both name a session, it must be the same one.
 *
 * The end of exactly this session counts regardless of its date. Each token refresh brings claims
 * with a later `iat`, and Auth0 never reuses a `sid`.
 */
export function endsSession(event: SessionEvent, claims: SessionClaims): boolean {
  if (!isRevocation(event) || event.user_id !== claims.sub) return false;
  const revokedSession = revokedSessionOf(event);
  const ownSession = sessionIdOf(claims);
  const namesOwnSession = revokedSession !== undefined && revokedSession === ownSession;
  if (namesOwnSession && event.type !== REFRESH_TOKEN_REVOKED) return true;
  const includesOwnSession =
    namesOwnSession || revokedSession === undefined || ownSession === undefined;
  return includesOwnSession && startedBefore(claims.iat, timeOf(event));
}
