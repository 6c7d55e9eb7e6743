// Event types and their symbols. A symbol and the name accompany the colour, so that types are
// distinguishable without colour.

export interface EventType {
  /** Also the value of `data-type`, which styles/event_types.css selects on. */
  readonly name: string;
  readonly symbol: string;
}

/** Any event type that this page does not know. */
const OTHER: EventType = { name: "other", symbol: "▲" };

/** All types, in the order of the filter buttons and of the chart's stacks. */
export const EVENT_TYPES: readonly EventType[] = [
  { name: "logout", symbol: "●" },
  { name: "session_revoked", symbol: "◐" },
  { name: "refresh_token_revoked", symbol: "◒" },
  { name: "universal_logout", symbol: "◉" },
  { name: "password_changed", symbol: "◆" },
  { name: "email_changed", symbol: "◇" },
  { name: "phone_changed", symbol: "◈" },
  { name: "username_changed", symbol: "❖" },
  { name: "user_blocked", symbol: "■" },
  { name: "user_deleted", symbol: "✖" },
  { name: "user_unblocked", symbol: "□" },
  { name: "mfa_changed", symbol: "★" },
  { name: "account_locked", symbol: "▼" },
  { name: "account_unlocked", symbol: "▽" },
  OTHER,
];

export const eventTypeOf = (type: string): EventType =>
  EVENT_TYPES.find(({ name }) => name === type) ?? OTHER;
