// The list of revocations. For each user it has the latest event that revoked all of the user's
// tokens, and for each individually revoked session the latest event and whether the session has
// ended for good.
//
// The order and repetition of events do not matter, because an entry is replaced only by a later one,
// and the end of a session is never undone.
//
// The list is bounded by number and by age. If there are too many entries, the session entry with the
// oldest date goes first, because it affects one session and the fewest unexpired tokens. As long as
// the list has another entry of the same user, that date then counts for all of the user's sessions.
// Tokens issued up to that date stay revoked. Newer tokens of the dropped session are accepted again.
import { Heap, type HeapItem } from "./heap.ts";
import {
  appliesTo,
  revocationOf,
  sessionIdOf,
  type Revocation,
  type RevocationEvent,
  type SessionClaims,
} from "./rule.ts";

export interface RevocationListOptions {
  /**
   * The maximum number of entries, one for each user and one for each individually revoked session.
   * Default: 100,000, which take about 50 MB.
   */
  readonly maxEntries?: number | undefined;
  /**
   * How long an entry is kept after the date of its event, in milliseconds. Default: 30 days, the
   * longest lifetime of Auth0's access tokens (Auth0, "Update Access Token Lifetime"). Older tokens
   * have expired, so they are rejected without the list.
   */
  readonly maxAge?: number | undefined;
}

const DEFAULT_MAX_ENTRIES = 100_000;
const DEFAULT_MAX_AGE = 30 * 24 * 60 * 60 * 1000;
/** The maximum number of session entries of one user. */
const MAX_SESSIONS_PER_USER = 1_000;

/** An entry for all sessions of a user, or for one session. */
class Entry implements Revocation, HeapItem {
  readonly user: User;
  readonly session: string | undefined;
  time: number;
  final: boolean;
  listIndex = 0;
  userIndex = 0;

  constructor(user: User, { session, time, final }: Revocation) {
    this.user = user;
    this.session = session;
    this.time = time;
    this.final = final;
  }
}

/** The entries of a user. */
class User {
  readonly id: string;
  /** The entry for all sessions. */
  userWide: Entry | undefined;
  readonly sessions = new Map<string, Entry>();
  /** Exists only if the user has ever had too many sessions, because most users have few. */
  sessionsByAge: Heap<Entry> | undefined;
  /**
   * The date that counts for all sessions: that of `userWide`, or a later one of a session entry that
   * was dropped.
   */
  revokedUntil = -Infinity;
  /** The date that counts for tokens without a session: the latest of all entries, even dropped ones. */
  revokedUntilWithoutSid = -Infinity;

  constructor(id: string) {
    this.id = id;
  }

  get oldestSession(): Entry | undefined {
    if (!this.sessionsByAge) {
      this.sessionsByAge = new Heap("userIndex");
      for (const entry of this.sessions.values()) this.sessionsByAge.add(entry);
    }
    return this.sessionsByAge.oldest;
  }
}

