// The list of revocations without a connection.
import assert from "node:assert/strict";
import { describe, mock, test } from "node:test";

import { endsSession, RevocationList } from "session-events/revocation";

import { randomFrom, SEED } from "../../tests/support/random.mjs";

const NOW = Date.parse("2026-11-24T12:00:00.000Z");
const seconds = (milliseconds) => Math.floor(milliseconds / 1000);
const event = (changes) => ({
  id: "1",
  type: "logout",
  date: new Date(NOW).toISOString(),
  user_id: "auth0|jane",
  ...changes,
});
const listOf = (...events) => {
  const list = new RevocationList();
  for (const one of events) list.add(one);
  return list;
};
const jane = (changes) => ({ sub: "auth0|jane", iat: seconds(NOW) - 60, ...changes });

mock.timers.enable({ apis: ["Date"], now: NOW });

describe("the list of revocations", () => {
  test("returns the date of the event for a token issued before it", () => {
    assert.deepEqual(listOf(event()).revokedAt(jane()), new Date(NOW));
    assert.equal(listOf(event()).revokedAt({ ...jane(), sub: "auth0|joe" }), undefined);
    assert.equal(listOf().revokedAt(jane()), undefined);
  });

  test("compares whole seconds and treats the same second as before", () => {
    const list = listOf(event({ date: "2026-11-24T11:59:59.001Z" }));
    const at = seconds(NOW) - 1;
    assert.ok(list.revokedAt(jane({ iat: at })));
    assert.ok(list.revokedAt(jane({ iat: at + 0.9 })));
    assert.equal(list.revokedAt(jane({ iat: at + 1 })), undefined);
    assert.ok(listOf(event()).revokedAt(jane({ iat: seconds(NOW) })), "without a fraction");
  });

  test("treats a token without a valid iat as older than any event", () => {
    for (const iat of [undefined, null, "1", Number.NaN, Infinity, {}])
      assert.ok(listOf(event()).revokedAt(jane({ iat })), String(iat));
    assert.equal(listOf().revokedAt(jane({ iat: undefined })), undefined);
  });

  test("applies the end of one session only to that session, if the token names its session", () => {
    const list = listOf(event({ session_id: "s1" }));
    assert.ok(list.revokedAt(jane({ sid: "s1" })));
    assert.equal(list.revokedAt(jane({ sid: "s2" })), undefined);
    for (const sid of [undefined, null, "", 7])
      assert.ok(list.revokedAt(jane({ sid })), `${sid} is not a session id`);
  });

  test("uses the member revokes, whatever the type", () => {
    for (const type of ["refresh_token_revoked", "session_revoked", "logout", "user_blocked"]) {
      const session = listOf(event({ type, session_id: "s1", revokes: "session" }));
      assert.ok(session.revokedAt(jane({ sid: "s1" })), type);
      assert.equal(session.revokedAt(jane({ sid: "s2" })), undefined, type);
      assert.ok(session.revokedAt(jane()), `${type}: the token may belong to that session`);
      const user = listOf(event({ type, session_id: "s1", revokes: "user" }));
      assert.ok(user.revokedAt(jane({ sid: "s2" })), type);
    }
    const nobody = listOf(event({ type: "user_deleted", revokes: "session" }));
    assert.ok(nobody.revokedAt(jane({ sid: "s2" })), "the event names no session");
    const future = listOf(event({ session_id: "s1", revokes: "device" }));
    assert.ok(future.revokedAt(jane({ sid: "s2" })), "an unknown value counts as all sessions");
  });

  test("applies other events of older servers to all sessions of the user", () => {
    for (const type of ["logout", "password_changed", "user_blocked"])
      assert.ok(listOf(event({ type })).revokedAt(jane({ sid: "s2" })), type);
    const changed = event({ type: "password_changed", session_id: "s1" });
    assert.ok(
      listOf(changed).revokedAt(jane({ sid: "s2" })),
      "only a logout ends a single session",
    );
  });

  test("ignores other types without revokes", () => {
    const types = ["user_unblocked", "email_changed", "session_revoked", "toString"];
    const list = listOf(
      ...types.map((type) => event({ type })),
      event({ type: "a", revokes: null }),
    );
    assert.equal(list.size, 0);
    assert.equal(list.revokedAt(jane()), undefined);
  });

  test("supports users and sessions with the names of object members", () => {
    const list = listOf(event({ user_id: "__proto__", session_id: "constructor" }));
    assert.ok(list.revokedAt(jane({ sub: "__proto__", sid: "constructor" })));
    assert.equal(list.revokedAt(jane({ sub: "__proto__", sid: "toString" })), undefined);
    assert.equal(list.revokedAt(jane({ sub: "constructor" })), undefined);
  });

  test("uses the current time for an event with an invalid date", () => {
    const list = listOf(event({ date: "yesterday" }));
    assert.deepEqual(list.revokedAt(jane()), new Date(NOW));
  });

  test("removes entries that are older than 30 days", () => {
    const DAYS = 24 * 60 * 60 * 1000;
    const at = (age) => new Date(NOW - age).toISOString();
    const list = listOf(event({ date: at(30 * DAYS + 1) }), event({ date: at(30 * DAYS) }));
    assert.equal(list.size, 1);
    mock.timers.setTime(NOW + 1);
    assert.equal(list.revokedAt(jane({ iat: 0 })), undefined);
    assert.equal(list.size, 0);
    mock.timers.setTime(NOW);
  });

  test("keeps 100,000 users and then drops the oldest first", () => {
    const list = new RevocationList();
    const at = (index) => new Date(NOW - 200_000 + index).toISOString();
    const add = (index) => list.add(event({ user_id: `auth0|${index}`, date: at(index) }));
    const has = (index) => list.revokedAt(jane({ sub: `auth0|${index}`, iat: 0 })) !== undefined;
    for (let index = 1; index <= 100_000; index += 1) add(index);
    assert.equal(list.size, 100_000);
    add(0);
    assert.deepEqual([has(0), has(1), has(100_000)], [false, true, true]);
    add(100_001);
    assert.deepEqual([has(1), has(2), has(100_001)], [false, true, true]);
    assert.equal(list.size, 100_000);
  });

  test("keeps user-wide entries rather than later session entries of the same and of other users", () => {
    const list = new RevocationList({ maxEntries: 10 });
    const at = (index) => new Date(NOW - 100_000 + index).toISOString();
    list.add(event({ user_id: "auth0|blocked", type: "user_blocked", date: at(0) }));
    for (let index = 1; index <= 100; index += 1) {
      const user_id = index % 2 ? `auth0|${index}` : "auth0|blocked";
      list.add(event({ user_id, session_id: `s${index}`, date: at(index) }));
    }
    assert.equal(list.size, 10);
    assert.ok(list.revokedAt({ sub: "auth0|blocked", iat: 0, sid: "another" }));
    assert.equal(list.revokedAt({ sub: "auth0|1", iat: 0, sid: "s1" }), undefined);
    assert.ok(list.revokedAt({ sub: "auth0|99", iat: 0, sid: "s99" }));
    assert.equal(list.complete, true);
  });

  test("revokes older tokens of a dropped session as long as it has another entry of the user", () => {
    const list = new RevocationList({ maxEntries: 2 });
    const at = (ago) => new Date(NOW - ago * 1000).toISOString();
    list.add(event({ session_id: "s1", date: at(30) }));
    list.add(event({ session_id: "s2", date: at(20) }));
    list.add(event({ session_id: "s3", date: at(10) }));
    const revoked = (ago, sid) =>
      list.revokedAt(jane({ iat: seconds(NOW) - ago, sid })) !== undefined;
    assert.deepEqual(
      [revoked(31, "s1"), revoked(30, "s1"), revoked(29, "s1")],
      [true, true, false],
    );
    assert.deepEqual([revoked(0, "s2"), revoked(0, "s3")], [true, true]);
    assert.deepEqual([revoked(10), revoked(9)], [true, false], "without a session id");
  });

  test("keeps 1,000 sessions of a user, and then the date of the oldest counts for all sessions", () => {
    for (const order of ["forward", "reverse"]) {
      const list = new RevocationList();
      const secondOf = (index) => seconds(NOW) - 5_000 + index;
      const add = (index) =>
        list.add(
          event({ session_id: `s${index}`, date: new Date(secondOf(index) * 1000).toISOString() }),
        );
      const indexes = Array.from({ length: 1_003 }, (_, index) => index);
      if (order === "reverse") indexes.reverse();
      for (const index of indexes.slice(0, 1_000)) add(index);
      assert.equal(list.size, 1_000);
      for (const index of indexes.slice(1_000)) add(index);
      assert.equal(list.size, 1_001, "with the user-wide entry");
      const revoked = (sid, iat) => list.revokedAt(jane({ sid, iat })) !== undefined;
      assert.equal(
        revoked("s3", secondOf(2_000)),
        true,
        `${order}: the oldest session that is kept`,
      );
      assert.equal(
        revoked("s2", secondOf(2)),
        true,
        `${order}: an older token of a dropped session`,
      );
      assert.equal(revoked("s2", secondOf(3)), false, `${order}: a later token of it`);
      assert.equal(revoked("another", secondOf(2)), true, `${order}: an older token of the user`);
      assert.equal(revoked("another", secondOf(3)), false, `${order}: a later token of the user`);
      assert.equal(list.complete, true);
    }
  });

  test("is incomplete after it had to drop a user-wide entry, until that entry would have expired", () => {
    const list = new RevocationList({ maxEntries: 2, maxAge: 60_000 });
    const add = (name, ago) =>
      list.add(event({ user_id: `auth0|${name}`, date: new Date(NOW - ago).toISOString() }));
    add("a", 30_000);
    add("b", 20_000);
    assert.equal(list.complete, true);
    add("c", 10_000);
    assert.equal(list.complete, false);
    assert.equal(list.revokedAt({ sub: "auth0|a", iat: 0 }), undefined);
    assert.ok(list.revokedAt({ sub: "auth0|b", iat: 0 }));
    mock.timers.setTime(NOW + 30_000);
    assert.equal(list.complete, false);
    mock.timers.setTime(NOW + 30_001);
    assert.equal(list.complete, true);
    mock.timers.setTime(NOW);
  });

  const COUNT = 100_000;
  const ascending = Array.from({ length: COUNT }, (_, index) => index);
  const eventsOf = (change) =>
    ascending.map((index) =>
      event({ date: new Date(NOW - COUNT + index).toISOString(), ...change(index) }),
    );
  const users = eventsOf((index) => ({ user_id: `auth0|${index}` }));
  const sessions = eventsOf((index) => ({ user_id: `auth0|${index}`, session_id: "s" }));
  const sessionsOfOne = eventsOf((index) => ({ session_id: `s${index}` }));
  for (const [what, slower, faster] of [
    ["users in reverse order and in order", users.toReversed(), users],
    ["sessions in reverse order and in order", sessions.toReversed(), sessions],
    ["many sessions of one user and sessions of many users", sessionsOfOne, sessions],
    ["the same in reverse order", sessionsOfOne.toReversed(), sessions],
  ])
    test(`takes about the same time to add ${what}`, () => {
      const timeToAdd = (events) => {
        const begin = performance.now();
        listOf(...events);
        return performance.now() - begin;
      };
      // The minimum of two rounds excludes interruptions by other processes.
      const rounds = [1, 2].map(() => [timeToAdd(slower), timeToAdd(faster)]);
      const [slow, fast] = [0, 1].map((index) => Math.min(...rounds.map((times) => times[index])));
      assert.ok(slow < 5 * fast, `${slow} ms instead of ${fast} ms`);
    });

  test("takes about the same time for users with many sessions and with few", () => {
    const withSessions = (count) =>
      listOf(...Array.from({ length: count }, (_, index) => event({ session_id: `s${index}` })));
    const [few, many] = [50, 50_000].map((count) => ({ list: withSessions(count), took: [] }));
    // The minimum of several rounds excludes interruptions by other processes.
    for (let round = 0; round < 20; round += 1) {
      for (const { list, took } of [few, many]) {
        const begin = performance.now();
        for (let count = 0; count < 100; count += 1) assert.ok(list.revokedAt(jane()));
        took.push(performance.now() - begin);
      }
    }
    const [least, most] = [few, many].map(({ took }) => Math.min(...took));
    assert.ok(most < 50 * least, `100 calls took ${most} ms instead of ${least} ms`);
  });

  for (const [option, values] of [
    ["maxEntries", [0, -1, 1.5, Number.NaN, "10"]],
    ["maxAge", [0, -1, Number.NaN, "soon"]],
  ])
    test(`rejects an invalid ${option}`, () => {
      for (const value of values)
        assert.throws(() => new RevocationList({ [option]: value }), {
          name: "TypeError",
          message: new RegExp(option),
        });
    });
});

