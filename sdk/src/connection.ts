// One WebSocket from its opening to its close.
//
// The connection authenticates, renews its token, detects a dead peer with pings, and reports to a
// `ConnectionHandler`. It reports its end exactly once. After `abandon()` it reports nothing, so the
// handler never receives calls of an old connection. The handler may call `abandon()` inside a
// callback, so each method calls the handler last.
import { backoff } from "./backoff.ts";
import { TOKEN_EXPIRED } from "./close_codes.ts";
import { redact } from "./describe_error.ts";
import { serverError, type SessionEventsError } from "./errors.ts";
import { MAX_TIMEOUT, type Settings, type WebSocketLike } from "./options.ts";
import {
  PING,
  SUBPROTOCOL,
  readMessage,
  type Authenticated,
  type SessionEvent,
} from "./protocol.ts";
import { abortSocket, closeSocket, openSocket, sendText } from "./socket.ts";
import { requestToken, tokenUnchanged } from "./token.ts";

/**
 * How the client sends its token. `upgrade`: as a subprotocol of the upgrade request, which saves a
 * round trip. `message`: in a message, which older servers support too, and which the server
 * answers with an error if it rejects the token.
 */
export type TokenTransport = "upgrade" | "message";

/** How to authenticate a new connection. */
export interface Credentials {
  readonly transport: TokenTransport;
  readonly token: string;
  /** Whether a fresh token was requested from the application. */
  readonly fresh: boolean;
  readonly lastEventId: string | undefined;
}

/** How a connection ended. */
export interface ConnectionEnd {
  /** The close code; 1006 if there was no close frame (RFC 6455, section 7.4.1). */
  readonly code: number;
  readonly reason: string;
  /** Whether this side ended the connection, because the peer did not respond in time. */
  readonly timedOut: boolean;
  readonly transport: TokenTransport;
  /** Whether the server accepted the token. */
  readonly authenticated: boolean;
  /** Whether the replay was completed. */
  readonly caughtUp: boolean;
  /** With the code 4419, the expired token; otherwise the last one that was sent. */
  readonly token: string;
  /** The last error message of the server, if there was one. */
  readonly serverError: SessionEventsError | undefined;
}

/** Receives the events of a connection. */
export interface ConnectionHandler {
  authenticated(authenticated: Authenticated): void;
  renewed(authenticated: Authenticated): void;
  event(event: SessionEvent): void;
  /** The replay is complete. */
  caughtUp(): void;
  error(error: SessionEventsError): void;
  ended(end: ConnectionEnd): void;
}

/** The minimum delay of a renewal in milliseconds, so that a wrong clock causes no busy loop. */
const MIN_RENEWAL_DELAY = 1_000;
/**
 * The time between renewals in milliseconds: the server accepts three at once, and then one in ten
 * seconds. It closes the socket at the fifth that it rejects (docs/protocol.md, "Expiry and renewal").
 */
const RENEWAL_INTERVAL = 10_000;

export class Connection {
  readonly #settings: Settings;
  readonly #handler: ConnectionHandler;
  readonly #socket: WebSocketLike;
  /** Aborted when the connection has ended or was abandoned. */
  readonly #lifetime = new AbortController();
  #transport: TokenTransport;
  /** The token that the server accepted last, or the first one. */
  #token: string;
  /** Whether `#token` was requested as a fresh one. */
  #fresh: boolean;
  /** The token of the renewal in progress. */
  #newToken: string | undefined;
  #authenticated = false;
  #caughtUp = false;
  #serverError: SessionEventsError | undefined;
  #pingTimer: ReturnType<typeof setTimeout> | undefined;
  #renewalTimer: ReturnType<typeof setTimeout> | undefined;

