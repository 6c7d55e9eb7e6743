// The client for the session events of an Auth0 tenant, for browsers and Node.
export {
  SessionEvents,
  SessionEventsError,
  type Connected,
  type SessionEvent,
  type SessionEventsEvents,
  type SessionEventsOptions,
  type State,
  type TokenRequest,
} from "./client.ts";