const USERS = ["auth0|a", "auth0|b", "auth0|c"];
const SESSIONS = [undefined, "s1", "s2", "s3"];
const OTHER_TYPES = ["email_changed", "refresh_token_revoked", "session_revoked"];
const TYPES = ["logout", "logout", "logout", "password_changed", "user_blocked", ...OTHER_TYPES];

const randomEvent = ({ below, oneOf }) => {
  const type = oneOf(TYPES);
  const session_id = oneOf(SESSIONS);
  const revokes = oneOf([undefined, "user", "session"]);
  return {
    id: String(below(1e9)),
    type,
    date: new Date(NOW - below(20_000)).toISOString(),
    user_id: oneOf(USERS),
    ...(session_id ? { session_id } : {}),
    ...(revokes ? { revokes } : {}),
  };
};

/** Returns what an event ends: `undefined` for nothing, a session id, or `all`. */
function endedBy({ type, session_id = "all", revokes }) {
  if (revokes) return revokes === "session" ? session_id : "all";
  if (OTHER_TYPES.includes(type)) return undefined;
  return type === "logout" ? session_id : "all";
}

/** An independent and simple implementation of the rule. */
function revokes(event, { sub, sid, iat }) {
  const end = endedBy(event);
  if (!end || event.user_id !== sub) return false;
  if (end !== "all" && sid) {
    if (end !== sid) return false;
    if (["logout", "session_revoked"].includes(event.type)) return true;
  }
  return iat === undefined || iat <= seconds(Date.parse(event.date));
}

