/// <reference lib="esnext.disposable" preserve="true" />
// A lasting connection. It reconnects after every loss, resumes after the last delivered event, and
// delivers each event exactly once.
//
// No event is lost that the server can still replay: each new socket resumes after the last delivered
// event. If the earlier sockets delivered no event, the client requests all replayable events. No
// event is delivered twice: the client remembers more delivered events than the server can replay.
import { backoff, spread } from "./backoff.ts";
import {
  CLOSE_ERRORS,
  NORMAL_CLOSURE,
  SIGNED_OUT,
  closeAction,
  mayAffectAllClients,
} from "./close_codes.ts";
import {
  Connection,
  type ConnectionEnd,
  type ConnectionHandler,
  type TokenTransport,
} from "./connection.ts";
import { describeEmitted } from "./debug.ts";
import { describeError } from "./describe_error.ts";
import { Emitter } from "./emitter.ts";
import { SessionEventsError, SignedOutError } from "./errors.ts";
import { eventStream, type EventStreamOptions } from "./event_stream.ts";
import { EventSubscriptions } from "./event_subscriptions.ts";
import {
  MAX_TIMEOUT,
  resolveSettings,
  type SessionEventsOptions,
  type Settings,
} from "./options.ts";
import { watchPage } from "./page.ts";
import { NO_EVENT, REPLAYABLE_EVENTS, type Authenticated, type SessionEvent } from "./protocol.ts";
import { RecentEvents } from "./recent_events.ts";
import type { SignedOutReason } from "./signed_out.ts";
import { fitsSubprotocol, requestToken, tokenTimedOut, tokenUnchanged } from "./token.ts";

export { SessionEventsError } from "./errors.ts";
export type { EventStreamOptions } from "./event_stream.ts";
export type { EventFilter, ListenerOptions } from "./event_subscriptions.ts";
export type { SessionEventsOptions, TokenRequest } from "./options.ts";
export type { SessionEvent } from "./protocol.ts";
export type { SignedOutReason } from "./signed_out.ts";

/**
 * - `disconnected`: not connected yet, closed by the application, stopped by the server, or no user
 *   is signed in.
 * - `connecting`: an attempt is in progress or scheduled.
 * - `connected`: authenticated; events arrive.
 */
export type State = "disconnected" | "connecting" | "connected";

/** The details of an accepted access token. */
export interface Connected extends Omit<Authenticated, "recovered"> {
  /**
   * `true` if the client is about to deliver all missed events, `false` if the server can no
   * longer replay all of them. Absent if the client has received no event to resume after.
   */
  readonly recovered?: boolean;
}

/** The value of `signedOut`. */
export interface SignedOut {
  readonly reason: SignedOutReason;
  /** The error that was emitted before. Its `cause` is the error that `getToken` threw. */
  readonly error: SessionEventsError;
}

/**
 * The events of the client. The state changes before its event is emitted. An `error` is emitted
 * before the client stops.
 */
export interface SessionEventsEvents {
  /**
   * The next connection attempt starts in `delay` milliseconds, or earlier if the network comes back
   * or the page becomes visible. `code` is the close code of the socket whose end caused this attempt,
   * or 0 if something else caused it. `reason` is the close reason or explains the attempt.
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
   * the socket with a code that means that a reconnection would fail, or no user is signed in
   * (code 0; `reason` is that of `signedOut`).
   */
  disconnected: { readonly code: number; readonly reason: string };
  /**
   * `getToken` failed because no user is signed in any more. The client has stopped. Call `connect()`
   * after the next sign-in.
   */
  signedOut: SignedOut;
  /** An error. If it stops the client, `disconnected` follows; otherwise the client retries. */
  error: SessionEventsError;
}

/**
 * The reconnect delay is multiplied by this factor after the server rejected a fresh token. The
 * configuration is probably wrong, so the next token would be rejected as well, and the issuer may
 * charge for each one.
 */
const REJECTED_FRESH_TOKEN_FACTOR = 10;

