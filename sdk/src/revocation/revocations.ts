// Tells whether an access token has been revoked, by the events of a connection that it holds.
//
// A token passes only when its claims name a user, no event that is known ended its session, and
// the events are known up to now. The last is so from the moment in which the replay has been
// taken in until the connection is lost; in between, `whileDisconnected` decides.
import { SessionEvents, SessionEventsError, type SessionEventsOptions } from "../client.ts";
import { MissingClaimsError, RevocationsUnavailableError, TokenRevokedError } from "./errors.ts";
import { RevocationList, type RevocationListOptions } from "./list.ts";
import { sidOf, type SessionClaims } from "./rule.ts";

/** The claims of an access token whose signature, issuer, audience and expiry have been checked. */
export type AccessTokenClaims = SessionClaims & Readonly<Record<string, unknown>>;

export interface RevocationsOptions extends SessionEventsOptions, RevocationListOptions {
  /**
   * What to do with a token that no known event revoked, while events may be missing: before the
   * first connection, and while one is lost. `"refuse"`: nobody gets in on a revoked token, and
   * nobody at all during an outage. `"pass"`: the reverse. There is no default.
   */
  readonly whileDisconnected: "refuse" | "pass";
  /**
   * The session that a token belongs to, from its claims; by default the claim `sid`. Where it
   * gives nothing, the end of any session of the user revokes the token. Auth0 writes `sid` to ID
   * tokens only; an Action can add it to access tokens as a claim with a namespace.
   */
  readonly sessionId?: (claims: AccessTokenClaims) => string | undefined;
  /**
   * Told of whatever goes wrong: the errors of the connection, and `events_missed` after a gap
   * that the server could not fill. By default they are written by `console.warn`.
   */
  readonly onError?: (error: SessionEventsError) => void;
}

export class Revocations {
  /** The connection underneath. */
  readonly connection: SessionEvents;
  /**
   * Settles once all that the server keeps has been taken in. Rejected when the connection ends
   * for good before that: the server told it to stay away, or `close()` was called.
   */
  readonly ready: Promise<void>;

  readonly #list: RevocationList;
  readonly #sessionId: (claims: AccessTokenClaims) => string | undefined;
  readonly #refuse: boolean;
  #upToDate = false;

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
    this.ready = this.#follow(onError);
    // Whoever does not wait for it is told by onError; that is no reason to end the process.
    this.ready.catch(() => {});
    this.connection.connect();
  }

  /** Whether all events are known up to now. */
  get connected(): boolean {
    return this.#upToDate;
  }

  /**
   * Returns when the token of these verified claims is still good, and throws otherwise:
   * `TokenRevokedError` (401), `MissingClaimsError` (401) or `RevocationsUnavailableError` (503).
   */
  check(claims: AccessTokenClaims | null | undefined): void {
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

  #follow(onError: (error: SessionEventsError) => void): Promise<void> {
    const { connection } = this;
    let everUpToDate = false;
    let lastError: SessionEventsError | undefined;
    const report = (error: SessionEventsError) => onError((lastError = error));
    const outdated = () => void (this.#upToDate = false);

    connection.on("event", (event) => this.#list.add(event));
    connection.on("connecting", outdated);
    connection.on("error", report);
    connection.on("connected", ({ filter }) => {
      if (filter === "*") return;
      report(new SessionEventsError("own_events_only", OWN_EVENTS_ONLY));
      connection.close();
    });
    return new Promise((resolve, reject) => {
      connection.on("caughtUp", ({ recovered }) => {
        if (everUpToDate && recovered === false)
          report(new SessionEventsError("events_missed", EVENTS_MISSED));
        this.#upToDate = everUpToDate = true;
        resolve();
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
  "The connection was lost for so long that the server no longer kept all events: tokens that " +
  "were revoked meanwhile may pass until they expire.";
