// One socket per browser and user: the tabs of an origin share a connection.
//
// One tab is the leader. It holds a Web Lock and the socket, and broadcasts events and states to
// the other tabs, the followers, on a BroadcastChannel. If the leader closes or crashes, the browser
// grants the lock to the next tab, which resumes after the last event it knows. If the leader stops
// responding, because a dialog is open or the page is frozen, a follower steals the lock. So no event
// is lost. Every tab remembers the ids of its delivered events, so none is delivered twice.
//
// The names of the lock and the channel contain service, tenant and user, so different users never
// share a connection. Tokens are never sent on the channel; each leader requests its own.
//
// On platforms without locks or channels, such as pages without TLS, each tab has its own socket.
import {
  SessionEvents,
  SessionEventsError,
  type Connected,
  type SessionEvent,
  type SessionEventsOptions,
  type State,
} from "./client.ts";
import { Emitter } from "./emitter.ts";
import { resolveSettings, type Settings } from "./options.ts";
import { NO_EVENT, isEvent } from "./protocol.ts";
import { RecentEvents } from "./recent_events.ts";

/** There is no `lastEventId`: a new tab starts with all events that the server stores. */
export interface SharedSessionEventsOptions extends Omit<SessionEventsOptions, "lastEventId"> {
  /** The `sub` of the user. Tabs of the same user share a connection. */
  readonly user: string;
}

export interface SharedSessionEventsEvents {
  /** The new state of the shared connection. */
  state: State;
  /** An event that is new to this tab. It may be an old one that the server still stores. */
  event: SessionEvent;
  /** Events may be lost: there were more during an outage than the server stores. */
  gap: void;
  /**
   * An error of the connection, or `wrong_user` if `getToken` returned the token of another user.
   * Emitted only in the leader.
   */
  error: SessionEventsError;
}

/** A message between tabs. `events` are the leader's recent events, oldest first. */
type Message =
  | { readonly kind: "hello" }
  | { readonly kind: "state"; readonly state: State; readonly events?: readonly SessionEvent[] }
  | { readonly kind: "event"; readonly event: SessionEvent }
  | { readonly kind: "gap" };

/** The number of events that a tab remembers. The server stores as many. */
const MAX_DELIVERED = 100;

export class SharedSessionEvents {
  readonly #options: Omit<SharedSessionEventsOptions, "user">;
  readonly #settings: Settings;
  readonly #user: string;
  /** The name of the lock and of the channel. */
  readonly #groupName: string;
  readonly #emitter = new Emitter<SharedSessionEventsEvents>();
  readonly #delivered = new RecentEvents(MAX_DELIVERED);
  #state: State = "disconnected";
  #lastEventId: string | undefined;
  /** Aborted by `close()`. */
  #lifetime: AbortController | undefined;
  /** Aborted by `close()` and while the page is in the back/forward cache. */
  #membership: AbortController | undefined;
  /**
   * Aborted to withdraw the lock request or to release the lock. Undefined once the server has
   * stopped this tab's client.
   */
  #lockRequest: AbortController | undefined;
  #channel: BroadcastChannel | undefined;
  #isLeader = false;
  /**
   * Whether this tab has received the leader's recent events. Before that, single events are
   * ignored, because the list may contain older events that this tab has missed.
   */
  #isSynced = false;
  /**
   * Id of the last event before rejoining. Cleared when the leader's list arrives. If the list lacks
   * it, there is a gap.
   */
  #resumeAfter: string | undefined;
  #leaderTimer: ReturnType<typeof setTimeout> | undefined;

