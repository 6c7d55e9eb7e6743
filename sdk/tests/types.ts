// Type tests: this file must compile, and each `@ts-expect-error` must be an error.
import { SessionEvents, type SessionEvent } from "session-events";
import { SessionMonitor, type SessionClaims, type SessionEnd } from "session-events/browser";
import { useSessionEvents, type SessionEventsProviderProps } from "session-events/react";
import { Revocations } from "session-events/revocation";

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
