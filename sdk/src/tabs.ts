// One socket a browser: the tabs of an origin that listen for the same user share a connection.
//
// One tab leads: it holds the Web Lock of that user's room, and the socket. What it learns it
// hands to the others on a BroadcastChannel. The browser gives the lock to the next tab as soon as
// the leader is gone, however it went, and that tab resumes with the newest event that it knows.
// A leader that is there and does not answer, because a dialog is open in it or its page sleeps, is
// robbed of the lock. So nothing is lost; and since every tab remembers by id what it has handed on,
// nothing comes twice. The room is named by service, tenant and user: two users never meet in one.
// No token is ever on the channel; a leader gets its own.
//
// A platform without locks or channels, such as a page that was not loaded over TLS, gives each
// tab a socket of its own.
import {
  SessionEvents,
  SessionEventsError,
  type Connected,
  type SessionEvent,
  type SessionEventsOptions,
  type State,
} from "./client.ts";
import { Emitter } from "./emitter.ts";
import { settingsOf, type Settings } from "./options.ts";
import { NO_EVENT, isEvent } from "./protocol.ts";

/** Where to go on from is for the tabs to know: a tab begins with all that the server keeps. */
export interface SharedSessionEventsOptions extends Omit<SessionEventsOptions, "lastEventId"> {
  /** The `sub` of the user whose tabs share. */
  readonly user: string;
}

export interface SharedSessionEventsEvents {
  /** The state of the shared connection has changed; it stands in `state`. */
  state: State;
  /** An event that this tab has not had yet, old ones that the server still keeps included. */
  event: SessionEvent;
  /** Events may have been missed: more came while nobody was connected than the server keeps. */
  gap: void;
  /**
   * What went wrong, only in the tab that leads: the connection's errors, and `wrong_user` when
   * `getToken` gave a token of another user.
   */
  error: SessionEventsError;
}

/** What tabs tell each other. `events` are the newest that the leader knows, oldest first. */
type Message =
  | { readonly kind: "hello" }
  | { readonly kind: "state"; readonly state: State; readonly events?: readonly SessionEvent[] }
  | { readonly kind: "event"; readonly event: SessionEvent }
  | { readonly kind: "gap" };

/**
 * How many events a tab remembers. The server keeps as many, so nothing that was handed on before
 * them can come again.
 */
const REMEMBERED = 100;

export class SharedSessionEvents {
  readonly #options: Omit<SharedSessionEventsOptions, "user">;
  readonly #settings: Settings;
  readonly #user: string;
  readonly #room: string;
  readonly #emitter = new Emitter<SharedSessionEventsEvents>();
  readonly #remembered = new Map<string, SessionEvent>();
  #state: State = "disconnected";
  #lastEventId: string | undefined;
  /** Aborted by `close()`. */
  #membership: AbortController | undefined;
  /** Aborted when the page is left, too. */
  #attendance: AbortController | undefined;
  /** Of waiting for the lock, and of holding it; there is none after the server told to stay away. */
  #turn: AbortController | undefined;
  #channel: BroadcastChannel | undefined;
  #leading = false;
  /** Whether a leader has told what it knows. Until then its news may be newer than what is missed. */
  #informed = false;
  /** The newest event before this tab was away, until a leader has told what came since. */
  #missedSince: string | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;

  /** Throws a `TypeError`, as `SessionEvents` does, on options that cannot be used. */
  constructor({ user, ...options }: SharedSessionEventsOptions) {
    this.#settings = settingsOf(options);
    this.#options = options;
    this.#user = user;
    this.#room = `session-events ${new URL(options.url)} ${options.tenant} ${user}`;
  }

  get state(): State {
    return this.#state;
  }

  on<K extends keyof SharedSessionEventsEvents>(
    name: K,
    listener: (value: SharedSessionEventsEvents[K]) => void,
  ): () => void {
    return this.#emitter.on(name, listener);
  }

