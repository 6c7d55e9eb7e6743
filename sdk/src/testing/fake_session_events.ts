/// <reference lib="esnext.disposable" preserve="true" />
import type { SessionEventsEvents, State } from "../client.ts";
import { Emitter } from "../emitter.ts";
import { eventStream, type EventStreamOptions } from "../event_stream.ts";
import { EventSubscriptions } from "../event_subscriptions.ts";
import type { SessionEvent } from "../protocol.ts";
import type { SessionEvents } from "../session_events.ts";

/** The members of an event that a test wants to choose. */
export type FakeEvent = {
  readonly [Name in keyof SessionEvent]?: SessionEvent[Name] | undefined;
} & Pick<SessionEvent, "user_id">;

/** The types that revoke only the session of `session_id`, if there is one. */
const SESSION_TYPES = new Set(["logout", "session_revoked", "refresh_token_revoked"]);
/** The types that revoke nothing, or only a named session. All others revoke all of the user's. */
const NON_REVOKING_TYPES = new Set([
  "refresh_token_revoked",
  "user_unblocked",
  "mfa_changed",
  "account_locked",
  "account_unlocked",
]);

/**
 * A client without a server. It connects as soon as `connect()` is called, as a subscriber to the
 * events of all users. `emit(name, value)` simulates anything else that the client may emit.
 */
export class FakeSessionEvents
  extends EventSubscriptions<SessionEventsEvents>
  implements SessionEvents
{
  readonly #emitter: Emitter<SessionEventsEvents>;
  #state: State = "disconnected";
  #lastEventId: string | undefined;
  #delivered = 0;

  constructor() {
    const emitter = new Emitter<SessionEventsEvents>();
    super(emitter);
    this.#emitter = emitter;
  }

  /** Calls the listeners, as the client does when something happens. */
  emit<K extends keyof SessionEventsEvents>(name: K, value: SessionEventsEvents[K]): void {
    this.#emitter.emit(name, value);
  }

  events(options?: EventStreamOptions): AsyncGenerator<SessionEvent, void, undefined> {
    return eventStream(this, options);
  }

  [Symbol.asyncIterator](): AsyncGenerator<SessionEvent, void, undefined> {
    return this.events();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  get state(): State {
    return this.#state;
  }

  get lastEventId(): string | undefined {
    return this.#lastEventId;
  }

  connect(): void {
    if (this.#state === "disconnected") this.#connect(0, "connect() was called");
  }

  close(): void {
    if (this.#state === "disconnected") return;
    this.#state = "disconnected";
    this.emit("disconnected", { code: 1000, reason: "close() was called" });
  }

  /**
   * Delivers an event of this user in any state, and returns it. By default it is a logout that happens
   * now: from the session of `session_id`, or from all sessions. The default of `revokes` is the value
   * that the server sends for the type. `refresh_token_revoked` without a `session_id` has no `revokes`;
   * pass `revokes: "user"` for the revocation of all the user's tokens.
   */
  deliver(event: FakeEvent): SessionEvent {
    this.#delivered += 1;
    const { id = `event-${this.#delivered}`, type = "logout", user_id, session_id } = event;
    const { date = new Date().toISOString(), revokes = defaultRevokes(type, session_id) } = event;
    const delivered: SessionEvent = {
      id,
      type,
      date,
      user_id,
      ...(session_id === undefined ? {} : { session_id }),
      ...(revokes === undefined ? {} : { revokes }),
    };
    this.#lastEventId = delivered.id;
    this.emit("event", delivered);
    return delivered;
  }

  /** Loses the connection. The client stays in the state `connecting` until `reconnect()`. */
  disconnect(code = 1006, reason = ""): void {
    if (this.#state !== "connected") return;
    this.#state = "connecting";
    this.emit("connecting", { code, reason, delay: Infinity });
  }

  /** Restores the connection. `recovered` says whether the server replays all missed events. */
  reconnect({ recovered = true } = {}): void {
    if (this.#state === "connecting") this.#connected({ recovered });
  }

  #connect(code: number, reason: string): void {
    this.#state = "connecting";
    this.emit("connecting", { code, reason, delay: 0 });
    // A listener may have called close().
    if (this.#state === "connecting") this.#connected({});
  }

  #connected(recovery: { readonly recovered?: boolean }): void {
    this.#state = "connected";
    const sub = "fake@clients";
    const expiresAt = new Date(Date.now() + 3_600_000);
    this.emit("connected", { sub, filter: "*", claims: { sub }, expiresAt, ...recovery });
    if (this.#state === "connected") this.emit("caughtUp", recovery);
  }
}

/** Returns the `revokes` that the server sends for this type; see "Events" in docs/protocol.md. */
function defaultRevokes(type: string, sessionId: string | undefined): SessionEvent["revokes"] {
  if (sessionId !== undefined && SESSION_TYPES.has(type)) return "session";
  return NON_REVOKING_TYPES.has(type) ? undefined : "user";
}
