// The client for the session events of an Auth0 tenant, for browsers and Node.
export {
  SessionEventsError,
  type Connected,
  type EventFilter,
  type EventStreamOptions,
  type ListenerOptions,
  type SessionEvent,
  type SessionEventsEvents,
  type SessionEventsOptions,
  type SignedOut,
  type SignedOutReason,
  type State,
  type TokenRequest,
} from "./client.ts";
export { SessionEvents } from "./session_events.ts";
