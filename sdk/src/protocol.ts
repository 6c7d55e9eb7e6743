// The messages on the wire, as the server's docs/protocol.md has them.

/** Something happened to a user's session or account; mostly, that a session is over. */
export interface SessionEvent {
  /** The id of the record in Auth0's log. No two events of a tenant have the same. */
  readonly id: string;
  /** What happened. New types may come; take no notice of those that you do not know. */
  readonly type:
    | "logout"
    | "password_changed"
    | "user_blocked"
    | "user_deleted"
    | "session_revoked"
    | "refresh_token_revoked"
    | "user_unblocked"
    | "email_changed"
    | "mfa_changed"
    | "account_locked"
    | "account_unlocked"
    | (string & {});
  /** When it happened: ISO 8601, in UTC. */
  readonly date: string;
  /** To whom: the `sub` of the user's tokens. */
  readonly user_id: string;
  /** Which session, where Auth0 tells: the `sid` of its ID token. */
  readonly session_id?: string;
  /**
   * What is over: all sessions of the user, or the one of `session_id`. Absent where nothing is,
   * and from older servers, which only tell of ends.
   */
  readonly revokes?: "user" | "session";
}

/** The server has accepted a token. */
export interface Authenticated {
  /** The token's subject. */
  readonly sub: string;
  /** `*`: events of all users. `self`: only those of `sub`. */
  readonly filter: "*" | "self";
  readonly claims: Readonly<Record<string, unknown>>;
  /** The token's `exp`; the end of time where a server does not tell. */
  readonly expiresAt: Date;
  /** Whether the replay is complete, where it was asked for. */
  readonly recovered?: boolean;
}

/** What a server's message may be, told apart by `kind`. */
export type ServerMessage =
  | { readonly kind: "connected" | "pong" }
  | { readonly kind: "authenticated"; readonly authenticated: Authenticated }
  | { readonly kind: "event"; readonly event: SessionEvent }
  | { readonly kind: "fault"; readonly code: string; readonly description: string };

export const SUBPROTOCOL = "session-events";
export const PING = '{"type":"ping"}';
/** An id that no event has: a server that is asked to go on from it replays all that it keeps. */
export const NO_EVENT = "none";

/** Reads a message; one that is none, or of a kind that is not known, is `undefined`. */
export function readMessage(data: unknown): ServerMessage | undefined {
  const message = parseObject(data);
  if (!message) return undefined;
  const { id, type, error } = message;
  if (typeof id === "string") {
    return isEvent(message) ? { kind: "event", event: message } : undefined;
  }
  // Older servers have errors without a type.
  if (typeof error === "string") {
    const { error_description: description } = message;
    return {
      kind: "fault",
      code: error,
      description: typeof description === "string" ? description : error,
    };
  }
  if (type === "connected" || type === "pong") return { kind: type };
  if (type === "authenticated") return { kind: type, authenticated: readAuthenticated(message) };
  return undefined;
}

const END_OF_TIME = 8.64e15;

/** Older servers tell less than this one. */
function readAuthenticated(message: Record<string, unknown>): Authenticated {
  const { sub, filter, claims, expires_at, recovered } = message;
  return {
    sub: typeof sub === "string" ? sub : "",
    filter: filter === "self" ? "self" : "*",
    claims: typeof claims === "object" && claims !== null ? { ...claims } : {},
    expiresAt: new Date(Date.parse(String(expires_at)) || END_OF_TIME),
    ...(typeof recovered === "boolean" ? { recovered } : {}),
  };
}

/** Whether something from elsewhere is an event. */
export function isEvent(value: unknown): value is SessionEvent {
  const { id, type, date, user_id, session_id = "" } = Object(value) as Record<string, unknown>;
  return [id, type, date, user_id, session_id].every((member) => typeof member === "string");
}

function parseObject(data: unknown): Record<string, unknown> | undefined {
  if (typeof data !== "string") return undefined;
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === "object" && value !== null
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