  /** Validates the options, as `SessionEvents` does. Throws a `TypeError` on invalid ones. */
  constructor({ user, ...options }: SharedSessionEventsOptions) {
    this.#settings = resolveSettings(options);
    this.#options = options;
    this.#user = user;
    this.#groupName = `session-events ${new URL(options.url)} ${options.tenant} ${user}`;
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
    if (this.#lifetime) return;
    const { signal } = (this.#lifetime = new AbortController());
    this.#join();
    if (typeof window === "undefined") return;
    // A page in the back/forward cache cannot serve as leader, and may be discarded unnoticed.
    window.addEventListener("pagehide", () => this.#membership?.abort(), { signal });
    window.addEventListener(
      "pageshow",
      ({ persisted }) => {
        if (persisted) this.#join();
      },
      { signal },
    );
  }

  close(): void {
    this.#lifetime?.abort();
    this.#lifetime = undefined;
    this.#membership?.abort();
    this.#setState("disconnected");
  }

  /** Joins the other tabs, for the first time or again. */
  #join(): void {
    this.#membership?.abort();
    const { signal } = (this.#membership = new AbortController());
    this.#resumeAfter = this.#lastEventId;
    this.#isSynced = false;
    this.#setState("connecting");
    if (typeof BroadcastChannel === "undefined" || !globalThis.navigator?.locks) {
      void this.#lead(signal);
      return;
    }
    const channel = (this.#channel = new BroadcastChannel(this.#groupName));
    channel.onmessage = ({ data }) => this.#receive(data);
    signal.addEventListener("abort", () => {
      this.#lockRequest?.abort();
      channel.close();
      this.#channel = undefined;
    });
    this.#post({ kind: "hello" });
    this.#requestLock();
  }

  // ---- The lock

  /** Becomes the leader when the lock is free, or at once with `steal`. */
  #requestLock({ steal = false } = {}): void {
    this.#lockRequest?.abort();
    const lockRequest = (this.#lockRequest = new AbortController());
    const { signal } = lockRequest;
    signal.addEventListener("abort", () => clearTimeout(this.#leaderTimer));
    let granted = false;
    const finish = () => {
      if (this.#lockRequest === lockRequest) this.#lockRequest = undefined;
    };
    navigator.locks
      .request(this.#groupName, steal ? { steal: true } : { signal }, () => {
        granted = true;
        return this.#lead(signal);
      })
      .then(finish, () => {
        if (signal.aborted) return;
        // Another tab stole the lock while this page was unresponsive.
        if (granted) this.#join();
        // The origin may not use locks, for example in a sandboxed frame.
        else void this.#lead(signal).then(finish);
      });
    this.#watchLeader();
  }

  /**
   * Detects an unresponsive leader while this tab waits for the lock. Sends `hello` after a time
   * without messages, and steals the lock if there is no answer.
   */
  #watchLeader(): void {
    const { pingInterval, pongTimeout } = this.#settings;
    clearTimeout(this.#leaderTimer);
    if (!this.#lockRequest || this.#isLeader) return;
    this.#leaderTimer = setTimeout(() => {
      this.#post({ kind: "hello" });
      this.#leaderTimer = setTimeout(() => this.#requestLock({ steal: true }), pongTimeout);
    }, pingInterval);
  }

  /** Holds the socket. Resolves when the tab leaves, or when the server stops the client. */
  #lead(signal: AbortSignal): Promise<void> {
    // The platform may grant a lock although the request has just been withdrawn.
    if (signal.aborted) return Promise.resolve();
    const connection = new SessionEvents({
      ...this.#options,
      lastEventId: this.#lastEventId ?? NO_EVENT,
    });
    const publishState = () => {
      this.#setState(connection.state);
      this.#post({ kind: "state", state: connection.state });
    };
    const checkUser = ({ filter, sub }: Pick<Connected, "filter" | "sub">) => {
      if (filter === "self" && sub !== this.#user)
        this.#emitter.emit("error", new SessionEventsError("wrong_user", WRONG_USER));
    };
    this.#isLeader = true;
    clearTimeout(this.#leaderTimer);
    this.#resumeAfter = undefined;
    this.#post({ kind: "state", state: "connecting", events: this.#delivered.toArray() });

    return new Promise((resolve) => {
      const finish = () => {
        this.#isLeader = false;
        resolve();
      };
      signal.addEventListener("abort", () => {
        finish();
        connection.close();
      });
      connection.on("connecting", publishState);
      connection.on("connected", (details) => {
        checkUser(details);
        publishState();
      });
      connection.on("renewed", checkUser);
      connection.on("event", (event) => {
        if (this.#deliver(event)) this.#post({ kind: "event", event });
      });
      connection.on("caughtUp", ({ recovered }) => {
        if (recovered !== false) return;
        this.#emitter.emit("gap", undefined);
        this.#post({ kind: "gap" });
      });
      connection.on("error", (error) => this.#emitter.emit("error", error));
      connection.on("disconnected", () => {
        if (signal.aborted) return;
        publishState();
        finish();
      });
      connection.connect();
    });
  }

  // ---- Messages between tabs

  #receive(data: unknown): void {
    const message = readMessage(data);
    if (!message) return;
    if (this.#isLeader) {
      // The leader ignores the last messages of a previous leader: it receives the same events from
      // the server.
      if (message.kind === "hello")
        this.#post({ kind: "state", state: this.#state, events: this.#delivered.toArray() });
      return;
    }
    if (message.kind === "hello") return;
    this.#watchLeader();
    switch (message.kind) {
      case "event":
        // An event that is ignored here is in the leader's list, or the server replays it.
        if (this.#isSynced) this.#deliver(message.event);
        break;
      case "gap":
        this.#emitter.emit("gap", undefined);
        break;
      case "state":
        if (message.events) this.#catchUp(message.events);
        this.#setState(message.state);
        // The server accepts another tab, so it may accept this one again, too.
        if (message.state === "connected" && !this.#lockRequest) this.#requestLock();
        break;
    }
  }

  /** Delivers the leader's recent events. Reports a gap if they do not reach back far enough. */
  #catchUp(events: readonly SessionEvent[]): void {
    const resumeAfter = this.#resumeAfter;
    this.#resumeAfter = undefined;
    this.#isSynced = true;
    for (const event of events) this.#deliver(event);
    if (resumeAfter !== undefined && !events.some(({ id }) => id === resumeAfter))
      this.#emitter.emit("gap", undefined);
  }

  /** Emits an event. Returns false for a duplicate. */
  #deliver(event: SessionEvent): boolean {
    if (!this.#delivered.add(event)) return false;
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
  "getToken returned the token of another user than the user of the session, whose events " +
  "therefore do not arrive: return a token of the same user.";

const STATES: readonly unknown[] = ["disconnected", "connecting", "connected"] satisfies State[];

/** Parses a message between tabs. Returns `undefined` for invalid messages and unknown kinds. */
function readMessage(data: unknown): Message | undefined {
  const { kind, state, event, events } = Object(data) as Record<string, unknown>;
  if (kind === "hello" || kind === "gap") return { kind };
  if (kind === "event" && isEvent(event)) return { kind, event };
  if (kind !== "state" || !STATES.includes(state)) return undefined;
  if (events === undefined) return { kind, state: state as State };
  const isValid = Array.isArray(events) && events.length <= MAX_DELIVERED && events.every(isEvent);
  return isValid ? { kind, state: state as State, events } : undefined;
}
