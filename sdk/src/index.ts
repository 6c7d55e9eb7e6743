// Listens to the session events of an Auth0 tenant, in browsers and in Node.
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
