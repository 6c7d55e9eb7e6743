// A lasting connection. It reconnects after every loss, resumes after the last delivered event, and
// delivers each event exactly once.
//
// No event is lost: each new socket resumes after the last delivered event. If the earlier sockets
// delivered no event, the client requests all stored events. No event is delivered twice: the client
// remembers more delivered events than the server stores.
import { backoff } from "./backoff.ts";
import { CLOSE_ERRORS, closeAction } from "./close_codes.ts";
import {
  Connection,
  type ConnectionEnd,
  type ConnectionHandler,
  type TokenTransport,
} from "./connection.ts";
import { Emitter } from "./emitter.ts";
import { SessionEventsError } from "./errors.ts";
import { resolveSettings, type SessionEventsOptions, type Settings } from "./options.ts";
import { watchPage } from "./page.ts";
import { NO_EVENT, type Authenticated, type SessionEvent } from "./protocol.ts";
import { RecentEvents } from "./recent_events.ts";
import { fitsSubprotocol, requestToken, tokenUnchanged } from "./token.ts";

export { SessionEventsError } from "./errors.ts";
export type { SessionEventsOptions, TokenRequest } from "./options.ts";
export type { SessionEvent } from "./protocol.ts";

/**
 * - `disconnected`: not connected yet, closed by the application, or stopped by the server.
 * - `connecting`: an attempt is in progress or scheduled.
 * - `connected`: authenticated; events arrive.
 */
export type State = "disconnected" | "connecting" | "connected";

/** The details of an accepted access token. */
export interface Connected extends Omit<Authenticated, "recovered"> {
  /**
   * `true` if the client is about to deliver all missed events, `false` if the server no longer
   * stores all of them. Absent if the client has received no event to resume after.
   */
  readonly recovered?: boolean;
}

/** The events of the client. The state changes before the event is emitted. */
export interface SessionEventsEvents {
  /**
   * The next connection attempt starts in `delay` milliseconds. `Infinity` means as soon as the
   * network is back or the browser restores the suspended page. `code` is the close code of the last socket, or 0 if there was none;
   * `reason` is the close reason or explains the attempt.
   */
  connecting: { readonly code: number; readonly reason: string; readonly delay: number };
  /** The server accepted the token. */
  connected: Connected;
  /** All events that the server replayed were delivered. */
  caughtUp: { readonly recovered?: boolean };
  /** The server accepted a new token for the open connection. */
  renewed: Omit<Connected, "recovered">;
  /** A session event. */
  event: SessionEvent;
  /**
   * The client no longer reconnects. Either `close()` was called (code 1000), or the server closed
   * the socket with a code that means that a reconnection would fail.
   */
  disconnected: { readonly code: number; readonly reason: string };
  /** An error. The client retries unless the state is `disconnected`. */
  error: SessionEventsError;
}

/**
 * The reconnect delay is multiplied by this factor after the server rejected a fresh token. The
 * configuration is probably wrong, so the next token would be rejected as well, and the issuer may
 * charge for each one.
 */
const REJECTED_FRESH_TOKEN_FACTOR = 10;

/** The server stores the last 100 events. The margin allows for servers that store more. */
const MAX_DELIVERED = 1_000;

/** Subscribes to the session events of a tenant. */
export class SessionEvents {
  readonly #settings: Settings;
  readonly #emitter = new Emitter<SessionEventsEvents>();
  readonly #delivered = new RecentEvents(MAX_DELIVERED);
  #state: State = "disconnected";
  #lastEventId: string | undefined;
  /** Whether the server has ever accepted a token. From then on, events can be missed. */
  #everConnected = false;
  /** The number of consecutive failed attempts. */
  #failures = 0;
  #transport: TokenTransport = "upgrade";
  /** Whether the next attempt needs a fresh token. */
  #needsFreshToken = false;
  /** Whether a fresh token was sent since the server last accepted a token. */
  #sentFreshToken = false;
  /** The last rejected token. It is never sent again. */
  #rejectedToken: string | undefined;
  #connection: Connection | undefined;
  /** The delay of the scheduled attempt; `undefined` if none is scheduled. */
  #scheduledDelay: number | undefined;
  #recovery: { readonly recovered?: boolean } = {};
  /** Aborted when the current attempt, its delay or its connection ends. */
  #attempt = new AbortController();
  /** Ends the subscription to page events. */
  #pageWatch: AbortController | undefined;