  connect(): void {
    if (this.#membership) return;
    const { signal } = (this.#membership = new AbortController());
    this.#attend();
    if (typeof window === "undefined") return;
    // A page that waits to be shown again cannot serve the others; it may be thrown away unheard.
    window.addEventListener("pagehide", () => this.#attendance?.abort(), { signal });
    window.addEventListener(
      "pageshow",
      ({ persisted }) => {
        if (persisted) this.#attend();
      },
      { signal },
    );
  }

  close(): void {
    this.#membership?.abort();
    this.#membership = undefined;
    this.#attendance?.abort();
    this.#setState("disconnected");
  }

  #attend(): void {
    this.#attendance?.abort();
    const { signal } = (this.#attendance = new AbortController());
    this.#missedSince = this.#lastEventId;
    this.#informed = false;
    this.#setState("connecting");
    if (typeof BroadcastChannel === "undefined" || !globalThis.navigator?.locks) {
      void this.#lead(signal);
      return;
    }
    const channel = (this.#channel = new BroadcastChannel(this.#room));
    channel.onmessage = ({ data }) => this.#receive(data);
    signal.addEventListener("abort", () => {
      this.#turn?.abort();
      channel.close();
      this.#channel = undefined;
    });
    this.#post({ kind: "hello" });
    this.#queue();
  }

  // ---- The lock

  /** Leads as soon as nobody else does; or at once, in the place of a leader that is `stuck`. */
  #queue({ stuck = false } = {}): void {
    this.#turn?.abort();
    const turn = (this.#turn = new AbortController());
    const { signal } = turn;
    signal.addEventListener("abort", () => clearTimeout(this.#silence));
    let granted = false;
    const over = () => {
      if (this.#turn === turn) this.#turn = undefined;
    };
    navigator.locks
      .request(this.#room, stuck ? { steal: true } : { signal }, () => {
        granted = true;
        return this.#lead(signal);
      })
      .then(over, () => {
        if (signal.aborted) return;
        // Robbed: this page was stuck, and is no longer.
        if (granted) this.#attend();
        // An origin that may not use locks, such as a sandboxed frame.
        else void this.#lead(signal).then(over);
      });
    this.#listen();
  }

  /** Has a leader that has said nothing for a while give a sign of life, while this tab waits. */
  #listen(): void {
    const { pingInterval, pongTimeout } = this.#settings;
    clearTimeout(this.#silence);
    if (!this.#turn || this.#leading) return;
    this.#silence = setTimeout(() => {
      this.#post({ kind: "hello" });
      this.#silence = setTimeout(() => this.#queue({ stuck: true }), pongTimeout);
    }, pingInterval);
  }

  /** Holds the socket, until the tab leaves or the server has told to stay away. */
  #lead(signal: AbortSignal): Promise<void> {
    // The platform may grant the lock in the moment in which it is no longer asked for.
    if (signal.aborted) return Promise.resolve();
    const connection = new SessionEvents({
      ...this.#options,
      lastEventId: this.#lastEventId ?? NO_EVENT,
    });
    const tell = () => {
      this.#setState(connection.state);
      this.#post({ kind: "state", state: connection.state });
    };
    const identify = ({ filter, sub }: Pick<Connected, "filter" | "sub">) => {
      if (filter === "self" && sub !== this.#user)
        this.#emitter.emit("error", new SessionEventsError("wrong_user", WRONG_USER));
    };
    this.#leading = true;
    clearTimeout(this.#silence);
    this.#missedSince = undefined;
    this.#post({ kind: "state", state: "connecting", events: [...this.#remembered.values()] });

    return new Promise((resolve) => {
      const over = () => {
        this.#leading = false;
        resolve();
      };
      signal.addEventListener("abort", () => {
        over();
        connection.close();
      });
      connection.on("connecting", tell);
      connection.on("connected", (details) => {
        identify(details);
        tell();
      });
      connection.on("renewed", identify);
      connection.on("event", (event) => {
        if (this.#handOn(event)) this.#post({ kind: "event", event });
      });
      connection.on("caughtUp", ({ recovered }) => {
        if (recovered !== false) return;
        this.#emitter.emit("gap", undefined);
        this.#post({ kind: "gap" });
      });
      connection.on("error", (error) => this.#emitter.emit("error", error));
      connection.on("disconnected", () => {
        if (signal.aborted) return;
        tell();
        over();
      });
      connection.connect();
    });
  }

  // ---- What the tabs tell each other

  #receive(data: unknown): void {
    const message = read(data);
    if (message?.kind === "hello" && this.#leading)
      this.#post({ kind: "state", state: this.#state, events: [...this.#remembered.values()] });
    // What is left of an earlier leader's messages comes to this one from the server as well.
    if (!message || message.kind === "hello" || this.#leading) return;
    this.#listen();
    // One that comes before the leader's list is in that list, or comes from the server.
    if (message.kind === "event" && this.#informed) this.#handOn(message.event);
    if (message.kind === "gap") this.#emitter.emit("gap", undefined);
    if (message.kind === "state") {
      if (message.events) this.#catchUp(message.events);
      this.#setState(message.state);
      // Where another tab is let in, this one may be, too.
      if (message.state === "connected" && !this.#turn) this.#queue();
    }
  }

  #catchUp(events: readonly SessionEvent[]): void {
    const since = this.#missedSince;
    this.#missedSince = undefined;
    this.#informed = true;
    for (const event of events) this.#handOn(event);
    if (since !== undefined && !events.some(({ id }) => id === since))
      this.#emitter.emit("gap", undefined);
  }

  /** Whether the event was news. */
  #handOn(event: SessionEvent): boolean {
    if (this.#remembered.has(event.id)) return false;
    this.#remembered.set(event.id, event);
    for (const oldest of this.#remembered.keys()) {
      if (this.#remembered.size <= REMEMBERED) break;
      this.#remembered.delete(oldest);
    }
    this.#lastEventId = event.id;
    this.#emitter.emit("event", event);
    return true;
  }

  #setState(state: State): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#emitter.emit("state", state);
  }

  #post(message: Message): void {
    this.#channel?.postMessage(message);
  }
}

const WRONG_USER =
  "getToken gave a token of another user than the one whose session it is: that user's events " +
  "will not arrive.";

const STATES: readonly unknown[] = ["disconnected", "connecting", "connected"] satisfies State[];

/** A message of this module's, of this version or another; anything else is not heard. */
function read(data: unknown): Message | undefined {
  const { kind, state, event, events } = Object(data) as Record<string, unknown>;
  if (kind === "hello" || kind === "gap") return { kind };
  if (kind === "event" && isEvent(event)) return { kind, event };
  if (kind !== "state" || !STATES.includes(state)) return undefined;
  if (events === undefined) return { kind, state: state as State };
  const sound = Array.isArray(events) && events.length <= REMEMBERED && events.every(isEvent);
  return sound ? { kind, state: state as State, events } : undefined;
}