/** The margin allows for servers that replay more events. */
const MAX_DELIVERED = 10 * REPLAYABLE_EVENTS;

const OTHER_TRANSPORT = { upgrade: "message", message: "upgrade" } as const;

/**
 * Returns whether the other clients may have lost their connections at the same moment. A peer that
 * falls silent rather indicates a failure of this client's own network.
 */
const mayHaveEndedForAll = ({ caughtUp, timedOut, code }: ConnectionEnd): boolean =>
  caughtUp && !timedOut && mayAffectAllClients(code);

/** Subscribes to the session events of a tenant. */
export class SessionEvents extends EventSubscriptions<SessionEventsEvents> {
  readonly #settings: Settings;
  readonly #emitter: Emitter<SessionEventsEvents>;
  readonly #delivered = new RecentEvents(MAX_DELIVERED);
  #state: State = "disconnected";
  #lastEventId: string | undefined;
  /** Whether the server has ever accepted a token. From then on, events can be missed. */
  #everConnected = false;
  /** The number of consecutive failed attempts. */
  #failures = 0;
  /** The number of times that the client has stopped by itself since it caught up or was closed. */
  #stops = 0;
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
    const emitter = new Emitter<SessionEventsEvents>();
    super(emitter);
    this.#emitter = emitter;
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

  /**
   * Returns an iterator over the session events from now on, for `for await`. It ends after `close()`.
   * It throws if the client stops by itself, or if too many events wait for the loop.
   */
  events(options?: EventStreamOptions): AsyncGenerator<SessionEvent, void, undefined> {
    return eventStream(this, options);
  }

  [Symbol.asyncIterator](): AsyncGenerator<SessionEvent, void, undefined> {
    return this.events();
  }

  /** Connects, and reconnects until `close()`. Does nothing unless the state is `disconnected`. */
  connect(): void {
    if (this.#state !== "disconnected") return;
    this.#failures = 0;
    this.#pageWatch = new AbortController();
    watchPage(
      {
        offline: () => this.#reconnectLater("the network is offline"),
        suspended: () => this.#reconnectLater("the page was suspended"),
        resumed: () => this.#retryNow("the network or the page is back", Infinity),
        visible: () => {
          this.#connection?.ping();
          this.#retryNow("the page became visible", this.#settings.maxReconnectDelay);
        },
      },
      this.#pageWatch.signal,
    );
    // Back off after repeated stops: the application may call connect() whenever the client stops.
    const delay = this.#stops > 1 ? backoff(this.#stops, this.#settings) : 0;
    this.#schedule(0, "connect() was called", delay);
  }

  /** Disconnects. A later `connect()` resumes after the last delivered event. */
  close(): void {
    // Keep the number of stops after the client has stopped: a listener for `disconnected` may call
    // close() and then connect() each time, and must not avoid the back-off.
    if (this.#state === "disconnected") return;
    this.#stops = 0;
    this.#stop(NORMAL_CLOSURE, "close() was called");
  }

  [Symbol.dispose](): void {
    this.close();
  }

  // ---- Connection attempts

  /** Replaces the current attempt or connection by an attempt in `delay` milliseconds. */
  #schedule(code: number, reason: string, delay: number): void {
    const signal = this.#reset();
    this.#state = "connecting";
    this.#scheduledDelay = delay;
    const timer = setTimeout(() => void this.#connect(signal), Math.min(delay, MAX_TIMEOUT));
    signal.addEventListener("abort", () => clearTimeout(timer));
    this.#emit("connecting", { code, reason, delay });
  }

  /**
   * Ends the current attempt or connection, because the browser reports an outage or suspends the
   * page. The report may be wrong, so the next attempt has a timer.
   */
  #reconnectLater(reason: string): void {
    if (this.#scheduledDelay === undefined) this.#scheduleReconnect(0, reason);
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
    const timeout = setTimeout(() => this.#attemptTimedOut(), this.#settings.connectTimeout);
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
  #attemptFailed(error: SessionEventsError, reason = error.code): void {
    const { signal } = this.#attempt;
    this.#reportError(error);
    // The error may have stopped the client, or a listener may have called close().
    if (!signal.aborted) this.#scheduleReconnect(0, reason);
  }

  #attemptTimedOut(): void {
    const reason = "no answer in time";
    if (this.#connection) this.#connection.timeOut(reason);
    else this.#attemptFailed(tokenTimedOut(this.#settings), reason);
  }

  /** Emits an error. Stops if it means that no user is signed in, because retries would fail too. */
  #reportError(error: SessionEventsError): void {
    const { signal } = this.#attempt;
    this.#emit("error", error);
    // A listener may have called close().
    if (signal.aborted || !(error instanceof SignedOutError)) return;
    this.#stops += 1;
    this.#stop(SIGNED_OUT, error.reason);
    this.#emit("signedOut", { reason: error.reason, error });
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
      renewed: ({ recovered, ...details }) => this.#emit("renewed", details),
      event: (event) => this.#deliver(event),
      caughtUp: () => {
        // The back-off starts over only now, because now the connection has proved to work.
        this.#failures = this.#stops = 0;
        this.#emit("caughtUp", this.#recovery);
      },
      error: (error) => this.#reportError(error),
      ended: (end) => this.#connectionEnded(end),
    };
    const credentials = { transport, token, fresh, lastEventId };
    try {
      this.#connection = new Connection(this.#settings, credentials, handler);
      return undefined;
    } catch (cause) {
      const message = `The platform refused to open a WebSocket: ${describeError(cause)}`;
      return new SessionEventsError("connection_failed", message, { cause });
    }
  }

  #connected({ recovered, ...details }: Authenticated, resumedAfter: string | undefined): void {
    this.#state = "connected";
    this.#everConnected = true;
    this.#sentFreshToken = false;
    this.#rejectedToken = undefined;
    this.#recovery = recovered === undefined || resumedAfter === NO_EVENT ? {} : { recovered };
    this.#emit("connected", { ...details, ...this.#recovery });
  }

