// Tells whether an access token has been revoked, by the events of a connection that it holds, and
// by a snapshot of who was revoked before.
//
// A token passes only when its claims name a user, nothing that is known ended its session, and
// everything is known up to now. The last is so from the moment in which the replay has been taken
// in, and where that left a gap a snapshot too, until the connection is lost; in between,
// `whileDisconnected` decides.
//
// The snapshot is taken while events arrive already: whatever is not on its pages is revoked after
// them, and so is heard of. In which order the list is told of both makes no difference to it.
import { SessionEvents, SessionEventsError, type SessionEventsOptions } from "../client.ts";
import { Emitter } from "../emitter.ts";
import { settingsOf, type Settings } from "../options.ts";
import { MissingClaimsError, RevocationsUnavailableError, TokenRevokedError } from "./errors.ts";
import { RevocationList, type RevocationListOptions } from "./list.ts";
import { sidOf, type SessionClaims } from "./rule.ts";
import { Snapshot } from "./snapshot.ts";

/** The claims of an access token whose signature, issuer, audience and expiry have been checked. */
export type AccessTokenClaims = SessionClaims & Readonly<Record<string, unknown>>;

export interface RevocationsOptions extends SessionEventsOptions, RevocationListOptions {
  /**
   * What to do with a token that is not known to be revoked, while something may be missing: before
   * `ready`, while the connection is lost, and after that until all is made up for. `"refuse"`:
   * nobody gets in on a revoked token, and nobody at all during an outage. `"pass"`: the reverse.
   * There is no default.
   */
  readonly whileDisconnected: "refuse" | "pass";
  /**
   * The session that a token belongs to, from its claims; by default the claim `sid`. Where it
   * gives nothing, the end of any session of the user revokes the token. Auth0 writes `sid` to ID
   * tokens only; an Action can add it to access tokens as a claim with a namespace.
   */
  readonly sessionId?: (claims: AccessTokenClaims) => unknown;
  /**
   * Told of whatever goes wrong: the errors of the connection and of the snapshot, and
   * `events_missed` after a gap that an older server could not fill. By default they are written
   * by `console.warn`.
   */
  readonly onError?: (error: SessionEventsError) => void;
}

export class Revocations {
  /** The connection underneath. */
  readonly connection: SessionEvents;
  /**
   * Settles once all that the server knows has been taken in. Rejected when the connection ends
   * for good before that: the server told it to stay away, or `close()` was called.
   */
  readonly ready: Promise<void>;

  readonly #list: RevocationList;
  readonly #sessionId: (claims: AccessTokenClaims) => unknown;
  readonly #refuse: boolean;
  #upToDate = false;
  #snapshot: Snapshot | undefined;

  /** Connects at once. Throws a `TypeError` that names the mend on options that cannot be used. */
  constructor(options: RevocationsOptions) {
    const {
      whileDisconnected,
      sessionId = sidOf,
      maxEntries,
      maxAge,
      onError = ({ message }) => console.warn(`session-events: ${message}`),
      ...connection
    } = options;
    if (whileDisconnected !== "refuse" && whileDisconnected !== "pass")
      throw new TypeError(
        'whileDisconnected must be chosen: "refuse" answers every request with 503 while there is ' +
          'no connection, "pass" lets tokens through that may have been revoked meanwhile',
      );
    this.#refuse = whileDisconnected === "refuse";
    this.#sessionId = sessionId;
    this.#list = new RevocationList({
      ...(maxEntries === undefined ? {} : { maxEntries }),
      ...(maxAge === undefined ? {} : { maxAge }),
    });
    this.connection = new SessionEvents(connection);
    this.ready = this.#follow(settingsOf(connection), onError);
    // Whoever does not wait for it is told by onError; that is no reason to end the process.
    this.ready.catch(() => {});
    this.connection.connect();
  }

  /** Whether everything is known up to now. */
  get connected(): boolean {
    return this.#upToDate;
  }

  /**
   * Returns when the token of these verified claims is still good, and throws otherwise:
   * `TokenRevokedError` (401), `MissingClaimsError` (401) or `RevocationsUnavailableError` (503).
   * Frameworks have types of their own for claims, so any is taken, and it is looked at what is there.
   */
  check(verified: unknown): void {
    const claims = verified as AccessTokenClaims | null | undefined;
    if (typeof claims?.sub !== "string" || claims.sub === "") throw new MissingClaimsError();
    const { sub, iat } = claims;
    const revokedAt = this.#list.revokedAt({ sub, iat, sid: this.#sessionId(claims) });
    if (revokedAt) throw new TokenRevokedError(revokedAt);
    if (this.#refuse && !this.#upToDate) throw new RevocationsUnavailableError();
  }

  /** Closes the connection; from then on, `whileDisconnected` decides. */
  close(): void {
    this.connection.close();
  }

  #follow(settings: Settings, onError: (error: SessionEventsError) => void): Promise<void> {
    const { connection } = this;
    const errors = new Emitter<{ error: SessionEventsError }>();
    errors.on("error", onError);
    let everUpToDate = false;
    /** Whether something was revoked, or may have been, of which the connection cannot tell. */
    let gap = true;
    /** Whether the server has said so of a time since it was last all known. */
    let missed = false;
    let lastError: SessionEventsError | undefined;
    const report = (error: SessionEventsError) => errors.emit("error", (lastError = error));
    const outdated = () => {
      this.#upToDate = false;
      this.#snapshot?.abandon();
    };
    const end = (error: SessionEventsError) => {
      report(error);
      connection.close();
    };

    connection.on("event", (event) => this.#list.add(event));
    connection.on("connecting", outdated);
    connection.on("error", report);
    connection.on("connected", ({ filter }) => {
      if (filter === "self") end(new SessionEventsError("own_events_only", OWN_EVENTS_ONLY));
    });
    return new Promise((resolve, reject) => {
      const upToDate = () => {
        gap = missed = false;
        this.#upToDate = everUpToDate = true;
        resolve();
      };
      connection.on("caughtUp", ({ recovered }) => {
        gap ||= recovered !== true;
        missed ||= everUpToDate && recovered === false;
        if (!gap) return upToDate();
        this.#snapshot = new Snapshot(settings, {
          revocation: (revocation) => this.#list.add(revocation),
          problem: report,
          complete: upToDate,
          notOffered: () => {
            const error = missed && new SessionEventsError("events_missed", EVENTS_MISSED);
            upToDate();
            if (error) report(error);
          },
          refused: end,
        });
      });
      connection.on("disconnected", ({ code, reason }) => {
        outdated();
        reject(lastError ?? new SessionEventsError("closed", `closed with ${code} ${reason}`));
      });
    });
  }
}

const OWN_EVENTS_ONLY =
  "The token that getToken gave has the right listen:events:self, and so gets its own events " +
  "only: grant the backend listen:events and not listen:events:self.";
const EVENTS_MISSED =
  "The connection was lost for so long that the server no longer kept all events, and it is too " +
  "old to tell otherwise who was revoked: tokens that were revoked meanwhile may pass until they " +
  "expire.";
