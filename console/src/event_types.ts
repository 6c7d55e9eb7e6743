// Event types, their groups and symbols. A symbol and the name accompany the colour, so that types are
// distinguishable without colour.

export interface EventType {
  readonly name: string;
  /** The value of `data-group`, which the style sheets select on. */
  readonly group: "session" | "credentials" | "user" | "other";
  readonly symbol: string;
  /** Whether the filter button is visible while there is no event of the type. */
  readonly isCommon?: boolean;
}

/** Any event type that this page does not know. */
const OTHER: EventType = { name: "other", group: "other", symbol: "▲" };

/** All types, in the order of the filter buttons and of the chart's stacks. */
export const EVENT_TYPES: readonly EventType[] = [
  { name: "logout", group: "session", symbol: "●", isCommon: true },
  { name: "session_revoked", group: "session", symbol: "●" },
  { name: "refresh_token_revoked", group: "session", symbol: "●" },
  { name: "password_changed", group: "credentials", symbol: "◆", isCommon: true },
  { name: "email_changed", group: "credentials", symbol: "◆" },
  { name: "phone_changed", group: "credentials", symbol: "◆" },
  { name: "username_changed", group: "credentials", symbol: "◆" },
  { name: "user_blocked", group: "user", symbol: "■", isCommon: true },
  { name: "user_deleted", group: "user", symbol: "■" },
  { name: "universal_logout", group: "user", symbol: "■" },
  { name: "user_unblocked", group: "other", symbol: "▲" },
  { name: "mfa_changed", group: "other", symbol: "▲" },
  { name: "account_locked", group: "other", symbol: "▲" },
  { name: "account_unlocked", group: "other", symbol: "▲" },
  OTHER,
];

export const eventTypeOf = (type: string): EventType =>
  EVENT_TYPES.find(({ name }) => name === type) ?? OTHER;
