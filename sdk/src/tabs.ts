/// <reference lib="esnext.disposable" preserve="true" />
// One socket per browser and user: the tabs of an origin share a connection.
//
// One tab is the leader. It holds a Web Lock and the socket, and broadcasts events and states to
// the other tabs, the followers, on a BroadcastChannel. If the leader closes or crashes, the browser
// grants the lock to the next tab, which resumes after the last event it knows. If the leader stops
// responding, because a dialog is open or the page is frozen, a follower steals the lock. A leader that
// cannot connect, or whose token is that of another user, releases the lock if another tab waits for
// it. So no event is lost. Every tab remembers the ids of its delivered events, so none is delivered
// twice.
//
// A leader whose user is no longer signed in leaves the other tabs. Each of them then requests a fresh
// token, because only its own login library knows whether the user has signed out of that tab, too.
//
// The names of the lock and the channel contain service, tenant and user, so different users never
// share a connection. Tokens are never sent on the channel; each leader requests its own.
//
// On platforms without locks or channels, such as pages without TLS, or if the platform refuses them,
// each tab has its own socket.
import { backoff } from "./backoff.ts";
import { NORMAL_CLOSURE, SIGNED_OUT } from "./close_codes.ts";
import {
  SessionEvents,
  SessionEventsError,
  type Connected,
  type SessionEvent,
  type SessionEventsOptions,
  type SignedOut,
  type State,
} from "./client.ts";
import { Emitter } from "./emitter.ts";
import { SignedOutError } from "./errors.ts";
import { EventSubscriptions } from "./event_subscriptions.ts";
import { resolveSettings, type Settings } from "./options.ts";
import { listen } from "./page.ts";
import { NO_EVENT, REPLAYABLE_EVENTS, isEvent } from "./protocol.ts";
import { RecentEvents } from "./recent_events.ts";
import { requestToken } from "./token.ts";

/** There is no `lastEventId`: a new tab starts with all events that the server can replay. */
export interface SharedSessionEventsOptions extends Omit<SessionEventsOptions, "lastEventId"> {
  /** The `sub` of the user. Tabs of the same user share a connection. */
  readonly user: string;
}

export interface SharedSessionEventsEvents {
  /** The new state of the shared connection. */
  state: State;
  /** An event that is new to this tab. It may be an old one that the server replayed. */
  event: SessionEvent;
  /** Events may be lost: there were more during an outage than the server can replay. */
  gap: void;
  /**
   * An error of the connection, or `wrong_user` if `getToken` returned the token of another user.
   * Emitted only in the leader.
   */
  error: SessionEventsError;
  /**
   * No user is signed in any more in this tab. The tab has left the others, and its state is
   * `disconnected`. Call `connect()` after the next sign-in.
   */
  signedOut: SignedOut;
}

/**
 * A message between tabs. `hello` requests the leader's state and recent events. `events` are the
 * leader's recent events, oldest first.
 */
type Message =
  | { readonly kind: "hello" }
  | { readonly kind: "state"; readonly state: State; readonly events?: readonly SessionEvent[] }
  | { readonly kind: "event"; readonly event: SessionEvent }
  | { readonly kind: "gap" }
  | { readonly kind: "signedOut" };

/** A leader without a connection hands over after this number of errors that concern its tab. */
const MAX_TAB_ERRORS = 2;

/** The codes of errors that depend on the tab: on its tokens, or its permission to open a socket. */
const TAB_ERRORS: ReadonlySet<string> = new Set([
  "token_unavailable",
  "token_unchanged",
  "invalid_token",
  "connection_failed",
]);