export class RevocationList {
  readonly #maxEntries: number;
  readonly #maxAge: number;
  readonly #users = new Map<string, User>();
  readonly #userWideByAge = new Heap<Entry>("listIndex");
  readonly #sessionsByAge = new Heap<Entry>("listIndex");
  /** The latest date of the user-wide entries that were dropped although they had not expired. */
  #lostUntil = -Infinity;

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
    return this.#userWideByAge.size + this.#sessionsByAge.size;
  }

  /**
   * Whether the list has all user-wide revocations that were added and have not expired. `false` after
   * it had to drop one because there were more than `maxEntries`.
   */
  get complete(): boolean {
    return this.#lostUntil < this.#expiry();
  }

  /** Adds an event. Ignores events that revoke nothing, and those older than `maxAge`. */
  add(event: RevocationEvent): void {
    const revocation = revocationOf(event);
    if (!revocation || revocation.time < this.#expiry()) return;
    this.#removeExpired();
    const user = this.#userOf(event.user_id);
    user.revokedUntilWithoutSid = Math.max(user.revokedUntilWithoutSid, revocation.time);
    if (revocation.session === undefined) this.#revokeUserWide(user, revocation.time);
    else this.#revokeSession(user, revocation.session, revocation);
    this.#dropSurplus(user);
  }

  /**
   * Returns the date of the latest revocation that applies to a token with these claims, or
   * `undefined` if there is none.
   */
  revokedAt(claims: SessionClaims): Date | undefined {
    this.#removeExpired();
    const user = typeof claims.sub === "string" ? this.#users.get(claims.sub) : undefined;
    if (!user) return undefined;
    const session = sessionIdOf(claims);
    const candidates =
      session === undefined
        ? [userWideAt(user.revokedUntilWithoutSid)]
        : [userWideAt(user.revokedUntil), user.sessions.get(session)];
    const expiry = this.#expiry();
    let latest = -Infinity;
    for (const revocation of candidates)
      if (revocation && revocation.time >= expiry && appliesTo(revocation, claims))
        latest = Math.max(latest, revocation.time);
    return latest > -Infinity ? new Date(latest) : undefined;
  }

  /** Returns the date before which entries have expired. */
  #expiry(): number {
    return Date.now() - this.#maxAge;
  }

  #userOf(id: string): User {
    let user = this.#users.get(id);
    if (!user) this.#users.set(id, (user = new User(id)));
    return user;
  }

  #revokeUserWide(user: User, time: number): void {
    user.revokedUntil = Math.max(user.revokedUntil, time);
    if (user.userWide) {
      user.userWide.time = user.revokedUntil;
      this.#userWideByAge.update(user.userWide);
    } else {
      user.userWide = new Entry(user, userWideAt(user.revokedUntil));
      this.#userWideByAge.add(user.userWide);
    }
  }

  #revokeSession(user: User, session: string, revocation: Revocation): void {
    const entry = user.sessions.get(session);
    if (!entry) {
      const added = new Entry(user, revocation);
      user.sessions.set(session, added);
      user.sessionsByAge?.add(added);
      this.#sessionsByAge.add(added);
      return;
    }
    entry.final ||= revocation.final;
    if (entry.time >= revocation.time) return;
    entry.time = revocation.time;
    user.sessionsByAge?.update(entry);
    this.#sessionsByAge.update(entry);
  }

  /** Drops entries until the bounds hold, after an entry of this user was added. */
  #dropSurplus(user: User): void {
    const oldestSession = user.sessions.size > MAX_SESSIONS_PER_USER && user.oldestSession;
    if (oldestSession) {
      this.#remove(oldestSession);
      this.#revokeUserWide(user, oldestSession.time);
    }
    while (this.#userWideByAge.size + this.#sessionsByAge.size > this.#maxEntries) {
      const oldest = this.#sessionsByAge.oldest;
      if (oldest) this.#dropSession(oldest);
      else this.#dropOldestUserWide();
    }
  }

  /** Drops a session entry. Its date then counts for all sessions of its user. */
  #dropSession(entry: Entry): void {
    const { user, time } = entry;
    this.#remove(entry);
    // Without a user-wide entry no new one is added, because the number of entries must decrease.
    if (user.userWide) this.#revokeUserWide(user, time);
    else user.revokedUntil = Math.max(user.revokedUntil, time);
  }

  #dropOldestUserWide(): void {
    const { oldest } = this.#userWideByAge;
    if (!oldest) return;
    this.#lostUntil = Math.max(this.#lostUntil, oldest.time);
    this.#remove(oldest);
  }

  #removeExpired(): void {
    const expiry = this.#expiry();
    for (const heap of [this.#userWideByAge, this.#sessionsByAge])
      while (heap.oldest && heap.oldest.time < expiry) this.#remove(heap.oldest);
  }

  #remove(entry: Entry): void {
    const { user, session } = entry;
    if (session === undefined) {
      user.userWide = undefined;
      this.#userWideByAge.remove(entry);
    } else {
      user.sessions.delete(session);
      user.sessionsByAge?.remove(entry);
      this.#sessionsByAge.remove(entry);
    }
    if (!user.userWide && user.sessions.size === 0) this.#users.delete(user.id);
  }
}

/** Returns the revocation of all tokens of a user that were issued up to `time`. */
const userWideAt = (time: number): Revocation => ({ session: undefined, time, final: false });