  /** Validates the options without connecting. Throws a `TypeError` that says how to fix them. */
  constructor(options: SessionEventsOptions) {
    this.#settings = resolveSettings(options);
    this.#lastEventId = this.#settings.lastEventId;
  }

  get state(): State {
    return this.#state;
  }

  /** The id of the last delivered event. */
  get lastEventId(): string | undefined {
    return this.#lastEventId;
  }

  /** Registers a listener. Returns a function that removes it. */
  on<K extends keyof SessionEventsEvents>(
    name: K,
    listener: (value: SessionEventsEvents[K]) => void,
  ): () => void {
    return this.#emitter.on(name, listener);
  }

  /** Connects, and reconnects until `close()`. Does nothing if the client is already connecting. */
  connect(): void {
    if (this.#state !== "disconnected") return;
    this.#failures = 0;
    this.#pageWatch = new AbortController();
    watchPage(
      {
        offline: () => this.#schedule(0, "the network is offline", Infinity),
        suspended: () => this.#schedule(0, "the page was suspended", Infinity),
        resumed: () => this.#retryNow("the network or the page is back", Infinity),
        visible: () => {
          this.#connection?.ping();
          this.#retryNow("the page became visible", this.#settings.maxReconnectDelay);
        },
      },
      this.#pageWatch.signal,
    );
    this.#schedule(0, "connect() was called", 0);
  }

  /** Disconnects. A later `connect()` resumes after the last delivered event. */
  close(): void {
    if (this.#state !== "disconnected") this.#stop(1000, "close() was called");
  }

  // ---- Connection attempts

  /** Replaces the current attempt or connection by an attempt in `delay` milliseconds. */
  #schedule(code: number, reason: string, delay: number): void {
    const signal = this.#reset();
    this.#state = "connecting";
    this.#scheduledDelay = delay;
    if (delay < Infinity) {
      const timer = setTimeout(() => void this.#connect(signal), delay);
      signal.addEventListener("abort", () => clearTimeout(timer));
    }
    this.#emitter.emit("connecting", { code, reason, delay });
  }

  /** Starts the scheduled attempt now, if there is one with a delay of at most `maxDelay`. */
  #retryNow(reason: string, maxDelay: number): void {
    if (this.#scheduledDelay !== undefined && this.#scheduledDelay <= maxDelay)
      this.#schedule(0, reason, 0);
  }

  /** Schedules an attempt after a failure, with back-off. `factor` multiplies the delay. */
  #scheduleReconnect(code: number, reason: string, factor = 1): void {
    this.#schedule(code, reason, factor * backoff(this.#failures++, this.#settings));
  }

  async #connect(signal: AbortSignal): Promise<void> {
    this.#scheduledDelay = undefined;
    const timeout = setTimeout(
      () => this.#scheduleReconnect(1006, "no answer in time"),
      this.#settings.connectTimeout,
    );
    signal.addEventListener("abort", () => clearTimeout(timeout));

    const fresh = this.#needsFreshToken;
    const token = await requestToken(this.#settings, { fresh });
    if (signal.aborted) return;
    if (token instanceof SessionEventsError) return this.#attemptFailed(token);
    if (token === this.#rejectedToken) {
      this.#needsFreshToken = true;
      return this.#attemptFailed(tokenUnchanged());
    }
    this.#needsFreshToken = false;
    this.#sentFreshToken ||= fresh;
    const error = this.#openConnection(token, fresh, () => clearTimeout(timeout));
    if (error) this.#attemptFailed(error);
  }

  /** Reports an attempt that failed before it opened a socket, and schedules the next one. */
  #attemptFailed(error: SessionEventsError): void {
    const { signal } = this.#attempt;
    this.#emitter.emit("error", error);
    // A listener may have called close().
    if (!signal.aborted) this.#scheduleReconnect(0, error.code);
  }

