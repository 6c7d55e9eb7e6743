// A connection that lasts: it comes back after every loss, takes up where it left off, and hands
// on each event exactly once.
//
// Nothing is lost, because each new socket resumes with the newest event that was handed on, and
// one that follows a socket on which none had come asks for all that the server keeps. Nothing
// comes twice, because the ids of the events that were handed on are remembered, at least as many
// as the server keeps.
import { backoff } from "./backoff.ts";
import { EXPLANATIONS, verdict } from "./close_codes.ts";
import {
  Connection,
  fitsUpgrade,
  requestToken,
  unchanged,
  type End,
  type Owner,
  type Way,
} from "./connection.ts";
import { Emitter } from "./emitter.ts";
import { SessionEventsError } from "./errors.ts";
import { settingsOf, type SessionEventsOptions, type Settings } from "./options.ts";
import { followPage } from "./page.ts";
import { NO_EVENT, type Authenticated, type SessionEvent } from "./protocol.ts";

export { SessionEventsError } from "./errors.ts";
export type { SessionEventsOptions, TokenRequest } from "./options.ts";
export type { SessionEvent } from "./protocol.ts";

/**
 * - `disconnected`: at rest. Not connected yet, closed, or told by the server to stay away.
 * - `connecting`: trying, or waiting for the next try.
 * - `connected`: authenticated; events arrive.
 */
export type State = "disconnected" | "connecting" | "connected";

/** What the server says of an accepted token. */
export interface Connected extends Omit<Authenticated, "recovered"> {
  /**
   * Whether all that was missed is about to be handed on; `false` when the server no longer keeps
   * it all. Absent when no event had been received that one could go on from.
   */
  readonly recovered?: boolean;
}

/** What is told, by name. The state has changed already when it is. */
export interface SessionEventsEvents {
  /**
   * A try is to be made, in `delay` milliseconds; `Infinity`: as soon as the network is back. It
   * follows a socket that was closed with `code`, or it is 0, and `reason` says what else it is.
   */
  connecting: { readonly code: number; readonly reason: string; readonly delay: number };
  /** The server has accepted the token. */
  connected: Connected;
  /** All that the server had to replay has been handed on. */
  caughtUp: { readonly recovered?: boolean };
  /** The connection goes on with a newer token. */
  renewed: Omit<Connected, "recovered">;
  /** A user's session is over. */
  event: SessionEvent;
  /** The end: `close()` was called (code 1000), or the server says that coming back is no use. */
  disconnected: { readonly code: number; readonly reason: string };
  /** Something went wrong. Whether it is the end shows in the state. */
  error: SessionEventsError;
}

/**
 * A fresh token that is refused is a sign of a setting that is wrong, and another would be refused
 * as well. Each may be paid for, so the wait is so many times as long.
 */
const PATIENCE = 10;

/** A server keeps the last 100 events for replay; a later one may keep more. */
const REMEMBERED = 1_000;

/** Listens to a tenant's session events. */
export class SessionEvents {
  readonly #settings: Settings;
  readonly #emitter = new Emitter<SessionEventsEvents>();
  readonly #handedOn = new Set<string>();
  #state: State = "disconnected";
  #lastEventId: string | undefined;
  /** Whether a server has ever accepted a token: from then on, events can be missed. */
  #everConnected = false;
  /** Tries in a row that have failed. */
  #failures = 0;
  #way: Way = "upgrade";
  /** Whether the next try takes a token that is newer than the last: a cached one will not do. */
  #fresh = false;
  /** Whether a fresh one has been had since the server last accepted any. */
  #hadFresh = false;
  /** A token that is not to be shown again. */
  #refused: string | undefined;
  #connection: Connection | undefined;
  /** How long the wait for the next try is; `undefined` when none is waited for. */
  #delay: number | undefined;
  #recovery: { readonly recovered?: boolean } = {};
  /** Of the try that is being made or waited for. Aborted when that is over, however it ends. */
  #attempt = new AbortController();
  /** Of the following of the page. */
  #page: AbortController | undefined;

  /** Throws a `TypeError` that names the mend on options that cannot be used. Opens nothing yet. */
  constructor(options: SessionEventsOptions) {
    this.#settings = settingsOf(options);
    this.#lastEventId = this.#settings.lastEventId;
  }

  get state(): State {
    return this.#state;
  }

  /** The id of the newest event that was handed on. */
  get lastEventId(): string | undefined {
    return this.#lastEventId;
  }

  /** Calls `listener` each time from now on. Gives a function that ends it. */
  on<K extends keyof SessionEventsEvents>(
    name: K,
    listener: (value: SessionEventsEvents[K]) => void,
  ): () => void {
    return this.#emitter.on(name, listener);
  }