/** All combinations of claims that the events distinguish. */
function* tokens() {
  for (const sub of USERS)
    for (const sid of SESSIONS) {
      yield { sub, sid };
      for (let age = -1; age <= 21; age += 1) yield { sub, sid, iat: seconds(NOW) - age };
    }
}

/** A simple implementation of the bounded list. It drops entries as `RevocationList` should. */
class Model {
  entries = [];
  complete = true;

  constructor(maxEntries) {
    this.maxEntries = maxEntries;
  }

  add(event) {
    const session = endedBy(event);
    if (!session) return;
    const { user_id: user, type } = event;
    const final = session !== "all" && ["logout", "session_revoked"].includes(type);
    this.#merge({ user, session, date: event.date, final });
    const isCounted = ({ counted }) => counted;
    while (this.entries.filter(isCounted).length > this.maxEntries) {
      const sessions = this.entries.filter(({ session }) => session !== "all");
      const [oldest] = (sessions.length > 0 ? sessions : this.entries.filter(isCounted)).toSorted(
        (a, b) => (a.date < b.date ? -1 : 1),
      );
      this.entries = this.entries.filter((entry) => entry !== oldest);
      if (oldest.session === "all") this.complete = false;
      else this.#merge({ ...oldest, session: "all", final: false, counted: false });
      const users = this.entries.filter(isCounted).map(({ user }) => user);
      this.entries = this.entries.filter(({ user }) => users.includes(user));
    }
  }

