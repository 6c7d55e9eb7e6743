// Keeps the list of revocations up to date with the events of a connection and with snapshots of the
// server's revocations.
//
// The list is up to date after a complete replay, or after a snapshot if the replay is incomplete. It
// stays up to date until the connection is lost, or until a user-wide revocation no longer fits.
//
// A snapshot is loaded while live events already arrive. So a revocation that is not in the snapshot
// arrives as an event. Events and snapshot entries may arrive in any order.
import { Emitter } from "../emitter.ts";
import { SessionEventsError } from "../errors.ts";
import type { Settings } from "../options.ts";
import type { SessionEvents } from "../session_events.ts";
import { RevocationList, type RevocationListOptions } from "./list.ts";
import type { RevocationEvent } from "./rule.ts";
import { SnapshotLoader } from "./snapshot_loader.ts";

/** The code of `disconnected` if the client has stopped by itself and emits `signedOut` next. */
const SIGNED_OUT = 0;

export class ListSync {
  /**
   * Resolves when all revocations have been received for the first time. Rejects if the connection
   * ends before that. An application that ignores it does not fail with an unhandled rejection.
   */
  readonly ready: Promise<void>;

  readonly #connection: SessionEvents;
  readonly #settings: Settings;
  readonly #listOptions: RevocationListOptions;
  readonly #errors = new Emitter<{ error: SessionEventsError }>();
  #resolveReady!: () => void;
  #rejectReady!: (error: SessionEventsError) => void;
  #list: RevocationList;
  /** The list that replaces `#list` after the current snapshot. Only an incomplete one is replaced. */
  #nextList: RevocationList | undefined;
  #loader: SnapshotLoader | undefined;
  /** Whether all revocations were received. The list may have been too small for them. */
  #received = false;
  #everReceived = false;
  /** Whether there may be revocations that no event has delivered, so that a snapshot is needed. */
  #hasGap = true;
  /** Whether the server reported an incomplete replay since all revocations were last received. */
  #eventsMissed = false;
  /** Whether the list is incomplete and this was reported. */
  #incompleteReported = false;
  #lastError: SessionEventsError | undefined;
  #isClosed = false;

  /** Subscribes to the connection. Throws a `TypeError` if the options of the list are invalid. */
  constructor(
    connection: SessionEvents,
    settings: Settings,
    listOptions: RevocationListOptions,
    onError: (error: SessionEventsError) => void,
  ) {
    this.#connection = connection;
    this.#settings = settings;
    this.#listOptions = listOptions;
    this.#list = new RevocationList(listOptions);
    this.#errors.on("error", onError);
    this.ready = new Promise((resolve, reject) => {
      this.#resolveReady = resolve;
      this.#rejectReady = reject;
    });
    this.ready.catch(() => {});
    connection.on("event", (event) => this.#add(event));
    connection.on("error", (error) => this.#report(error));
    connection.on("connecting", () => {
      this.#isClosed = false;
      this.#onOutdated();
    });
    connection.on("connected", ({ filter }) => {
      if (filter === "self") this.#fail(new SessionEventsError("own_events_only", OWN_EVENTS_ONLY));
    });
    connection.on("caughtUp", ({ recovered }) => this.#onCaughtUp(recovered));
    connection.on("disconnected", ({ code, reason }) => this.#onDisconnected(code, reason));
    // A backend has no user who could sign in again. The credentials may be valid again later, for
    // example after a clock was corrected, so the client continues with its back-off.
    connection.on("signedOut", () => {
      if (!this.#isClosed) connection.connect();
    });
  }

  /** Closes the connection, also between two attempts with rejected credentials. */
  close(): void {
    this.#isClosed = true;
    this.#connection.close();
    this.#rejectReady(this.#lastError ?? new SessionEventsError("closed", "close() was called"));
  }

  get list(): RevocationList {
    return this.#list;
  }

  /** Whether the list has all revocations. */
  get upToDate(): boolean {
    return this.#received && this.#list.complete;
  }

  // ---- The connection

  /** The connection was lost. Later revocations are unknown. */
  #onOutdated(): void {
    this.#received = false;
    this.#loader?.abandon();
    this.#nextList = undefined;
  }

  #onCaughtUp(recovered: boolean | undefined): void {
    this.#hasGap ||= recovered !== true || !this.#list.complete;
    this.#eventsMissed ||= this.#everReceived && recovered === false;
    if (this.#hasGap) this.#loadSnapshot();
    else this.#onReceived();
  }

  #onDisconnected(code: number, reason: string): void {
    this.#onOutdated();
    if (code === SIGNED_OUT) return;
    const closed = () => new SessionEventsError("closed", `closed with ${code} ${reason}`);
    this.#rejectReady(this.#lastError ?? closed());
  }

  // ---- The list

  #add(revocation: RevocationEvent): void {
    this.#list.add(revocation);
    this.#nextList?.add(revocation);
    this.#reportIncomplete();
  }

  #loadSnapshot(): void {
    if (!this.#list.complete) this.#nextList = new RevocationList(this.#listOptions);
    this.#loader = new SnapshotLoader(this.#settings, {
      revocation: (revocation) => this.#add(revocation),
      error: (error) => this.#report(error),
      complete: () => this.#onSnapshotLoaded(),
      unsupported: () => this.#onSnapshotUnsupported(),
      forbidden: (error) => this.#fail(error),
    });
  }

  #onSnapshotLoaded(): void {
    this.#list = this.#nextList ?? this.#list;
    this.#nextList = undefined;
    this.#onReceived();
    this.#reportIncomplete();
  }

  /** An older server has no more revocations than it has replayed. */
  #onSnapshotUnsupported(): void {
    this.#nextList = undefined;
    const eventsMissed = this.#eventsMissed;
    this.#onReceived();
    if (eventsMissed) this.#report(new SessionEventsError("events_missed", EVENTS_MISSED));
  }

  #onReceived(): void {
    this.#hasGap = this.#eventsMissed = false;
    this.#received = this.#everReceived = true;
    this.#resolveReady();
  }

  // ---- Errors

  #report(error: SessionEventsError): void {
    this.#lastError = error;
    this.#errors.emit("error", error);
  }

  /** Reports an error that retries would not fix, and closes the connection. */
  #fail(error: SessionEventsError): void {
    this.#report(error);
    this.#connection.close();
  }

  /** Reports an incomplete list once, until it is complete again. */
  #reportIncomplete(): void {
    const { complete } = this.#list;
    const isNew = !complete && !this.#incompleteReported;
    this.#incompleteReported = !complete;
    if (isNew) this.#report(new SessionEventsError("revocations_incomplete", INCOMPLETE));
  }
}

const OWN_EVENTS_ONLY =
  "The token that getToken returned has the permission listen:events:self, so the server sends " +
  "only its own events: grant the backend listen:events and not listen:events:self.";
const INCOMPLETE =
  "The server has more revocations of whole users than maxEntries allows, so some are missing: " +
  "increase maxEntries. Until then, whileDisconnected decides about tokens without a known revocation.";
const EVENTS_MISSED =
  "Events are lost, because there were more during the outage than the server can replay, and " +
  "the server is too old to list the revocations: tokens that were revoked during the outage may pass " +
  "until they expire.";
