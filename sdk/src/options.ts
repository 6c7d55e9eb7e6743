// The options of the client and their validation.
import { resolveDebug, type Debug } from "./debug.ts";
import { isSecure, parseUrl } from "./secure_url.ts";

/** The argument of `getToken`. */
export interface TokenRequest {
  /** A cached token must not be returned, because it was rejected or is about to expire. */
  readonly fresh: boolean;
}

/** The members of a WebSocket that the client uses. The class of the package ws has them too. */
export interface WebSocketLike {
  readonly readyState: number;
  /** The subprotocol that the server chose; empty if it chose none. */
  readonly protocol?: string;
  send(text: string): void;
  close(): void;
  /** Ends the connection without waiting for the peer. Browsers do not have it or need it. */
  terminate?(): void;
  addEventListener(name: "open" | "error", listener: () => void): void;
  addEventListener(name: "message", listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(
    name: "close",
    listener: (event: { readonly code: number; readonly reason?: string | null }) => void,
  ): void;
}

export interface WebSocketConstructor {
  new (url: URL, protocols?: string[]): WebSocketLike;
  readonly OPEN: number;
}

export interface SessionEventsOptions {
  /** The URL of the Worker: `https://events.example.com`. It may have a path. */
  readonly url: string | URL;
  /** The tenant's slug: `acme` for `acme.auth0.com`, `acme@us` for `acme.us.auth0.com`. */
  readonly tenant: string;
  /**
   * Returns an access token for the Worker's API. The client calls it for each connection, and again
   * shortly before the token expires. If it fails or returns no token, the client retries. If the
   * error says that nobody is signed in, the client stops (`signedOut`).
   */
  readonly getToken: (request: TokenRequest) => string | undefined | Promise<string | undefined>;
  /**
   * The id of the last event that an earlier client received. The server first sends the events
   * after it. Without it, a subscriber to all events first receives the tenant's last 100
   * events, and a subscriber to its own events receives no earlier ones.
   */
  readonly lastEventId?: string | undefined;
  /** The shortest delay before a reconnection, in milliseconds. Default: 500. */
  readonly minReconnectDelay?: number | undefined;
  /**
   * The first delay after the loss of a working connection is at most this much longer than
   * `minReconnectDelay`, in milliseconds. It is random, so that the clients do not all return at once
   * after a deployment of the Worker. The spread does not apply if the client's own network failed.
   * Default: 5,000.
   */
  readonly reconnectSpread?: number | undefined;
  /**
   * The longest delay before a reconnection, in milliseconds. Default: 20,000. Ten times as long
   * after a fresh token was rejected.
   */
  readonly maxReconnectDelay?: number | undefined;
  /**
   * The time before the token expires at which the client sends a new one, in milliseconds. At most
   * half of the token's remaining lifetime. Default: 30,000.
   */
  readonly renewBefore?: number | undefined;
  /** The client sends a ping after this time without a message, in milliseconds. Default: 25,000. */
  readonly pingInterval?: number | undefined;
  /** The client reconnects after this time without a pong, in milliseconds. Default: 5,000. */
  readonly pongTimeout?: number | undefined;
  /** The time limit of a connection attempt with `getToken`, in milliseconds. Default: 15,000. */
  readonly connectTimeout?: number | undefined;
  /** The WebSocket class. Default: the platform's. Node has one since version 22. */
  readonly WebSocket?: WebSocketConstructor | undefined;
  /**
   * `true` writes each state change, token request and event to `console.debug`. A function receives
   * the lines instead. No line contains a token. Lines contain user ids.
   */
  readonly debug?: boolean | ((line: string) => void) | undefined;
}

/** The validated options with their defaults. */
export interface Settings {
  readonly subscribeUrl: URL;
  readonly revocationsUrl: URL;
  readonly getToken: SessionEventsOptions["getToken"];
  readonly lastEventId: string | undefined;
  readonly minReconnectDelay: number;
  readonly maxReconnectDelay: number;
  readonly reconnectSpread: number;
  readonly renewBefore: number;
  readonly pingInterval: number;
  readonly pongTimeout: number;
  readonly connectTimeout: number;
  readonly WebSocket: WebSocketConstructor;
  readonly debug: Debug | undefined;
}

const DEFAULT_DURATIONS = {
  minReconnectDelay: 500,
  maxReconnectDelay: 20_000,
  reconnectSpread: 5_000,
  renewBefore: 30_000,
  pingInterval: 25_000,
  pongTimeout: 5_000,
  connectTimeout: 15_000,
};

/** The longest delay that `setTimeout` supports, in milliseconds. */
export const MAX_TIMEOUT = 2 ** 31 - 1;

const SLUG = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9](@(us|eu|au|jp|uk|ca))?$/;

