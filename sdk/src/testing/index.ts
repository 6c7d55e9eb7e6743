// Fakes for the unit tests of applications. They need no server, no network and no timers.
export { FakeRevocations, type FakeRevocationsOptions } from "./fake_revocations.ts";
export { FakeSessionEvents, type FakeEvent } from "./fake_session_events.ts";
