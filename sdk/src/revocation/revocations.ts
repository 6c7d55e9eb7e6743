// Checks access tokens against the list of revocations. The list is kept up to date by the events of
// a connection and by snapshots of the server's revocations.
//
// `check` accepts a token if the claims have a `sub`, no revocation matches, and the list is up to
// date (or `whileDisconnected` is "pass"). The list is up to date after a complete replay, or after a
// snapshot if the replay is incomplete. It stays up to date until the connection is lost, or until a
// user-wide revocation no longer fits.
//
// A snapshot is loaded while live events already arrive. So a revocation that is not in the snapshot
// arrives as an event. Events and snapshot entries may arrive in any order.
import { Emitter } from "../emitter.ts";
import { SessionEventsError } from "../errors.ts";
import { resolveSettings, type SessionEventsOptions, type Settings } from "../options.ts";
import { SessionEvents } from "../session_events.ts";
import { describeCauses } from "./describe_causes.ts";
import { RevocationList, type RevocationListOptions } from "./list.ts";
import type { RevocationEvent } from "./rule.ts";
import { Snapshot } from "./snapshot.ts";
import { TokenCheck, type TokenCheckOptions } from "./token_check.ts";

export interface RevocationsOptions
  extends SessionEventsOptions, RevocationListOptions, TokenCheckOptions {
  /**
   * Called with each error of the connection and of the snapshots, with `revocations_incomplete` when
   * there are more user-wide revocations than `maxEntries`, and with `events_missed` after a gap that
   * an older server cannot fill. Default: a line with the message and those of its causes, written
   * with `console.warn`.
   */
  readonly onError?: ((error: SessionEventsError) => void) | undefined;
}

export class Revocations {
  /** The connection that delivers the events. */
  readonly connection: SessionEvents;
  /**
   * Resolves when all revocations have been loaded for the first time, even if they do not fit. Rejects
   * if the connection ends before that, because the server stopped the client or `close()` was called.
   */
  readonly ready: Promise<void>;

  readonly #tokenCheck: TokenCheck;
  readonly #listOptions: RevocationListOptions;
  #list: RevocationList;
  /** The list that replaces `#list` after the current snapshot. Only an incomplete one is replaced. */
  #nextList: RevocationList | undefined;
  /** Whether all revocations were received. The list may have been too small for them. */
  #received = false;
  #snapshot: Snapshot | undefined;

  /** Connects. Throws a `TypeError` that says how to fix invalid options. */
  constructor(options: RevocationsOptions) {
    const {
      whileDisconnected,
      sessionId,
      maxEntries,
      maxAge,
      onError = (error) => console.warn(`session-events: ${describeCauses(error)}`),
      ...connection
    } = options;
    this.#tokenCheck = new TokenCheck({ whileDisconnected, sessionId });
    this.#listOptions = { maxEntries, maxAge };
    this.#list = new RevocationList(this.#listOptions);
    this.connection = new SessionEvents(connection);
    this.ready = this.#subscribe(resolveSettings(connection), onError);
    // The error is also passed to onError. An application that does not await `ready` must not fail
    // with an unhandled rejection.
    this.ready.catch(() => {});
    this.connection.connect();
  }

  /** Whether the list is up to date. */
  get connected(): boolean {
    return this.#received && this.#list.complete;
  }

  /**
   * Returns if the token with these verified claims is not revoked. Throws otherwise:
   * `TokenRevokedError` (401), `MissingClaimsError` (401) or `RevocationsUnavailableError` (503).
   * Accepts any type, because frameworks have their own types for claims, and checks it at runtime.
   */
  check(verified: unknown): void {
    this.#tokenCheck.check(verified, this.#list, this.connected);
  }

  /** Closes the connection. From then on, `whileDisconnected` applies. */
  close(): void {
    this.connection.close();
  }

  /** Keeps the list up to date. Returns the promise for `ready`. */
  #subscribe(settings: Settings, onError: (error: SessionEventsError) => void): Promise<void> {
    const { connection } = this;
    const errors = new Emitter<{ error: SessionEventsError }>();
    errors.on("error", onError);
    let everReceived = false;
    /** Whether there may be revocations that no event has delivered, so that a snapshot is needed. */
    let hasGap = true;
    /** Whether the server reported an incomplete replay since all revocations were last received. */
    let eventsMissed = false;
    /** Whether the list is incomplete and this was reported. */
    let incompleteReported = false;
    let lastError: SessionEventsError | undefined;
    const report = (error: SessionEventsError) => errors.emit("error", (lastError = error));
    const onOutdated = () => {
      this.#received = false;
      this.#snapshot?.abandon();
      this.#nextList = undefined;
    };
    const fail = (error: SessionEventsError) => {
      report(error);
      connection.close();
    };
    const reportIncomplete = () => {
      const { complete } = this.#list;
      const isNew = !complete && !incompleteReported;
      incompleteReported = !complete;
      if (isNew) report(new SessionEventsError("revocations_incomplete", INCOMPLETE));
    };
    const add = (revocation: RevocationEvent) => {
      this.#list.add(revocation);
      this.#nextList?.add(revocation);
      reportIncomplete();
    };

    connection.on("event", add);
    connection.on("connecting", onOutdated);
    connection.on("error", report);
    connection.on("connected", ({ filter }) => {
      if (filter === "self") fail(new SessionEventsError("own_events_only", OWN_EVENTS_ONLY));
    });
    return new Promise((resolve, reject) => {
      const onReceived = () => {
        hasGap = eventsMissed = false;
        this.#received = everReceived = true;
        resolve();
      };
      connection.on("caughtUp", ({ recovered }) => {
        hasGap ||= recovered !== true || !this.#list.complete;
        eventsMissed ||= everReceived && recovered === false;
        if (!hasGap) return onReceived();
        if (!this.#list.complete) this.#nextList = new RevocationList(this.#listOptions);
        this.#snapshot = new Snapshot(settings, {
          revocation: add,
          error: report,
          complete: () => {
            this.#list = this.#nextList ?? this.#list;
            this.#nextList = undefined;
            onReceived();
            reportIncomplete();
          },
          unsupported: () => {
            this.#nextList = undefined;
            const error = eventsMissed && new SessionEventsError("events_missed", EVENTS_MISSED);
            onReceived();
            if (error) report(error);
          },
          forbidden: fail,
        });
      });
      // A backend has no user who could sign in again. The credentials may be valid again later, for
      // example after a clock was corrected, so the client continues with its back-off.
      connection.on("signedOut", () => connection.connect());
      connection.on("disconnected", ({ code, reason }) => {
        onOutdated();
        // The client has stopped with `signedOut`, which follows.
        if (code === 0) return;
        reject(lastError ?? new SessionEventsError("closed", `closed with ${code} ${reason}`));
      });
    });
  }
}

const OWN_EVENTS_ONLY =
  "The token that getToken returned has the permission listen:events:self, so the server sends " +
  "only its own events: grant the backend listen:events and not listen:events:self.";
const INCOMPLETE =
  "The server has more revocations of whole users than maxEntries allows, so some are missing: " +
  "increase maxEntries. Until then, whileDisconnected decides about tokens without a known revocation.";
const EVENTS_MISSED =
  "Events are lost, because there were more during the outage than the server stores, and the " +
  "server is too old to list the revocations: tokens that were revoked during the outage may pass " +
  "until they expire.";
