// Session events in React: a provider that connects while a user is signed in, and a hook.
export { endsSession, type SessionClaims } from "../revocation/rule.ts";
export { SessionEventsProvider, type SessionEventsProviderProps } from "./provider.tsx";
export { useSessionEvents } from "./hook.ts";
export type { SessionEventsStatus } from "./store.ts";
