// Session events in React: a provider that connects while a user is signed in, and a hook.
export { endsSession, type SessionClaims } from "../revocation/rule.ts";
export type { SessionEnd } from "../browser/session_monitor.ts";
export { SessionEventsProvider, type SessionEventsProviderProps } from "./provider.tsx";
export { useSessionEvents } from "./hook.ts";
export type { SessionEventsStatus } from "./store.ts";
