// Which event ends which session. The same rule for a token that a backend is shown and for the
// session of a browser's tab; where the two sides do not tell enough, it falls on the safe side.
import type { SessionEvent } from "../client.ts";

/** What the rule looks at of an event. */
export type EventFacts = Omit<SessionEvent, "id">;

/** The claims that the rule looks at, of an access token or an ID token. */
export interface SessionClaims {
  /** Whose session or token it is. */
  readonly sub?: unknown;
  /** When it began, in seconds since 1970; anything but a number counts as "ever since". */
  readonly iat?: unknown;
  /** Which session it is. Auth0 writes it to ID tokens; anything but a string counts as unknown. */
  readonly sid?: unknown;
}

/** What older servers tell of, without saying what it ends. */
const ENDING_TYPES = new Set(["logout", "password_changed", "user_blocked"]);

/** Whether an event ends sessions: it says so, or it is an older server's of a type that does. */
export const isRevocation = ({ type, revokes }: EventFacts): boolean =>
  typeof revokes === "string" || ENDING_TYPES.has(type);

/** When an event happened, in milliseconds; now, where its date cannot be read. */
export function dateOf({ date }: EventFacts): number {
  const at = Date.parse(date);
  return Number.isNaN(at) ? Date.now() : at;
}

const known = (id: unknown): string | undefined =>
  typeof id === "string" && id !== "" ? id : undefined;

/**
 * The only session that a revocation ends; `undefined` when it ends all of the user's. What an
 * older server ends without saying so is one session only where the user logged out of it.
 */
export const sessionOf = ({ type, session_id, revokes }: EventFacts): string | undefined =>
  revokes === "session" || (typeof revokes !== "string" && type === "logout")
    ? known(session_id)
    : undefined;

/** The session that a token belongs to, where it tells. */
export const sidOf = ({ sid }: SessionClaims): string | undefined => known(sid);

/**
 * Whether what began at `iat` was there when an event happened, at `at` milliseconds. `iat` is cut
 * to whole seconds, so within the same second nobody can tell, and it counts as having been there.
 */
export const beganBefore = (iat: unknown, at: number): boolean =>
  typeof iat !== "number" || Number.isNaN(iat) || Math.floor(iat) * 1000 <= at;

/** Ends the tokens of a session that goes on, and in which there may be others. */
const TOKENS_ALONE = "refresh_token_revoked";

/**
 * Whether an event ends the session that these claims stand for: it is of the same user, not older
 * than the claims' `iat`, and of the same session where both tell which. The end of that very
 * session counts whatever its date, for it is the last: each refresh of tokens brings claims with a
 * newer `iat`, and Auth0 gives no `sid` twice.
 */
export function endsSession(event: SessionEvent, claims: SessionClaims): boolean {
  if (!isRevocation(event) || event.user_id !== claims.sub) return false;
  const [ended, own] = [sessionOf(event), sidOf(claims)];
  if (ended !== undefined && ended === own && event.type !== TOKENS_ALONE) return true;
  const concerned = ended === undefined || own === undefined || ended === own;
  return concerned && beganBefore(claims.iat, dateOf(event));
}
