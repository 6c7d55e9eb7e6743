// The messages of the WebSocket protocol; see docs/protocol.md of the server.
import { isJsonObject, parseJsonObject, type JsonObject } from "./json.ts";

/** A change of a user's session or account, in most cases the end of a session. */
export interface SessionEvent {
  /** The event's id, unique within the tenant: in most cases that of the record in Auth0's log. */
  readonly id: string;
  /** The event type. Types may be added: ignore unknown ones. */
  readonly type:
    | "user_deleted"
    | "user_blocked"
    | "universal_logout"
    | "password_changed"
    | "email_changed"
    | "phone_changed"
    | "username_changed"
    | "logout"
    | "session_revoked"
    | "refresh_token_revoked"
    | "user_unblocked"
    | "mfa_changed"
    | "account_locked"
    | "account_unlocked"
    | (string & {});
  /** The time of the event: ISO 8601, in UTC. */
  readonly date: string;
  /** The user: the `sub` of the user's tokens. */
  readonly user_id: string;
  /** The session, if Auth0 names it: the `sid` of its ID token. */
  readonly session_id?: string;
  /**
   * The sessions that the event ends: all of the user's, or the one of `session_id`. Absent if the
   * event ends no session. Older servers never send it, but send only events that end sessions.
   */
  readonly revokes?: "user" | "session";
}

/** The details of an accepted access token. */
export interface Authenticated {
  /** The token's subject. */
  readonly sub: string;
  /** `*`: events of all users. `self`: only those of `sub`. */
  readonly filter: "*" | "self";
  readonly claims: Readonly<Record<string, unknown>>;
  /** The token's `exp`. The latest possible date if the server does not send it. */
  readonly expiresAt: Date;
  /** Whether the replay is complete. Absent if none was requested. */
  readonly recovered?: boolean;
}

/** A parsed message of the server. */
export type ServerMessage =
  | { readonly kind: "connected" | "pong" }
  | { readonly kind: "authenticated"; readonly authenticated: Authenticated }
  | { readonly kind: "event"; readonly event: SessionEvent }
  | { readonly kind: "error"; readonly code: string; readonly description: unknown };

export const SUBPROTOCOL = "session-events";
export const PING = '{"type":"ping"}';
/** The number of a tenant's latest events that the server can replay. */
export const REPLAYABLE_EVENTS = 100;
/** A `last_event_id` that no event has. The server replays all events that it can for it. */
export const NO_EVENT = "none";

/** Parses a message. Returns `undefined` for invalid messages and unknown types. */
export function readMessage(data: unknown): ServerMessage | undefined {
  const message = typeof data === "string" ? parseJsonObject(data) : undefined;
  if (!message) return undefined;
  const { id, type, error } = message;
  if (typeof id === "string") {
    return isEvent(message) ? { kind: "event", event: message } : undefined;
  }
  // Errors of older servers have no type.
  if (typeof error === "string") {
    return { kind: "error", code: error, description: message["error_description"] };
  }
  if (type === "connected" || type === "pong") return { kind: type };
  if (type === "authenticated") return { kind: type, authenticated: readAuthenticated(message) };
  return undefined;
}

/** The largest time value of a `Date`. */
const LATEST_DATE = 8.64e15;

/** Older servers send fewer members, so each has a default. */
function readAuthenticated(message: JsonObject): Authenticated {
  const { sub, filter, claims, expires_at, recovered } = message;
  return {
    sub: typeof sub === "string" ? sub : "",
    filter: filter === "self" ? "self" : "*",
    claims: isJsonObject(claims) ? claims : {},
    expiresAt: new Date(Date.parse(String(expires_at)) || LATEST_DATE),
    ...(typeof recovered === "boolean" ? { recovered } : {}),
  };
}

/** Returns whether an untrusted value is an event. */
export function isEvent(value: unknown): value is SessionEvent {
  const { id } = Object(value) as JsonObject;
  return typeof id === "string" && isEventWithoutId(value);
}

/** Returns whether an untrusted value is an event without an id, as in the list of revocations. */
export function isEventWithoutId(value: unknown): value is Omit<SessionEvent, "id"> {
  const { type, date, user_id, session_id = "" } = Object(value) as JsonObject;
  return [type, date, user_id, session_id].every((member) => typeof member === "string");
}