  /** Opens the socket. Throws if the platform refuses to open it. */
  constructor(settings: Settings, credentials: Credentials, handler: ConnectionHandler) {
    this.#settings = settings;
    this.#handler = handler;
    this.#transport = credentials.transport;
    this.#token = credentials.token;
    this.#fresh = credentials.fresh;
    this.#socket = this.#open(credentials);
    const ifActive = (action: () => void) => {
      if (!this.#lifetime.signal.aborted) action();
    };
    const socket = this.#socket;
    socket.addEventListener("message", ({ data }) =>
      ifActive(() => this.#receive(data, credentials)),
    );
    // An error event has no details and is always followed by a close event.
    socket.addEventListener("error", () => {});
    socket.addEventListener("close", ({ code, reason }) =>
      ifActive(() => this.#end(code, redact(reason ?? ""))),
    );
  }

  /** Sends a ping now. The connection ends if there is no pong in time. */
  ping(): void {
    if (!this.#authenticated) return;
    this.#send(PING);
    clearTimeout(this.#pingTimer);
    this.#pingTimer = setTimeout(() => this.#pongTimedOut(), this.#settings.pongTimeout);
  }

  /** Closes the socket without any further calls to the handler. */
  abandon(): void {
    if (this.#lifetime.signal.aborted) return;
    this.#deactivate();
    closeSocket(this.#socket);
  }

  /** Ends the connection because the peer did not respond in time. */
  timeOut(reason: string): void {
    this.#end(1006, reason, true);
  }

  #open({ transport, token, lastEventId }: Credentials): WebSocketLike {
    const { subscribeUrl, WebSocket, debug } = this.#settings;
    debug?.(`opening ${subscribeUrl}, with the token in the ${transport}`);
    if (transport === "message") return openSocket(WebSocket, subscribeUrl, []);
    const url = new URL(subscribeUrl);
    if (lastEventId !== undefined) url.searchParams.set("last_event_id", lastEventId);
    return openSocket(WebSocket, url, [SUBPROTOCOL, `bearer.${token}`]);
  }

  #receive(data: unknown, { lastEventId }: Credentials): void {
    this.#schedulePing();
    const message = readMessage(data);
    switch (message?.kind) {
      case "connected":
        // A proxy may have removed the header with the subprotocol and the token. Some platforms open
        // the socket nevertheless.
        if (this.#socket.protocol === "") this.#transport = "message";
        if (this.#transport === "message") this.#authenticate(this.#token, lastEventId);
        break;
      case "authenticated":
        this.#accept(message.authenticated);
        break;
      case "event":
        this.#handler.event(message.event);
        break;
      case "pong":
        // The server sends the replay directly after `authenticated`. The client sends its first
        // ping on `authenticated`, so the pong follows the whole replay.
        if (this.#caughtUp) break;
        this.#caughtUp = true;
        this.#handler.caughtUp();
        break;
      case "error":
        if (message.code === "too_many_requests") this.#postponeRenewal();
        this.#serverError = serverError(message.code, message.description);
        this.#handler.error(this.#serverError);
        break;
    }
  }

  #authenticate(token: string, lastEventId?: string): void {
    this.#send(
      JSON.stringify({ type: "authenticate", access_token: token, last_event_id: lastEventId }),
    );
  }

  #accept(authenticated: Authenticated): void {
    if (this.#newToken !== undefined) {
      this.#token = this.#newToken;
      this.#fresh = true;
      this.#newToken = undefined;
    }
    this.#scheduleRenewal(this.#renewalDelay(authenticated));
    if (this.#authenticated) return this.#handler.renewed(authenticated);
    this.#authenticated = true;
    this.ping();
    this.#handler.authenticated(authenticated);
  }

  // ---- Pings

  /** Schedules a ping for when no further message arrives. */
  #schedulePing(): void {
    clearTimeout(this.#pingTimer);
    if (this.#authenticated)
      this.#pingTimer = setTimeout(() => this.ping(), this.#settings.pingInterval);
  }

  #pongTimedOut(): void {
    // The platform may take minutes to report the close of a socket whose peer is unreachable.
    this.timeOut("no answer to a ping");
  }

  // ---- Token renewal

  /** Returns the milliseconds until the token should be replaced. */
  #renewalDelay({ expiresAt, claims }: Authenticated): number {
    const { iat, exp } = claims;
    const lifetime =
      typeof iat === "number" && typeof exp === "number" ? (exp - iat) * 1000 : Infinity;
    const untilExpiry = expiresAt.getTime() - Date.now();
    // The local clock may be wrong. A fresh token has its whole lifetime left, and no token has
    // more than that.
    const remaining =
      this.#fresh && lifetime < Infinity ? lifetime : Math.min(untilExpiry, lifetime);
    const delay = remaining - Math.min(this.#settings.renewBefore, remaining / 2);
    if (!this.#authenticated) return delay;
    // This was a renewal. Tokens with a short lifetime would exceed the server's rate.
    return Math.max(delay, Math.min(RENEWAL_INTERVAL, remaining - MIN_RENEWAL_DELAY));
  }

  #scheduleRenewal(delay: number, failures = 0): void {
    clearTimeout(this.#renewalTimer);
    const boundedDelay = Math.min(Math.max(delay, MIN_RENEWAL_DELAY), MAX_TIMEOUT);
    this.#renewalTimer = setTimeout(() => void this.#renew(failures), boundedDelay);
  }

  /** Sends a fresh token on the open socket. Retries with back-off until there is one. */
  async #renew(failures: number): Promise<void> {
    const { signal } = this.#lifetime;
    const token = await requestToken(this.#settings, { fresh: true });
    if (signal.aborted) return;
    if (typeof token === "string" && token !== this.#token) {
      this.#newToken = token;
      return this.#authenticate(token);
    }
    this.#scheduleRenewal(backoff(failures, this.#settings), failures + 1);
    this.#handler.error(typeof token === "string" ? tokenUnchanged() : token);
  }

  /**
   * Sends the token of a renewal again after a delay, because the server received too many renewals.
   * Until then, the socket keeps its token.
   */
  #postponeRenewal(): void {
    const token = this.#newToken;
    if (token === undefined) return;
    clearTimeout(this.#renewalTimer);
    const delay = RENEWAL_INTERVAL + backoff(0, this.#settings);
    this.#renewalTimer = setTimeout(() => this.#authenticate(token), delay);
  }

  // ---- Sending and closing

  #send(text: string): void {
    const { WebSocket } = this.#settings;
    if (this.#socket.readyState === WebSocket.OPEN) sendText(this.#socket, text);
  }

  #deactivate(): void {
    this.#lifetime.abort();
    clearTimeout(this.#pingTimer);
    clearTimeout(this.#renewalTimer);
  }

  #end(code: number, reason: string, timedOut = false): void {
    this.#deactivate();
    if (timedOut) abortSocket(this.#socket);
    this.#handler.ended({
      code,
      reason,
      timedOut,
      transport: this.#transport,
      authenticated: this.#authenticated,
      caughtUp: this.#caughtUp,
      token: code === TOKEN_EXPIRED ? this.#token : (this.#newToken ?? this.#token),
      serverError: this.#serverError,
    });
  }
}