/** Validates the options. Throws a `TypeError` that says how to fix an invalid one. */
export function resolveSettings(options: SessionEventsOptions): Settings {
  const { getToken, lastEventId } = options;
  if (typeof getToken !== "function")
    throw new TypeError("getToken must be a function that returns an access token");
  if (lastEventId !== undefined && typeof lastEventId !== "string")
    throw new TypeError("lastEventId must be the id of an event, or left out");
  const durations = resolveDurations(options);
  if (durations.minReconnectDelay > durations.maxReconnectDelay)
    throw new TypeError("minReconnectDelay must not be greater than maxReconnectDelay");
  return {
    ...resolveEndpoints(options),
    getToken,
    lastEventId,
    ...durations,
    WebSocket: resolveWebSocket(options),
    debug: resolveDebug(options.debug),
  };
}

function resolveDurations(options: SessionEventsOptions): typeof DEFAULT_DURATIONS {
  const durations = { ...DEFAULT_DURATIONS };
  for (const name of Object.keys(DEFAULT_DURATIONS) as (keyof typeof DEFAULT_DURATIONS)[]) {
    const value = options[name];
    if (value === undefined) continue;
    if (!(typeof value === "number" && value > 0 && value <= MAX_TIMEOUT))
      throw new TypeError(`${name} must be a positive number of milliseconds`);
    durations[name] = value;
  }
  return durations;
}

function resolveEndpoints({ url, tenant }: SessionEventsOptions) {
  if (typeof tenant !== "string" || !SLUG.test(tenant))
    throw new TypeError(
      "tenant must be acme for acme.auth0.com or acme@us for acme.us.auth0.com (also @eu @au @jp @uk @ca)",
    );
  const base = parseUrl(String(url));
  if (!base) throw new TypeError("url must be that of the Worker: https://events.example.com");
  const [, secure] = /^(?:http|ws)(s?):$/.exec(base.protocol) ?? [];
  if (secure === undefined) throw new TypeError("url must begin with https:// or wss://");
  if (!isSecure(base))
    throw new TypeError(
      "url must begin with https://, because the client sends tokens to it (http:// only to localhost)",
    );
  if (base.search || base.hash) throw new TypeError("url must be without a query and a fragment");
  const endpoint = (protocol: string, name: string) => {
    const endpointUrl = new URL(base);
    endpointUrl.protocol = `${protocol}${secure}:`;
    endpointUrl.pathname = `${base.pathname.replace(/\/+$/, "")}/${tenant}/api/${name}`;
    return endpointUrl;
  };
  return {
    subscribeUrl: endpoint("ws", "subscribe"),
    revocationsUrl: endpoint("http", "revocations"),
  };
}

function resolveWebSocket(options: SessionEventsOptions): WebSocketConstructor {
  const WebSocket = options.WebSocket ?? globalThis.WebSocket;
  if (typeof WebSocket !== "function")
    throw new TypeError(
      "this platform has no WebSocket: use Node 22 or newer, or pass that of the package ws as the option WebSocket",
    );
  return WebSocket;
}