  /** Opens a socket. Returns an error if the platform refuses to open one. */
  #openConnection(
    token: string,
    fresh: boolean,
    onAuthenticated: () => void,
  ): SessionEventsError | undefined {
    const transport = fitsSubprotocol(token) ? this.#transport : "message";
    const lastEventId = this.#lastEventId ?? (this.#everConnected ? NO_EVENT : undefined);
    const handler: ConnectionHandler = {
      authenticated: (authenticated) => {
        onAuthenticated();
        this.#connected(authenticated, lastEventId);
      },
      renewed: ({ recovered, ...details }) => this.#emitter.emit("renewed", details),
      event: (event) => this.#deliver(event),
      caughtUp: () => {
        // The back-off starts over only now, because now the connection has proved to work.
        this.#failures = 0;
        this.#emitter.emit("caughtUp", this.#recovery);
      },
      error: (error) => this.#emitter.emit("error", error),
      ended: (end) => this.#connectionEnded(end, transport),
    };
    const credentials = { transport, token, fresh, lastEventId };
    try {
      this.#connection = new Connection(this.#settings, credentials, handler);
      return undefined;
    } catch (cause) {
      const message = "The platform refused to open a WebSocket; see the cause.";
      return new SessionEventsError("connection_failed", message, { cause });
    }
  }

  #connected({ recovered, ...details }: Authenticated, resumedAfter: string | undefined): void {
    this.#state = "connected";
    this.#everConnected = true;
    this.#sentFreshToken = false;
    this.#rejectedToken = undefined;
    this.#recovery = recovered === undefined || resumedAfter === NO_EVENT ? {} : { recovered };
    this.#emitter.emit("connected", { ...details, ...this.#recovery });
  }

  #deliver(event: SessionEvent): void {
    if (!this.#delivered.add(event)) return;
    this.#lastEventId = event.id;
    this.#emitter.emit("event", event);
  }

  // ---- The end of a connection

  #connectionEnded(end: ConnectionEnd, transport: TokenTransport): void {
    const { code, reason, opened, token, serverError } = end;
    // A browser does not say why an upgrade failed: the server may have rejected the token, or may
    // be too old to accept tokens in the upgrade. The other transport reveals the reason.
    if (!opened) this.#transport = transport === "upgrade" ? "message" : "upgrade";
    switch (closeAction(code)) {
      case "reconnect":
        return this.#scheduleReconnect(code, reason);
      case "reconnect with a fresh token":
        this.#rejectedToken = token;
        this.#needsFreshToken = true;
        return this.#scheduleReconnect(
          code,
          reason,
          this.#sentFreshToken ? REJECTED_FRESH_TOKEN_FACTOR : 1,
        );
      case "stop": {
        const { [code]: closeError } = CLOSE_ERRORS;
        const { signal } = this.#attempt;
        if (!serverError && closeError) {
          const { code, message } = closeError;
          this.#emitter.emit("error", new SessionEventsError(code, message));
        }
        // A listener may have called close().
        if (!signal.aborted) this.#stop(code, reason);
      }
    }
  }

  #stop(code: number, reason: string): void {
    this.#reset();
    this.#pageWatch?.abort();
    this.#state = "disconnected";
    this.#emitter.emit("disconnected", { code, reason });
  }

  /** Cancels the current attempt and closes the connection. Returns the signal of the next one. */
  #reset(): AbortSignal {
    this.#attempt.abort();
    this.#attempt = new AbortController();
    this.#connection?.abandon();
    this.#connection = undefined;
    this.#scheduledDelay = undefined;
    return this.#attempt.signal;
  }
}
