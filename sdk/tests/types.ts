// What compiles and what does not, as users write it. Compiling this file is the test.
import { SessionEvents, type SessionEvent } from "session-events";
import { Revocations } from "session-events/revocation";

const options = {
  url: "https://events.example.com",
  tenant: "acme@us",
  getToken: async ({ fresh }: { fresh: boolean }) => (fresh ? "new" : "cached"),
};
const client = new SessionEvents(options);

const stop: () => void = client.on("event", (event: SessionEvent) => {
  const known: boolean = event.type === "logout" || event.type === "user_blocked";
  const future: boolean = event.type === "a type to come";
  const session: string | undefined = event.session_id;
  const scope: "user" | "session" | undefined = event.revokes;
  // @ts-expect-error An event cannot be changed.
  event.id = "1";
});
client.on("connecting", ({ code, reason, delay }) => [code, reason, delay] satisfies unknown[]);
client.on("connected", ({ sub, filter, claims, expiresAt, recovered }) => {
  const all: boolean = filter === "*";
  const time: number = expiresAt.getTime();
  const complete: boolean | undefined = recovered;
  const issuedAt: unknown = claims["iat"];
  // @ts-expect-error There are but two filters.
  return filter === "all" && sub;
});
client.on("error", ({ code, message, cause }) => [code, message, cause] satisfies unknown[]);
const state: "disconnected" | "connecting" | "connected" = client.state;

// @ts-expect-error The name of an event is misspelt.
client.on("connect", () => {});
// @ts-expect-error The state is the client's own.
client.state = "connected";
// @ts-expect-error There is no tenant.
new SessionEvents({ url: options.url, getToken: options.getToken });
// @ts-expect-error A token is a string.
new SessionEvents({ ...options, getToken: () => 7 });
// @ts-expect-error There is no such option.
new SessionEvents({ ...options, retries: 3 });

// What auth0-spa-js and auth0-react give is a token or nothing.
const silently = async (): Promise<string | undefined> => undefined;
new SessionEvents({ ...options, getToken: ({ fresh }) => (fresh ? silently() : undefined) });

// The package ws names its events more narrowly, and has no dispatchEvent.
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
// @ts-expect-error It cannot be sent anything.
new SessionEvents({ ...options, WebSocket: EventTarget });

// Claims as an Action writes them, and as @fastify/jwt has them.
const revocations = new Revocations({
  ...options,
  whileDisconnected: "pass",
  sessionId: (claims) => claims["https://example.com/sid"],
});
declare const user: string | object | Uint8Array;
revocations.check(user);
