// Event types and their symbols. A symbol and the name accompany the colour, so that types are
// distinguishable without colour.

export interface EventType {
  /** Also the value of `data-type`, which the style sheets select on. */
  readonly name: "logout" | "password_changed" | "user_blocked" | "other";
  readonly symbol: string;
}

/** Any event type that this page does not know. */
const OTHER: EventType = { name: "other", symbol: "▲" };

/** All types, in the order of the filter buttons and of the chart's stacks. */
export const EVENT_TYPES: readonly EventType[] = [
  { name: "logout", symbol: "●" },
  { name: "password_changed", symbol: "◆" },
  { name: "user_blocked", symbol: "■" },
  OTHER,
];

export const eventTypeOf = (type: string): EventType =>
  EVENT_TYPES.find(({ name }) => name === type) ?? OTHER;
