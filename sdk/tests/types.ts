// Type tests: this file must compile, and each `@ts-expect-error` must be an error.
import express, { type Request } from "express";
import { SessionEvents, type SessionEvent } from "session-events";
import { SessionMonitor, type SessionClaims, type SessionEnd } from "session-events/browser";
import { revocation } from "session-events/express";
import { useSessionEvents, type SessionEventsProviderProps } from "session-events/react";
import { clientCredentials, RevocationList, Revocations } from "session-events/revocation";
import { FakeRevocations, FakeSessionEvents } from "session-events/testing";

const options = {
  url: "https://events.example.com",
  tenant: "acme@us",
  getToken: async ({ fresh }: { fresh: boolean }) => (fresh ? "new" : "cached"),
};
const client = new SessionEvents(options);

const stop: () => void = client.on("event", (event: SessionEvent) => {
  const known: boolean = event.type === "logout" || event.type === "user_blocked";
  const future: boolean = event.type === "a_future_type";
  const session: string | undefined = event.session_id;
  const scope: "user" | "session" | undefined = event.revokes;
  // @ts-expect-error Events are read-only.
  event.id = "1";
});
client.on("connecting", ({ code, reason, delay }) => [code, reason, delay] satisfies unknown[]);
client.on("connected", ({ sub, filter, claims, expiresAt, recovered }) => {
  const all: boolean = filter === "*";
  const time: number = expiresAt.getTime();
  const complete: boolean | undefined = recovered;
  const issuedAt: unknown = claims["iat"];
  // @ts-expect-error There are only two filters.
  return filter === "all" && sub;
});
client.on("error", ({ code, message, cause }) => [code, message, cause] satisfies unknown[]);
client.on("signedOut", ({ reason, error }) => {
  const known: "login_required" | "invalid_grant" | "missing_refresh_token" = reason;
  return [known, error.cause];
});
client.on("event", () => {}, { type: ["logout", "a_future_type"], user: "auth0|jane" });
client.once("connected", ({ sub }) => sub, { signal: AbortSignal.timeout(1_000) });
// @ts-expect-error Only session events can be filtered.
client.on("connected", () => {}, { user: "auth0|jane" });
client.off("event", () => {});
for await (const { id } of client) id satisfies string;
for await (const { id } of client.events({ type: "logout", limit: 10 })) id satisfies string;
{
  using scoped = new SessionEvents(options);
  scoped.connect();
}
const state: "disconnected" | "connecting" | "connected" = client.state;

// @ts-expect-error The event name does not exist.
client.on("connect", () => {});
// @ts-expect-error The state is read-only.
client.state = "connected";
// @ts-expect-error The tenant is missing.
new SessionEvents({ url: options.url, getToken: options.getToken });
// @ts-expect-error A token must be a string.
new SessionEvents({ ...options, getToken: () => 7 });
// Options may be undefined, also with exactOptionalPropertyTypes.
new SessionEvents({
  ...options,
  lastEventId: undefined,
  minReconnectDelay: undefined,
  maxReconnectDelay: undefined,
  reconnectSpread: undefined,
  renewBefore: undefined,
  pingInterval: undefined,
  pongTimeout: undefined,
  connectTimeout: undefined,
  WebSocket: undefined,
  debug: undefined,
});
// @ts-expect-error The option does not exist.
new SessionEvents({ ...options, retries: 3 });

// The functions of auth0-spa-js and auth0-react return a token or undefined.
const getTokenSilently = async (): Promise<string | undefined> => undefined;
new SessionEvents({
  ...options,
  getToken: ({ fresh }) => (fresh ? getTokenSilently() : undefined),
});

// The class of the package ws has narrower event types and no dispatchEvent.
type WsEvents = {
  open: { readonly type: string; readonly target: WsSocket };
  error: { readonly error: unknown; readonly target: WsSocket };
  message: { readonly data: string | Uint8Array; readonly target: WsSocket };
  close: { readonly code: number; readonly reason: string; readonly target: WsSocket };
};
declare class WsSocket {
  static readonly OPEN: 1;
  constructor(address: string | URL, options?: { readonly headers?: object });
  constructor(address: string | URL, protocols?: string | string[], options?: object);
  readonly readyState: 0 | 1 | 2 | 3;
  send(data: string | Uint8Array, then?: (error?: Error) => void): void;
  close(code?: number, data?: string | Uint8Array): void;
  addEventListener<K extends keyof WsEvents>(name: K, listener: (event: WsEvents[K]) => void): void;
}
new SessionEvents({ ...options, WebSocket: WsSocket });
new SessionEvents({ ...options, WebSocket });
// @ts-expect-error It has no send().
new SessionEvents({ ...options, WebSocket: EventTarget });

