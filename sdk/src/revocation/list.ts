// Who was revoked when: for each user the newest event that ended all of the user's sessions, and
// the newest of each session that ended alone.
//
// What the list answers does not depend on the order in which events arrive, nor on how often: an
// entry only ever moves forward in time. Its memory is bounded by number and by age; the entry
// with the oldest date goes first, because the fewest tokens that are still good are older than it.
import {
  beganBefore,
  dateOf,
  isRevocation,
  sessionOf,
  sidOf,
  type EventFacts,
  type SessionClaims,
} from "./rule.ts";

export interface RevocationListOptions {
  /**
   * How many entries are kept at most, one for each user and for each session that ended alone.
   * 100,000 by default, which take some 30 MB.
   */
  readonly maxEntries?: number;
  /**
   * For how long an entry is kept after its event's date, in milliseconds. 30 days by default:
   * no access token of Auth0 lives longer (Auth0, "Update Access Token Lifetime"), and one that
   * has expired is refused without this list.
   */
  readonly maxAge?: number;
}

const DEFAULT_MAX_ENTRIES = 100_000;
const DEFAULT_MAX_AGE = 30 * 24 * 60 * 60 * 1000;

interface Entry {
  readonly user: string;
  readonly session: string | undefined;
  readonly at: number;
}

class User {
  /** By session; the one of all sessions is under `undefined`. */
  readonly entries = new Map<string | undefined, Entry>();
  /** The newest date of all entries. Exact, since the newest entry is the last to be dropped. */
  newest = -Infinity;
}

export class RevocationList {
  readonly #maxEntries: number;
  readonly #maxAge: number;
  readonly #users = new Map<string, User>();
  /** All entries; of those with the same date, the one that came first is first. */
  readonly #oldestFirst: Entry[] = [];

  /** Throws a `TypeError` when a bound is no positive number. */
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

  /** How many entries are kept. */
  get size(): number {
    this.#dropAged();
    return this.#oldestFirst.length;
  }

  /** Takes an event in; one that ends no sessions, or that is older than `maxAge`, is passed over. */
  add(event: EventFacts): void {
    if (!isRevocation(event)) return;
    const entry = { user: event.user_id, session: sessionOf(event), at: dateOf(event) };
    const earlier = this.#users.get(entry.user)?.entries.get(entry.session);
    if (earlier && earlier.at >= entry.at) return;
    if (earlier) this.#drop(this.#oldestFirst.indexOf(earlier, this.#placeOf(earlier.at)), 1);
    this.#keep(entry);
    this.#dropAged();
    this.#drop(0, this.#oldestFirst.length - this.#maxEntries);
  }

  /** When the token of these claims was revoked, by the newest event that did; or `undefined`. */
  revokedAt(claims: SessionClaims): Date | undefined {
    this.#dropAged();
    const user = typeof claims.sub === "string" ? this.#users.get(claims.sub) : undefined;
    if (!user) return undefined;
    const session = sidOf(claims);
    const at =
      session === undefined
        ? user.newest
        : Math.max(
            user.entries.get(session)?.at ?? -Infinity,
            user.entries.get(undefined)?.at ?? -Infinity,
          );
    return at > -Infinity && beganBefore(claims.iat, at) ? new Date(at) : undefined;
  }

  #keep(entry: Entry): void {
    let user = this.#users.get(entry.user);
    if (!user) this.#users.set(entry.user, (user = new User()));
    user.entries.set(entry.session, entry);
    user.newest = Math.max(user.newest, entry.at);
    // Events come nearly in order, so this is nearly always the end.
    this.#oldestFirst.splice(this.#placeOf(entry.at + 1), 0, entry);
  }

  #drop(place: number, count: number): void {
    for (const entry of this.#oldestFirst.splice(place, count)) {
      const user = this.#users.get(entry.user);
      user?.entries.delete(entry.session);
      if (user?.entries.size === 0) this.#users.delete(entry.user);
    }
  }

  #dropAged(): void {
    this.#drop(0, this.#placeOf(Date.now() - this.#maxAge));
  }

  /** Where the entries begin whose date is `at` or newer. */
  #placeOf(at: number): number {
    let [low, high] = [0, this.#oldestFirst.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#oldestFirst[middle]?.at ?? Infinity) < at) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
