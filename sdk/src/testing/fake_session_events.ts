import type { SessionEventsEvents, State } from "../client.ts";
import { Emitter } from "../emitter.ts";
import type { SessionEvent } from "../protocol.ts";
import type { SessionEvents } from "../session_events.ts";

/**
 * A client without a server. It connects as soon as `connect()` is called, as a subscriber to the
 * events of all users. `emit(name, value)` simulates anything else that the client may emit.
 */
export class FakeSessionEvents extends Emitter<SessionEventsEvents> implements SessionEvents {
  #state: State = "disconnected";
  #lastEventId: string | undefined;
  #delivered = 0;

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
   * Delivers an event of this user, whatever the state. By default it is a logout from all sessions
   * that happens now. Returns the event.
   */
  deliver(event: Partial<SessionEvent> & Pick<SessionEvent, "user_id">): SessionEvent {
    this.#delivered += 1;
    const delivered: SessionEvent = {
      id: `event-${this.#delivered}`,
      type: "logout",
      date: new Date().toISOString(),
      revokes: event.session_id === undefined ? "user" : "session",
      ...event,
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

  /** Restores the connection. `recovered` says whether the server still stores all missed events. */
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
