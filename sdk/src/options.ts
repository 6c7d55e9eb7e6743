// What a client can be told, checked once.
import { isSecure, parseUrl } from "./secure_url.ts";

/** What `getToken` is asked for. */
export interface TokenRequest {
  /** A cached token will not do: it was refused, or is about to expire. */
  readonly fresh: boolean;
}

/** What is used of a socket: as much as a platform's and those of the package ws have alike. */
export interface Socket {
  readonly readyState: number;
  send(text: string): void;
  close(): void;
  addEventListener(name: "open" | "error", listener: () => void): void;
  addEventListener(name: "message", listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(
    name: "close",
    listener: (event: { readonly code: number; readonly reason: string }) => void,
  ): void;
}

export interface WebSocketClass {
  new (url: URL, protocols?: string[]): Socket;
  readonly OPEN: number;
}

export interface SessionEventsOptions {
  /** Where the worker is: `https://events.example.com`. A path in it is kept. */
  readonly url: string | URL;
  /** The tenant's slug: `acme` for `acme.auth0.com`, `acme@us` for `acme.us.auth0.com`. */
  readonly tenant: string;
  /**
   * Gives an access token for the worker's API. Called for each connection, and again shortly
   * before the token expires. While it fails, or gives none, the client goes on trying.
   */
  readonly getToken: (request: TokenRequest) => string | undefined | Promise<string | undefined>;
  /**
   * The newest event that an earlier client has received: what came after it is sent first.
   * Without it, a listener to all events is first sent those that the server keeps, the last 100,
   * and a listener to its own events none.
   */
  readonly lastEventId?: string;
  /** The shortest time before another try, in milliseconds; 500 by default. */
  readonly minReconnectDelay?: number;
  /**
   * The longest time before another try, in milliseconds; 20,000 by default. Ten times that where a
   * fresh token was refused, too.
   */
  readonly maxReconnectDelay?: number;
  /**
   * How long before its token expires a connection is renewed, in milliseconds; 30,000 by default.
   * Where that is more than half of what is left, half of that.
   */
  readonly renewBefore?: number;
  /** The silence after which the server is asked for a sign of life, in milliseconds; 25,000. */
  readonly pingInterval?: number;
  /** How long to wait for that sign before the connection counts as dead, in milliseconds; 5,000. */
  readonly pongTimeout?: number;
  /** How long a try may take, `getToken` included, in milliseconds; 15,000. */
  readonly connectTimeout?: number;
  /** The WebSocket class; the platform's by default. Node has one from version 22 on. */
  readonly WebSocket?: WebSocketClass;
}

/** The options, complete and checked. */
export interface Settings {
  readonly subscribeUrl: URL;
  readonly revocationsUrl: URL;
  readonly getToken: SessionEventsOptions["getToken"];
  readonly lastEventId: string | undefined;
  readonly minReconnectDelay: number;
  readonly maxReconnectDelay: number;
  readonly renewBefore: number;
  readonly pingInterval: number;
  readonly pongTimeout: number;
  readonly connectTimeout: number;
  readonly WebSocket: WebSocketClass;
}

const DURATIONS = {
  minReconnectDelay: 500,
  maxReconnectDelay: 20_000,
  renewBefore: 30_000,
  pingInterval: 25_000,
  pongTimeout: 5_000,
  connectTimeout: 15_000,
};

/** `setTimeout` takes no more. */
export const LONGEST_TIMER = 2 ** 31 - 1;

const SLUG = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9](@(us|eu|au|jp|uk|ca))?$/;

/** Throws a `TypeError` with a sentence that names the mend on an option that cannot be used. */
export function settingsOf(options: SessionEventsOptions): Settings {
  const { getToken, lastEventId } = options;
  if (typeof getToken !== "function")
    throw new TypeError("getToken must be a function that gives an access token");
  if (lastEventId !== undefined && typeof lastEventId !== "string")
    throw new TypeError("lastEventId must be the id of an event, or left out");
  const durations = durationsOf(options);
  if (durations.minReconnectDelay > durations.maxReconnectDelay)
    throw new TypeError("minReconnectDelay must not be greater than maxReconnectDelay");
  return {
    ...endpointsOf(options),
    getToken,
    lastEventId,
    ...durations,
    WebSocket: webSocketOf(options),
  };
}

function durationsOf(options: SessionEventsOptions): typeof DURATIONS {
  const durations = { ...DURATIONS };
  for (const name of Object.keys(DURATIONS) as (keyof typeof DURATIONS)[]) {
    const given = options[name];
    if (given === undefined) continue;
    if (!(typeof given === "number" && given > 0 && given <= LONGEST_TIMER))
      throw new TypeError(`${name} must be a positive number of milliseconds`);
    durations[name] = given;
  }
  return durations;
}

function endpointsOf({ url, tenant }: SessionEventsOptions) {
  if (typeof tenant !== "string" || !SLUG.test(tenant))
    throw new TypeError(
      "tenant must be acme for acme.auth0.com or acme@us for acme.us.auth0.com (also @eu @au @jp @uk @ca)",
    );
  const base = parseUrl(String(url));
  if (!base) throw new TypeError("url must be that of the worker: https://events.example.com");
  const [, secure] = /^(?:http|ws)(s?):$/.exec(base.protocol) ?? [];
  if (secure === undefined) throw new TypeError("url must begin with https:// or wss://");
  if (!isSecure(base))
    throw new TypeError(
      "url must begin with https://, for tokens are sent there (http:// only to localhost)",
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

function webSocketOf(options: SessionEventsOptions): WebSocketClass {
  const given = options.WebSocket ?? globalThis.WebSocket;
  if (typeof given !== "function")
    throw new TypeError(
      "this platform has no WebSocket: use Node 22 or newer, or give that of the package ws as the option WebSocket",
    );
  return given;
}