  /** Connects, and stays connected until `close()`. Does nothing where that is under way. */
  connect(): void {
    if (this.#state !== "disconnected") return;
    this.#failures = 0;
    this.#page = new AbortController();
    followPage(
      {
        offline: () => this.#wait(0, "the network is gone", Infinity),
        aside: () => this.#wait(0, "the page was put aside", Infinity),
        back: () => this.#hurry("the network or the page is back", Infinity),
        visible: () => {
          this.#connection?.ping();
          this.#hurry("the page can be seen", this.#settings.maxReconnectDelay);
        },
      },
      this.#page.signal,
    );
    this.#wait(0, "connect() was called", 0);
  }

  /** Disconnects. `connect()` begins anew and takes up where this left off. */
  close(): void {
    if (this.#state !== "disconnected") this.#stop(1000, "close() was called");
  }

  // ---- Tries

  /** Waits `delay` milliseconds for the next try. */
  #wait(code: number, reason: string, delay: number): void {
    const signal = this.#letGo();
    this.#state = "connecting";
    this.#delay = delay;
    if (delay < Infinity) {
      const timer = setTimeout(() => void this.#try(signal), delay);
      signal.addEventListener("abort", () => clearTimeout(timer));
    }
    this.#emitter.emit("connecting", { code, reason, delay });
  }

  /** Makes the next try now, if one is being waited for that was to come in `longest` or less. */
  #hurry(reason: string, longest: number): void {
    if (this.#delay !== undefined && this.#delay <= longest) this.#wait(0, reason, 0);
  }

  /** Waits for another try after one that failed, `times` as long as usual. */
  #again(code: number, reason: string, times = 1): void {
    this.#wait(code, reason, times * backoff(this.#failures++, this.#settings));
  }

  async #try(signal: AbortSignal): Promise<void> {
    this.#delay = undefined;
    const late = setTimeout(
      () => this.#again(1006, "no answer in time"),
      this.#settings.connectTimeout,
    );
    signal.addEventListener("abort", () => clearTimeout(late));

    const fresh = this.#fresh;
    const token = await requestToken(this.#settings, { fresh });
    if (signal.aborted) return;
    if (typeof token === "string" && token !== this.#refused) {
      this.#fresh = false;
      this.#hadFresh ||= fresh;
      const authenticated = () => clearTimeout(late);
      const problem = this.#open(token, fresh, authenticated);
      return problem && this.#failed(problem);
    }
    if (typeof token !== "string") return this.#failed(token);
    // A token that was refused once would be refused again.
    this.#fresh = true;
    this.#failed(unchanged());
  }

  /** Waits for another try after one that did not get as far as the network. */
  #failed(error: SessionEventsError): void {
    const { signal } = this.#attempt;
    this.#emitter.emit("error", error);
    if (!signal.aborted) this.#again(0, error.code);
  }

  /** Opens a socket; gives what is wrong where the platform will not so much as try. */
  #open(token: string, fresh: boolean, authenticated: () => void): SessionEventsError | undefined {
    const way = fitsUpgrade(token) ? this.#way : "message";
    const lastEventId = this.#lastEventId ?? (this.#everConnected ? NO_EVENT : undefined);
    const owner: Owner = {
      authenticated: (details) => {
        authenticated();
        this.#connected(details, lastEventId);
      },
      renewed: ({ recovered, ...details }) => this.#emitter.emit("renewed", details),
      event: (event) => this.#handOn(event),
      caughtUp: () => {
        // Only now has the connection proved to be one.
        this.#failures = 0;
        this.#emitter.emit("caughtUp", this.#recovery);
      },
      problem: (error) => this.#emitter.emit("error", error),
      ended: (end) => this.#ended(end, way),
    };
    try {
      this.#connection = new Connection(this.#settings, { way, token, fresh, lastEventId }, owner);
      return undefined;
    } catch (cause) {
      const message = "The platform does not open the socket; see the cause.";
      return new SessionEventsError("connection_failed", message, { cause });
    }
  }

  #connected({ recovered, ...details }: Authenticated, resumedFrom: string | undefined): void {
    this.#state = "connected";
    this.#everConnected = true;
    this.#hadFresh = false;
    this.#refused = undefined;
    this.#recovery = recovered === undefined || resumedFrom === NO_EVENT ? {} : { recovered };
    this.#emitter.emit("connected", { ...details, ...this.#recovery });
  }

  #handOn(event: SessionEvent): void {
    if (this.#handedOn.has(event.id)) return;
    this.#handedOn.add(event.id);
    for (const oldest of this.#handedOn) {
      if (this.#handedOn.size <= REMEMBERED) break;
      this.#handedOn.delete(oldest);
    }
    this.#lastEventId = event.id;
    this.#emitter.emit("event", event);
  }

  // ---- Ends

  #ended({ code, reason, opened, token, fault }: End, way: Way): void {
    // An upgrade that fails tells a browser nothing: not whether the token was refused, nor
    // whether the server is too old to know of tokens there. The other way brings it to light.
    if (!opened) this.#way = way === "upgrade" ? "message" : "upgrade";
    switch (verdict(code)) {
      case "come back":
        return this.#again(code, reason);
      case "fresh token":
        this.#refused = token;
        this.#fresh = true;
        return this.#again(code, reason, this.#hadFresh ? PATIENCE : 1);
      case "stay away": {
        const { [code]: explanation } = EXPLANATIONS;
        const { signal } = this.#attempt;
        if (!fault && explanation)
          this.#emitter.emit(
            "error",
            new SessionEventsError(explanation.code, explanation.message),
          );
        if (!signal.aborted) this.#stop(code, reason);
      }
    }
  }

  #stop(code: number, reason: string): void {
    this.#letGo();
    this.#page?.abort();
    this.#state = "disconnected";
    this.#emitter.emit("disconnected", { code, reason });
  }

  /** Ends whatever is under way; the signal is that of what comes next. */
  #letGo(): AbortSignal {
    this.#attempt.abort();
    this.#attempt = new AbortController();
    this.#connection?.abandon();
    this.#connection = undefined;
    this.#delay = undefined;
    return this.#attempt.signal;
  }
}
