// A program that uses each entry. The tests compile it as CommonJS and as an ES module.
import { SessionEvents, type SessionEvent } from "session-events";
import { SessionMonitor } from "session-events/browser";
import { revocation } from "session-events/express";
import { SessionEventsProvider, useSessionEvents } from "session-events/react";
import { clientCredentials, RevocationList, Revocations } from "session-events/revocation";
import { FakeRevocations, FakeSessionEvents } from "session-events/testing";

declare const variable: string | undefined;
const options = {
  url: "https://events.example.com",
  tenant: "acme@us",
  getToken: clientCredentials({
    domain: variable,
    clientId: variable,
    clientSecret: variable,
    audience: "https://events.example.com/api",
  }),
};
const events: SessionEvents = new SessionEvents(options);
events.on("event", (event: SessionEvent) => event.user_id.toUpperCase());
const fake: SessionEvents = new FakeSessionEvents();
const revocations: Revocations = new FakeRevocations();
new Revocations({ ...options, whileDisconnected: "refuse" }).check({});
revocation({ revocations }).close();
new RevocationList().add(new FakeSessionEvents().deliver({ user_id: "auth0|jane" }));

export const monitor = new SessionMonitor(options);

export { events, fake, SessionEventsProvider, useSessionEvents };