  #deliver(event: SessionEvent): void {
    if (!this.#delivered.add(event)) return;
    this.#lastEventId = event.id;
    this.#emit("event", event);
  }

  // ---- The end of a connection

  #connectionEnded(end: ConnectionEnd): void {
    const { code, reason, transport, token, authenticated, serverError } = end;
    // A transport works if the server responded to the token. Otherwise the server may have rejected
    // the upgrade, or may be too old to accept tokens in it, or a proxy may have removed the token.
    // The other transport works in these cases, or reveals the reason.
    const isTransportWorking = authenticated || serverError !== undefined;
    this.#transport = isTransportWorking ? transport : OTHER_TRANSPORT[transport];
    switch (closeAction(code)) {
      case "reconnect":
        if (!mayHaveEndedForAll(end)) return this.#scheduleReconnect(code, reason);
        this.#failures += 1;
        return this.#schedule(code, reason, spread(this.#settings));
      case "reconnect with a fresh token":
        this.#rejectedToken = token;
        this.#needsFreshToken = true;
        return this.#scheduleReconnect(
          code,
          reason,
          this.#sentFreshToken ? REJECTED_FRESH_TOKEN_FACTOR : 1,
        );
      case "stop": {
        const closeError = CLOSE_ERRORS[code];
        const { signal } = this.#attempt;
        if (!serverError && closeError)
          this.#emit("error", new SessionEventsError(closeError.code, closeError.message));
        // A listener may have called close().
        if (signal.aborted) return;
        this.#stops += 1;
        this.#stop(code, reason);
      }
    }
  }

  #stop(code: number, reason: string): void {
    this.#reset();
    this.#pageWatch?.abort();
    this.#state = "disconnected";
    this.#emit("disconnected", { code, reason });
  }

  #emit<K extends keyof SessionEventsEvents>(name: K, value: SessionEventsEvents[K]): void {
    this.#settings.debug?.(describeEmitted(name, value));
    this.#emitter.emit(name, value);
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
