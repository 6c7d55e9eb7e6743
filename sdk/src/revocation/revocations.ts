// Checks access tokens against the list of revocations.
//
// `check` accepts a token if the claims have a `sub`, no revocation matches, and the list is up to
// date (or `whileDisconnected` is "pass").
import type { SessionEventsError } from "../errors.ts";
import { resolveSettings, type SessionEventsOptions } from "../options.ts";
import { SessionEvents } from "../session_events.ts";
import type { RevocationListOptions } from "./list.ts";
import { ListSync } from "./list_sync.ts";
import { TokenCheck, type TokenCheckOptions } from "./token_check.ts";

export interface RevocationsOptions
  extends SessionEventsOptions, RevocationListOptions, TokenCheckOptions {
  /**
   * Called with each error of the connection and of the snapshots, with `revocations_incomplete` when
   * there are more user-wide revocations than `maxEntries`, and with `events_missed` after a gap that
   * an older server cannot fill. Default: writes the message with `console.warn`.
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
  readonly #sync: ListSync;

  /** Connects. Throws a `TypeError` that says how to fix invalid options. */
  constructor(options: RevocationsOptions) {
    const {
      whileDisconnected,
      sessionId,
      maxEntries,
      maxAge,
      onError = (error) => console.warn(`session-events: ${error.message}`),
      ...connection
    } = options;
    this.#tokenCheck = new TokenCheck({ whileDisconnected, sessionId });
    this.connection = new SessionEvents(connection);
    this.#sync = new ListSync(
      this.connection,
      resolveSettings(connection),
      { maxEntries, maxAge },
      onError,
    );
    this.ready = this.#sync.ready;
    this.connection.connect();
  }

  /**
   * `true` while the list of revocations is up to date and complete. `false` before `ready`, from a lost
   * connection until the list is complete again, and, even with an open socket, while there are more
   * revocations of whole users than `maxEntries` (`revocations_incomplete`).
   */
  get connected(): boolean {
    return this.#sync.upToDate;
  }

  /**
   * Returns if the token with these verified claims is not revoked. Throws otherwise:
   * `TokenRevokedError` (401), `MissingClaimsError` (401) or `RevocationsUnavailableError` (503).
   * Accepts any type, because frameworks have their own types for claims, and checks it at runtime.
   */
  check(verified: unknown): void {
    this.#tokenCheck.check(verified, this.#sync.list, this.connected);
  }

  /** Closes the connection. From then on, `whileDisconnected` applies. */
  close(): void {
    this.#sync.close();
  }
}