export class SharedSessionEvents extends EventSubscriptions<SharedSessionEventsEvents> {
  readonly #options: Omit<SharedSessionEventsOptions, "user">;
  readonly #settings: Settings;
  readonly #user: string;
  /** The name of the lock and of the channel. */
  readonly #groupName: string;
  readonly #emitter: Emitter<SharedSessionEventsEvents>;
  readonly #delivered = new RecentEvents(REPLAYABLE_EVENTS);
  #state: State = "disconnected";
  #lastEventId: string | undefined;
  /** Aborted when the tab leaves the others: by `close()`, or because no user is signed in. */
  #lifetime: AbortController | undefined;
  /** Aborted with `#lifetime`, and while the page is in the back/forward cache. */
  #membership: AbortController | undefined;
  /**
   * Aborted to withdraw the lock request or to release the lock. Undefined while this tab neither
   * waits for the lock nor holds it: at first, after it has resigned, and after its client has stopped.
   */
  #lockRequest: AbortController | undefined;
  #channel: BroadcastChannel | undefined;
  /** The connection of all tabs, while this tab is the leader. */
  #connection: SessionEvents | undefined;
  /**
   * True if another tab should lead: this tab has had `MAX_TAB_ERRORS` errors of its own, its token is
   * that of another user, or it has had no connection for `pingInterval + pongTimeout`.
   */
  #shouldHandOver = false;
  /** The number of times that this tab has resigned since it last received events as the leader. */
  #resignations = 0;
  /**
   * The number of times that the client of this tab has stopped without `close()` since it last caught
   * up or was closed.
   */
  #stops = 0;
  #isCheckingSignIn = false;
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
  /** Joins again although the browser has not restored the page. */
  #rejoinTimer: ReturnType<typeof setTimeout> | undefined;
  /** Requests the lock again after this tab has resigned. */
  #retryTimer: ReturnType<typeof setTimeout> | undefined;

  /** Validates the options, as `SessionEvents` does. Throws a `TypeError` on invalid ones. */
  constructor({ user, ...options }: SharedSessionEventsOptions) {
    const emitter = new Emitter<SharedSessionEventsEvents>();
    super(emitter);
    this.#emitter = emitter;
    this.#settings = resolveSettings(options);
    if (typeof user !== "string" || user === "")
      throw new TypeError("user must be the sub of the signed-in user");
    this.#options = options;
    this.#user = user;
    this.#groupName = `session-events ${new URL(options.url)} ${options.tenant} ${user}`;
  }

  get state(): State {
    return this.#state;
  }

