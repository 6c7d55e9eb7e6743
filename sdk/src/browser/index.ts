// Session events in browsers, with any framework or none: one socket for all tabs, and a monitor that
// reports the end of the signed-in user's session once.
export {
  SessionEventsError,
  type SessionEvent,
  type SignedOut,
  type SignedOutReason,
  type State,
  type TokenRequest,
} from "../client.ts";
export { endsSession, type SessionClaims } from "../revocation/rule.ts";
export {
  SharedSessionEvents,
  type SharedSessionEventsEvents,
  type SharedSessionEventsOptions,
} from "../tabs.ts";
export {
  SessionMonitor,
  type SessionEnd,
  type SessionMonitorEvents,
  type SessionMonitorOptions,
} from "./session_monitor.ts";
