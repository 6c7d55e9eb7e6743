// The list of revocations: for each user the latest event that ended all of the user's sessions, and
// for each individually revoked session its latest event.
//
// The order and repetition of events do not matter, because an entry is replaced only by a later one.
// The list is bounded by number and by age. It evicts the oldest entry first, because the oldest entry
// affects the fewest unexpired tokens.
import {
  isRevocation,
  revokedSessionOf,
  sessionIdOf,
  startedBefore,
  timeOf,
  type RevocationEvent,
  type SessionClaims,
} from "./rule.ts";

export interface RevocationListOptions {
  /**
   * The maximum number of entries, one for each user and one for each individually revoked session.
   * Default: 100,000, which take about 30 MB.
   */
  readonly maxEntries?: number;
  /**
   * How long an entry is kept after the date of its event, in milliseconds. Default: 30 days, the
   * longest lifetime of Auth0's access tokens (Auth0, "Update Access Token Lifetime"). Older tokens
   * have expired, so they are rejected without the list.
   */
  readonly maxAge?: number;
}

const DEFAULT_MAX_ENTRIES = 100_000;
const DEFAULT_MAX_AGE = 30 * 24 * 60 * 60 * 1000;

interface Entry {
  readonly user: string;
  /** `undefined` for all of the user's sessions. */
  readonly session: string | undefined;
  readonly time: number;
}

class UserEntries {
  /** By session id. The key `undefined` has the entry for all of the user's sessions. */
  readonly bySession = new Map<string | undefined, Entry>();
  /** The latest time of all entries. Eviction keeps it exact, because it evicts that entry last. */
  latest = -Infinity;
}

export class RevocationList {
  readonly #maxEntries: number;
  readonly #maxAge: number;
  readonly #users = new Map<string, UserEntries>();
  /** All entries, sorted by time. Entries with the same time are in the order of insertion. */
  readonly #sorted: Entry[] = [];

  /** Throws a `TypeError` if a bound is not a positive number. */
  constructor({
    maxEntries = DEFAULT_MAX_ENTRIES,
    maxAge = DEFAULT_MAX_AGE,
  }: RevocationListOptions = {}) {
    if (!(Number.isInteger(maxEntries) && maxEntries > 0))
      throw new TypeError("maxEntries must be a positive whole number");
    if (!(maxAge > 0)) throw new TypeError("maxAge must be a positive number of milliseconds");
    this.#maxEntries = maxEntries;
    this.#maxAge = maxAge;
  }

  /** The number of entries. */
  get size(): number {
    this.#removeExpired();
    return this.#sorted.length;
  }

  /** Adds an event. Ignores events that end no session, and those older than `maxAge`. */
  add(event: RevocationEvent): void {
    if (!isRevocation(event)) return;
    const entry = { user: event.user_id, session: revokedSessionOf(event), time: timeOf(event) };
    const previous = this.#users.get(entry.user)?.bySession.get(entry.session);
    if (previous && previous.time >= entry.time) return;
    if (previous) this.#remove(this.#sorted.indexOf(previous, this.#indexOf(previous.time)), 1);
    this.#insert(entry);
    this.#removeExpired();
    this.#remove(0, this.#sorted.length - this.#maxEntries);
  }

  /**
   * Returns the date of the latest event that revoked a token with these claims, or `undefined` if
   * there is none. If the claims have a session id, only the revocations of that session and of the
   * user count. Otherwise those of any session of the user count.
   */
  revokedAt(claims: SessionClaims): Date | undefined {
    this.#removeExpired();
    const user = typeof claims.sub === "string" ? this.#users.get(claims.sub) : undefined;
    if (!user) return undefined;
    const session = sessionIdOf(claims);
    const time =
      session === undefined
        ? user.latest
        : Math.max(
            user.bySession.get(session)?.time ?? -Infinity,
            user.bySession.get(undefined)?.time ?? -Infinity,
          );
    return time > -Infinity && startedBefore(claims.iat, time) ? new Date(time) : undefined;
  }

  #insert(entry: Entry): void {
    let user = this.#users.get(entry.user);
    if (!user) this.#users.set(entry.user, (user = new UserEntries()));
    user.bySession.set(entry.session, entry);
    user.latest = Math.max(user.latest, entry.time);
    // Events arrive almost in order, so this usually appends.
    this.#sorted.splice(this.#indexOf(entry.time + 1), 0, entry);
  }

  #remove(index: number, count: number): void {
    for (const entry of this.#sorted.splice(index, count)) {
      const user = this.#users.get(entry.user);
      user?.bySession.delete(entry.session);
      if (user?.bySession.size === 0) this.#users.delete(entry.user);
    }
  }

  #removeExpired(): void {
    this.#remove(0, this.#indexOf(Date.now() - this.#maxAge));
  }

  /** Returns the index of the first entry at or after this time, by binary search. */
  #indexOf(time: number): number {
    let [low, high] = [0, this.#sorted.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sorted[middle]?.time ?? Infinity) < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