  /** Entries that only remember the date of a dropped one are not counted. */
  #merge({ user, session, date, final, counted = true }) {
    const same = (entry) => entry.user === user && entry.session === session;
    const entry = this.entries.find(same) ?? { user, session, date, final, counted };
    if (entry.date < date) entry.date = date;
    entry.final ||= final;
    entry.counted ||= counted;
    if (!this.entries.includes(entry)) this.entries.push(entry);
  }

  revokes({ sub, sid, iat = 0 }) {
    return this.entries.some(({ user, session, date, final }) => {
      if (user !== sub || (session !== "all" && sid && sid !== session)) return false;
      return (final && sid === session) || iat <= seconds(Date.parse(date));
    });
  }
}

describe("for any events in any order", () => {
  test("the list and endsSession revoke exactly the tokens that one of the events revokes", (context) => {
    context.diagnostic(`SEED=${SEED}`);
    const random = randomFrom(SEED);
    for (let round = 0; round < 200; round += 1) {
      const events = Array.from({ length: random.below(12) }, () => randomEvent(random));
      const list = new RevocationList();
      // Some events arrive twice, as after a reconnection.
      const arrivals = [...events, ...events.filter(() => random.below(3) === 0)];
      for (const one of arrivals) list.add(one);
      for (const token of tokens()) {
        const revoked = events.some((one) => revokes(one, token));
        const details = `SEED=${SEED}, round ${round}: ${JSON.stringify({ token, arrivals })}`;
        assert.equal(list.revokedAt(token) !== undefined, revoked, details);
        assert.equal(
          events.some((one) => endsSession(one, token)),
          revoked,
          details,
        );
      }
    }
  });

  test("a bounded list drops session entries before user-wide ones, and older ones before later ones", (context) => {
    context.diagnostic(`SEED=${SEED}`);
    const random = randomFrom(SEED + 1);
    for (let round = 0; round < 300; round += 1) {
      const maxEntries = 1 + random.below(6);
      const list = new RevocationList({ maxEntries });
      const model = new Model(maxEntries);
      const arrivals = [];
      for (let count = random.below(30); count > 0; count -= 1) {
        // No two events have the same date, because the order of such entries does not matter.
        const date = new Date(NOW - 1_000 * random.below(20) - count).toISOString();
        arrivals.push({ ...randomEvent(random), date });
      }
      for (const one of arrivals) {
        list.add(one);
        model.add(one);
      }
      const details = `SEED=${SEED}, round ${round}: ${JSON.stringify({ maxEntries, arrivals })}`;
      assert.equal(list.size, model.entries.filter(({ counted }) => counted).length, details);
      assert.equal(list.complete, model.complete, details);
      for (const token of tokens())
        assert.equal(
          list.revokedAt(token) !== undefined,
          model.revokes(token),
          `${JSON.stringify(token)}, ${details}`,
        );
    }
  });
});