  /**
   * Joins the other tabs and stays connected until `close()`. Does nothing unless the state is
   * `disconnected`.
   */
  connect(): void {
    if (this.#state !== "disconnected") return;
    // After the client has stopped without close(), the tab still belongs to the others.
    if (!this.#lifetime) this.#watchPage();
    // The application may call connect() whenever the client stops.
    this.#join(this.#stops > 1 ? backoff(this.#stops, this.#settings) : 0);
  }

  /** Leaves the other tabs. A later `connect()` resumes after the last event. */
  close(): void {
    // Keep the number of stops after the client has stopped: a listener for `disconnected` may call
    // close() and then connect() each time, and must not avoid the back-off.
    if (this.#state !== "disconnected") this.#stops = 0;
    this.#leave();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #leave(): void {
    this.#lifetime?.abort();
    this.#lifetime = undefined;
    this.#membership?.abort();
    clearTimeout(this.#rejoinTimer);
    // Last, because a listener may call connect().
    this.#setState("disconnected");
  }

  /** Until `close()`: leaves the other tabs when the page may enter the back/forward cache. */
  #watchPage(): void {
    const { signal } = (this.#lifetime = new AbortController());
    // React Native has a window without events.
    if (typeof globalThis.window?.addEventListener !== "function") return;
    // A page in the back/forward cache cannot serve as leader, and may be discarded unnoticed.
    listen(window, "pagehide", () => this.#suspend(), signal);
    listen(window, "pageshow", ({ persisted }) => persisted && this.#join(), signal);
  }

  /**
   * Leaves the other tabs until the browser restores the page, or until a timer shows that the page
   * still runs.
   */
  #suspend(): void {
    this.#membership?.abort();
    clearTimeout(this.#rejoinTimer);
    // The timer does not run while the page is in the cache.
    this.#rejoinTimer = setTimeout(() => this.#join(), this.#settings.maxReconnectDelay);
  }

  /**
   * Joins the other tabs, for the first time or again. `delay` postpones the request for the lock, and
   * so this tab's own connection.
   */
  #join(delay = 0): void {
    this.#membership?.abort();
    clearTimeout(this.#rejoinTimer);
    const { signal } = (this.#membership = new AbortController());
    this.#resumeAfter = this.#lastEventId;
    this.#isSynced = false;
    this.#setState("connecting");
    // A listener may have called close().
    if (signal.aborted) return;
    const channel = (this.#channel = this.#openChannel());
    signal.addEventListener("abort", () => {
      this.#lockRequest?.abort();
      clearTimeout(this.#retryTimer);
      channel?.close();
      this.#channel = undefined;
    });
    if (channel) {
      channel.onmessage = ({ data }) => this.#receive(data);
      this.#post({ kind: "hello" });
    }
    const connect = () => (channel ? this.#requestLock() : void this.#lead(signal));
    if (delay > 0) this.#retryTimer = setTimeout(connect, delay);
    else connect();
  }

  /**
   * Opens the channel. Returns `undefined` if the platform has no channels or no locks, or refuses
   * them, for example because the user blocks cookies.
   */
  #openChannel(): BroadcastChannel | undefined {
    try {
      return navigator.locks ? new BroadcastChannel(this.#groupName) : undefined;
    } catch {
      return undefined;
    }
  }

  // ---- The lock

  /** Becomes the leader when the lock is free, or at once with `steal`. */
  #requestLock({ steal = false } = {}): void {
    this.#lockRequest?.abort();
    clearTimeout(this.#retryTimer);
    const lockRequest = (this.#lockRequest = new AbortController());
    const { signal } = lockRequest;
    signal.addEventListener("abort", () => clearTimeout(this.#leaderTimer));
    let granted = false;
    const finish = () => {
      if (this.#lockRequest === lockRequest) this.#lockRequest = undefined;
    };
    // An async function, because some browsers throw where others reject.
    const request = async () =>
      navigator.locks.request(this.#groupName, steal ? { steal: true } : { signal }, () => {
        granted = true;
        return this.#lead(signal);
      });
    request().then(finish, () => {
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
    if (!this.#lockRequest || this.#connection) return;
    this.#leaderTimer = setTimeout(() => {
      this.#post({ kind: "hello" });
      this.#leaderTimer = setTimeout(() => this.#requestLock({ steal: true }), pongTimeout);
    }, pingInterval);
  }

  /** Holds the socket. Resolves when the tab leaves or resigns, or when the client stops. */
  #lead(signal: AbortSignal): Promise<void> {
    // The platform may grant a lock although the request has just been withdrawn.
    if (signal.aborted) return Promise.resolve();
    const connection = new SessionEvents({
      ...this.#options,
      lastEventId: this.#lastEventId ?? NO_EVENT,
    });
    this.#settings.debug?.("this tab opens the connection");
    this.#connection = connection;
    clearTimeout(this.#leaderTimer);
    this.#resumeAfter = undefined;
    this.#post({ kind: "state", state: "connecting", events: this.#delivered.toArray() });
    const ended = this.#watchEnd(connection);
    this.#watchConnection(connection);
    this.#relay(connection);
    signal.addEventListener("abort", () => connection.close());
    connection.connect();
    return ended;
  }

  /** Returns a promise that resolves when the connection ends. The lock is held until then. */
  #watchEnd(connection: SessionEvents): Promise<void> {
    connection.on("signedOut", (signedOut) => {
      this.#post({ kind: "signedOut" });
      this.#stopSignedOut(signedOut);
    });
    return new Promise((resolve) => {
      connection.on("disconnected", ({ code }) => {
        this.#connection = undefined;
        this.#shouldHandOver = false;
        resolve();
        // A tab that leaves or resigns leaves the state to the next leader.
        if (code === NORMAL_CLOSURE) return;
        this.#stops += 1;
        // Last, because a listener may call connect(). After a sign-out, `signedOut` follows.
        if (code !== SIGNED_OUT) this.#publishState("disconnected");
      });
    });
  }

  /** Lets another tab lead, and requests the lock again after a delay. */
  #resign(): void {
    this.#settings.debug?.("this tab lets another tab open the connection");
    this.#connection?.close();
    const delay = backoff(this.#resignations++, this.#settings);
    this.#retryTimer = setTimeout(() => this.#requestLock(), delay);
  }

  /** Publishes the events of the leader's connection in this tab and in the others. */
  #relay(connection: SessionEvents): void {
    connection.on("event", (event) => {
      // With the token of another user, these are the events of that user.
      if (!this.#shouldHandOver && this.#deliver(event)) this.#post({ kind: "event", event });
    });
    connection.on("caughtUp", ({ recovered }) => {
      this.#stops = 0;
      if (this.#shouldHandOver || recovered !== false) return;
      this.#emitter.emit("gap", undefined);
      this.#post({ kind: "gap" });
    });
  }

  /** Publishes the state of the leader's connection, and hands over if another tab should lead. */
  #watchConnection(connection: SessionEvents): void {
    const { pingInterval, pongTimeout } = this.#settings;
    let disconnectedSince = Date.now();
    let tabErrors = 0;
    const onAuthenticated = ({ filter, sub }: Pick<Connected, "filter" | "sub">) => {
      tabErrors = 0;
      this.#shouldHandOver = filter === "self" && sub !== this.#user;
      if (!this.#shouldHandOver) this.#resignations = 0;
      else this.#emitter.emit("error", new SessionEventsError("wrong_user", WRONG_USER));
      void this.#handOverIfAwaited();
    };
    connection.on("error", (error) => {
      if (TAB_ERRORS.has(error.code)) tabErrors += 1;
      this.#emitter.emit("error", error);
    });
    connection.on("connecting", () => {
      if (this.#state === "connected") disconnectedSince = Date.now();
      this.#shouldHandOver =
        tabErrors >= MAX_TAB_ERRORS || Date.now() - disconnectedSince >= pingInterval + pongTimeout;
      this.#publishState("connecting");
      void this.#handOverIfAwaited();
    });
    connection.on("connected", (details) => {
      onAuthenticated(details);
      // A listener may have called close().
      if (this.#connection === connection) this.#publishState("connected");
    });
    connection.on("renewed", onAuthenticated);
  }

  /** Resigns if another tab should lead and waits for the lock. */
  async #handOverIfAwaited(): Promise<void> {
    // Without a channel, this tab would not hear from the next leader.
    if (!this.#shouldHandOver || !this.#channel) return;
    try {
      const { pending } = await navigator.locks.query();
      const isAwaited = pending?.some(({ name }) => name === this.#groupName);
      // The connection may have ended or may work by now.
      if (isAwaited && this.#shouldHandOver) this.#resign();
    } catch {
      // Without locks, no tab waits for this one.
    }
  }

  #stopSignedOut(signedOut: SignedOut): void {
    this.#leave();
    this.#emitter.emit("signedOut", signedOut);
  }

  /**
   * Stops if the login library says that no user is signed in. A cached token may outlive the session
   * at the issuer, so the library must not return one.
   */
  async #checkSignIn(): Promise<void> {
    if (this.#isCheckingSignIn) return;
    this.#isCheckingSignIn = true;
    const lifetime = this.#lifetime;
    const result = await requestToken(this.#settings, { fresh: true });
    this.#isCheckingSignIn = false;
    if (result instanceof SignedOutError && lifetime && lifetime === this.#lifetime)
      this.#stopSignedOut({ reason: result.reason, error: result });
  }

  // ---- Messages between tabs

  #receive(data: unknown): void {
    const message = readMessage(data);
    if (!message) return;
    if (message.kind === "signedOut") {
      void this.#checkSignIn();
      return;
    }
    if (this.#connection) {
      // The leader ignores the last messages of a previous leader: it receives the same events from
      // the server.
      if (message.kind !== "hello") return;
      this.#post({ kind: "state", state: this.#sharedState(), events: this.#delivered.toArray() });
      void this.#handOverIfAwaited();
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
        // Another tab is connected, so this one may succeed as well. It resigned, or its client stopped.
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

  /** Sets the state of this tab and of its followers. */
  #publishState(state: State): void {
    this.#setState(state);
    this.#post({ kind: "state", state: this.#sharedState() });
  }

  /** The state of the followers: without the user's events, they are not connected. */
  #sharedState(): State {
    return this.#shouldHandOver && this.#state === "connected" ? "connecting" : this.#state;
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
  "getToken returned a token of another user, so the events of the signed-in user do not arrive: " +
  "return a token of that user.";

const STATES: readonly unknown[] = ["disconnected", "connecting", "connected"] satisfies State[];

/** Parses a message between tabs. Returns `undefined` for invalid messages and unknown kinds. */
function readMessage(data: unknown): Message | undefined {
  const { kind, state, event, events } = Object(data) as Record<string, unknown>;
  if (kind === "hello" || kind === "gap" || kind === "signedOut") return { kind };
  if (kind === "event" && isEvent(event)) return { kind, event };
  if (kind !== "state" || !STATES.includes(state)) return undefined;
  if (events === undefined) return { kind, state: state as State };
  const isValid =
    Array.isArray(events) && events.length <= REPLAYABLE_EVENTS && events.every(isEvent);
  return isValid ? { kind, state: state as State, events } : undefined;
}
