// The public type of the client.
import { SessionEvents as Client, type SessionEventsOptions } from "./client.ts";
import type { PublicMembers } from "./structural.ts";

/** Subscribes to the session events of a tenant. */
export interface SessionEvents extends PublicMembers<Client> {}

/** Subscribes to the session events of a tenant. */
export const SessionEvents: new (options: SessionEventsOptions) => SessionEvents = Client;