// Custom claims of an Action, and the claims type of @fastify/jwt.
const revocations = new Revocations({
  ...options,
  whileDisconnected: "pass",
  sessionId: (claims) => claims["https://example.com/sid"],
});
declare const user: string | object | Uint8Array;
revocations.check(user);

// The two kinds of an end.
function onSessionEnd(end: SessionEnd): void {
  const type: string = end.type;
  // @ts-expect-error A sign-out has no id.
  end.id;
  if ("reason" in end) {
    const reason: "login_required" | "invalid_grant" | "missing_refresh_token" = end.reason;
    const cause: unknown = end.error.cause;
  } else {
    const event: SessionEvent = end;
  }
}

// Each option may be undefined, also with exactOptionalPropertyTypes.
const connectionOptions = {
  ...options,
  minReconnectDelay: undefined,
  pingInterval: undefined,
  debug: undefined,
  WebSocket: undefined,
};
const providerProps: SessionEventsProviderProps = {
  ...connectionOptions,
  session: undefined,
  onSessionEnd: undefined,
  onGap: undefined,
  onError: undefined,
  children: undefined,
};
const asyncCallback: SessionEventsProviderProps = {
  ...providerProps,
  onSessionEnd: async (end) => onSessionEnd(end),
};
useSessionEvents(undefined);

// The claims of `@auth0/auth0-spa-js`, and those of a library that reads the token.
declare const idToken: { __raw: string; sub?: string; iat?: number; sid?: string } | undefined;
declare const payload: SessionClaims | null;
const monitor = new SessionMonitor(connectionOptions);
monitor.setSession(idToken);
monitor.setSession(payload);
const stopMonitoring: () => void = monitor.on("sessionEnd", onSessionEnd);
monitor.on("event", ({ id }: SessionEvent) => id, { type: "logout" });
// @ts-expect-error The claims are an object.
monitor.setSession(7);
// @ts-expect-error The user is part of the claims.
new SessionMonitor({ ...options, user: "auth0|jane" });

// Types are structural: an object with the same members is accepted, such as a fake in a test.
const watch = (client: SessionEvents): (() => void) => client.on("event", () => {});
watch(client);
watch(new FakeSessionEvents());
watch({
  ...client,
  on: client.on,
  once: client.once,
  off: client.off,
  events: client.events,
  [Symbol.asyncIterator]: client[Symbol.asyncIterator],
  connect() {},
  close() {},
  state: "connected",
  lastEventId: "1",
});
const guard = (given: Revocations): void => given.check({});
guard(revocations);
guard(new FakeRevocations({ whileDisconnected: "pass" }));
guard({
  connection: new FakeSessionEvents(),
  ready: Promise.resolve(),
  connected: true,
  check() {},
  close() {},
});
const list = (given: RevocationList): Date | undefined => given.revokedAt({});
list(new RevocationList());
list({ size: 0, complete: true, add() {}, revokedAt: () => undefined });
class Derived extends SessionEvents {}
const isClient: boolean = new Derived(options) instanceof SessionEvents;

// With exactOptionalPropertyTypes, each option of a backend accepts undefined, and so do variables
// of the environment.
declare const variable: string | undefined;
const getToken = clientCredentials({
  domain: variable,
  clientId: variable,
  clientSecret: variable,
  audience: variable,
  scope: variable,
});
new RevocationList({ maxEntries: undefined, maxAge: undefined }).add({
  type: "logout",
  date: "2026-01-01T00:00:00.000Z",
  user_id: "auth0|jane",
  session_id: undefined,
  revokes: undefined,
});
new FakeRevocations({ whileDisconnected: undefined, sessionId: undefined }).revoke({
  user_id: "auth0|jane",
  session_id: variable,
  revokes: undefined,
});
new Revocations({
  ...options,
  getToken,
  whileDisconnected: "refuse",
  sessionId: undefined,
  maxEntries: undefined,
  maxAge: undefined,
  onError: undefined,
});
// @ts-expect-error whileDisconnected must be chosen.
new Revocations({ ...options, getToken, whileDisconnected: undefined });

// The middleware accepts the request types of Express and of applications.
interface SessionRequest extends Request {
  readonly session: { readonly claims?: object };
}
const app = express();
app.use(revocation({ revocations, claims: undefined, anonymous: undefined }));
app.use(revocation({ ...options, whileDisconnected: "pass", anonymous: "pass" }));
app.use(revocation({ ...options, whileDisconnected: "pass", revocations: undefined }));
app.use(revocation({ revocations, claims: (request: Request) => request.get("x-claims") }));
app.get(
  "/",
  revocation<SessionRequest>({ revocations, claims: ({ session }) => session.claims }) as never,
);
// @ts-expect-error A request of Express has no such member.
app.use(revocation({ revocations, claims: (request: Request) => request.session }));
// @ts-expect-error The value does not exist.
revocation({ revocations, anonymous: "allow" });
