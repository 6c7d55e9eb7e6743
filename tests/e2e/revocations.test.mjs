// The revocation table has the latest event of each user, and of each session that ended on its own,
// independent of the order in which events arrive. Entries are stored for REVOCATION_DAYS.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { assertError } from "../support/http.mjs";
import { randomFrom, SEED } from "../support/random.mjs";
import { managementOperation, newLogId, sapi, scp, slo, srrt } from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { waitFor } from "../support/wait_for.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();
const DAY = 24 * 60 * 60 * 1000;
const date = (daysAgo, offset = 0) => new Date(Date.now() - daysAgo * DAY + offset).toISOString();

/** Returns the number of rows that name a user. */
async function countRows(tenant) {
  const [{ count }] = await tenant.object.sql(`
    SELECT (SELECT count(*) FROM event_log WHERE user_id <> '')
      + (SELECT count(*) FROM revoked_users) + (SELECT count(*) FROM revoked_sessions) AS count`);
  return count;
}

/** Makes the stored events look as if they had been received this many days ago. */
async function age(tenant, days) {
  await tenant.object.evict();
  await tenant.object.sql("UPDATE event_log SET received_at = received_at - ?", days * DAY);
}

async function page(tenant, query = "") {
  const response = await tenant.get(`/api/revocations${query}`);
  assert.equal(response.status, 200, await response.clone().text());
  return response.json();
}

/** Requests all pages in order. */
async function pages(tenant, limit) {
  const all = [];
  for (let query = `?limit=${limit}`; ;) {
    const { next, ...one } = await page(tenant, query);
    all.push(one);
    if (!next) return all;
    query = `?limit=${limit}&after=${next}`;
  }
}

/** Sorts by user and session, to compare independent of order. */
const sorted = (revocations) =>
  [...revocations].sort((one, two) =>
    `${one.user_id} ${one.session_id}` < `${two.user_id} ${two.session_id}` ? -1 : 1,
  );

function shuffled(list, { below }) {
  const remaining = [...list];
  return list.map(() => remaining.splice(below(remaining.length), 1)[0]);
}

describe("the list of revocations", { concurrency: true }, () => {
  test("is empty for a new tenant", async () => {
    const tenant = new Tenant(worker);
    assert.deepEqual(await page(tenant), { revocations: [], last_event_id: null });
  });

  test("contains the user or the session, and the latest event that revoked it", async () => {
    const tenant = new Tenant(worker);
    const blocked = sapi({ date: date(2) });
    const oneSession = slo({ user_id: "auth0|jane", date: date(1), details: { session_id: "s1" } });
    const allSessions = slo({ user_id: "auth0|mary", date: date(1), details: {} });
    await tenant.publish(blocked, oneSession, allSessions);
    assert.deepEqual(await page(tenant), {
      revocations: [
        {
          user_id: blocked.data.details.response.body.user_id,
          type: "user_blocked",
          date: blocked.data.date,
        },
        { user_id: "auth0|jane", session_id: "s1", type: "logout", date: oneSession.data.date },
        { user_id: "auth0|mary", type: "logout", date: allSessions.data.date },
      ],
      last_event_id: allSessions.log_id,
    });
  });

  test("is not changed by an older event that arrives later", async () => {
    const tenant = new Tenant(worker);
    const later = scp({ date: date(1) });
    await tenant.publish(later);
    await tenant.publish(scp({ date: date(3) }), later);
    const [{ date: stored }] = (await page(tenant)).revocations;
    assert.equal(stored, later.data.date);
  });

  test("contains more than the last 100 events, also after hibernation", async () => {
    const tenant = new Tenant(worker);
    const first = scp({ user_id: "auth0|first", date: date(5) });
    await tenant.publish(first);
    const others = Array.from({ length: 150 }, (_, number) =>
      scp({ user_id: `auth0|${number}`, date: date(4) }),
    );
    await tenant.publish(...others);
    assert.equal((await tenant.events()).length, 100);
    await tenant.object.evict();
    const { revocations } = await page(tenant);
    assert.equal(revocations.length, 151);
    assert.deepEqual(revocations[0].user_id, "auth0|first");
  });

  test("names the latest event that ended a session itself, in whatever order the events arrive", async () => {
    const details = { session_id: "s1" };
    const records = [
      slo({ user_id: "auth0|jane", date: date(3), details }),
      managementOperation("delete", "sessions/s1", {
        date: date(2),
        response: { user_id: "auth0|jane" },
      }),
      srrt({ user_id: "auth0|jane", date: date(1), details }),
    ];
    for (const order of [
      [0, 1, 2],
      [0, 2, 1],
      [1, 0, 2],
      [1, 2, 0],
      [2, 0, 1],
      [2, 1, 0],
    ]) {
      const tenant = new Tenant(worker);
      for (const index of order) await tenant.publish(records[index]);
      const { revocations } = await page(tenant);
      const { type, date: latest } = revocations[0];
      assert.deepEqual(
        [revocations.length, type, latest],
        [1, "session_revoked", records[2].data.date],
        `order ${order}`,
      );
    }
  });

  test("can be requested for one user", async () => {
    const tenant = new Tenant(worker);
    await tenant.publish(
      scp({ user_id: "auth0|jane", date: date(1) }),
      scp({ user_id: "auth0|mary", date: date(1) }),
    );
    const { revocations } = await page(tenant, "?user_id=auth0%7Cmary");
    assert.deepEqual(
      revocations.map(({ user_id: user }) => user),
      ["auth0|mary"],
    );
    assert.deepEqual((await page(tenant, "?user_id=nobody")).revocations, []);
  });

  test("is split into pages, each with the cursor of the next", async () => {
    const tenant = new Tenant(worker);
    const records = Array.from({ length: 25 }, (_, number) =>
      scp({ user_id: `auth0|${number}`, date: date(1) }),
    );
    await tenant.publish(...records);
    const all = await pages(tenant, 10);
    assert.deepEqual(
      all.map(({ revocations }) => revocations.length),
      [10, 10, 5],
    );
    const users = all.flatMap(({ revocations }) => revocations.map(({ user_id: user }) => user));
    assert.deepEqual(
      users,
      records.map(({ data }) => data.user_id),
    );
    for (const { last_event_id: id } of all) assert.equal(id, records.at(-1).log_id);
  });

  test("is not sent again while its ETag matches", async () => {
    const tenant = new Tenant(worker);
    await tenant.publish(scp({ date: date(1) }));
    const first = await tenant.get("/api/revocations");
    const etag = first.headers.get("etag");
    assert.match(etag, /^"[\w-]+"$/);
    const headers = { authorization: `Bearer ${tenant.token()}`, "if-none-match": etag };
    const unchanged = await tenant.fetch("/api/revocations", { headers });
    assert.deepEqual([unchanged.status, await unchanged.text()], [304, ""]);
    assert.equal(unchanged.headers.get("etag"), etag);
    await tenant.publish(scp({ user_id: "auth0|new", date: date(1) }));
    const changed = await tenant.fetch("/api/revocations", { headers });
    assert.equal(changed.status, 200);
    assert.notEqual(changed.headers.get("etag"), etag);
  });

  test("requires listen:events", async () => {
    const tenant = new Tenant(worker);
    await assertError(await tenant.fetch("/api/revocations"), 401, "invalid_token");
    const own = tenant.token({ scope: "listen:events:self" });
    await assertError(await tenant.get("/api/revocations", own), 403, "insufficient_scope");
  });

  test("refuses an invalid cursor or limit", async () => {
    const tenant = new Tenant(worker);
    for (const query of ["?after=x", "?after=-1", "?limit=0", "?limit=1001", "?limit=x"])
      await assertError(await tenant.get(`/api/revocations${query}`), 400, "invalid_request");
  });
});

describe("retention", { concurrency: true }, () => {
  test("with 5,000 users and 40 days of events in any order, the list covers the last 30 days", async (context) => {
    context.diagnostic(`SEED=${SEED}`);
    const random = randomFrom(SEED);
    const { below } = random;
    const tenant = new Tenant(worker);
    const users = Array.from({ length: 5_000 }, (_, number) => `auth0|${number}`);
    const expected = new Map();
    // No date within an hour of the limit, so that the duration of the test does not matter.
    const randomAge = () => {
      const days = below(40 * DAY) / DAY;
      return Math.abs(days - 30) < 1 / 24 ? 29 : days;
    };
    const records = users.flatMap((user_id) =>
      Array.from({ length: 1 + below(3) }, () => {
        const when = date(randomAge());
        const session_id = below(5) < 2 ? `s${below(3)}` : undefined;
        const record = session_id
          ? slo({ user_id, date: when, details: { session_id } })
          : scp({ user_id, date: when });
        const key = `${user_id} ${session_id}`;
        const latest = expected.get(key);
        if (Date.parse(when) > Date.now() - 30 * DAY && !(latest && latest.date >= when)) {
          const type = session_id ? "logout" : "password_changed";
          expected.set(key, { user_id, ...(session_id && { session_id }), type, date: when });
        }
        return record;
      }),
    );
    const arrival = shuffled([...records, ...records.slice(0, 500)], random);
    while (arrival.length > 0) await tenant.publish(...arrival.splice(0, 1_000));
    const all = (await pages(tenant, 1_000)).flatMap(({ revocations }) => revocations);
    assert.deepEqual(sorted(all), sorted(expected.values()));
  });

  test("a user-wide revocation outlives any number of later events of other users", async () => {
    const tenant = new Tenant(worker);
    const users = ["first", "second"].map((name) => `auth0|${name}`);
    await tenant.publish(...users.map((user_id) => scp({ user_id, date: date(1) })));
    await tenant.object.evict();
    // Simulates a million logouts of other users: the sequence number advances.
    await tenant.object.sql(
      `
      INSERT INTO event_log (seq, log_id, received_at, type, date, user_id)
      VALUES (1000000, 'latest', ?, 'user_unblocked', '${date(0)}', 'auth0|other')`,
      Date.now(),
    );
    for (let batch = 0; batch < 3; batch += 1)
      await tenant.publish(
        ...Array.from({ length: 5_000 }, (_, number) =>
          slo({
            user_id: "auth0|busy",
            date: date(0, -number),
            details: { session_id: `s${number}` },
          }),
        ),
      );
    for (const user of users) {
      const { revocations } = await page(tenant, `?user_id=${encodeURIComponent(user)}`);
      assert.equal(revocations.length, 1, user);
    }
    const listed = (await pages(tenant, 1_000)).flatMap(({ revocations }) => revocations);
    for (const user of users) assert.ok(listed.some(({ user_id: id }) => id === user));
  });

  test("a user has at most 1,000 session entries, and tokens up to the dropped ones are revoked user-wide", async () => {
    const tenant = new Tenant(worker);
    const start = Date.now() - 2 * DAY;
    const when = (number) => new Date(start + number * 1000).toISOString();
    const logout = (number) =>
      slo({ user_id: "auth0|busy", date: when(number), details: { session_id: `s${number}` } });
    const { below } = randomFrom(SEED);
    const records = shuffled(
      Array.from({ length: 1_010 }, (_, number) => logout(number)),
      { below },
    );
    for (let from = 0; from < records.length; from += 101)
      await tenant.publish(...records.slice(from, from + 101));
    const expected = [
      { user_id: "auth0|busy", type: "logout", date: when(9) },
      ...Array.from({ length: 1_000 }, (_, index) => ({
        user_id: "auth0|busy",
        session_id: `s${index + 10}`,
        type: "logout",
        date: when(index + 10),
      })),
    ];
    const all = (await pages(tenant, 1_000)).flatMap(({ revocations }) => revocations);
    assert.deepEqual(sorted(all), sorted(expected));
    const ofUser = (await pages(tenant, 999)).flatMap(({ revocations }) => revocations);
    assert.deepEqual(sorted(ofUser), sorted(expected));
  });

  test("everything that names a user is deleted at the end of the retention period after its receipt", async () => {
    const tenant = new Tenant(worker);
    const records = [
      scp({ user_id: "auth0|wide", date: date(0) }),
      slo({ user_id: "auth0|session", date: date(0) }),
      sapi({ date: date(0) }),
    ];
    await tenant.publish(...records);
    await age(tenant, 31);
    const later = scp({ user_id: "auth0|later", date: date(0) });
    await tenant.publish(later);
    await waitFor(
      async () => (await countRows(tenant)) === 2,
      "the expired events were not deleted",
    );
    assert.deepEqual(
      (await tenant.events()).map(({ id }) => id),
      [later.log_id],
    );
    await age(tenant, 31);
    await tenant.publish(later);
    await waitFor(async () => (await countRows(tenant)) === 0, "the last event was not deleted");
    assert.deepEqual(await page(tenant), { revocations: [], last_event_id: null });
    // Sequence numbers go on, so that clients and shards that know earlier ones miss nothing.
    const [{ seq: before }] = await tenant.object.sql("SELECT max(seq) AS seq FROM event_log");
    await tenant.publish(scp({ user_id: "auth0|next", date: date(0) }));
    const [{ seq: after }] = await tenant.object.sql("SELECT max(seq) AS seq FROM event_log");
    assert.deepEqual([before, after], [4, 5]);
  });

  test("any number of events that expire at once are deleted", async () => {
    const tenant = new Tenant(worker);
    await tenant.publish(scp({ user_id: "auth0|first", date: date(0) }));
    await tenant.object.evict();
    // This happens after REVOCATION_DAYS is lowered.
    await tenant.object.sql(`
      WITH RECURSIVE numbers (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM numbers WHERE n < 25001)
      INSERT INTO event_log (seq, log_id, received_at, type, date, user_id, revokes)
      SELECT n, 'log' || n, 1, 'logout', '${date(29)}', 'auth0|' || n, 'user' FROM numbers`);
    await tenant.object.sql(`
      INSERT INTO revoked_users (user_id, seq, type, date, at)
      SELECT user_id, seq, type, date, unixepoch(date) * 1000 FROM event_log WHERE seq > 1`);
    await tenant.object.sql("UPDATE event_log SET received_at = 1 WHERE seq = 1");
    assert.equal(await countRows(tenant), 2 * 25_001);
    await tenant.publish(scp({ user_id: "auth0|later", date: date(0) }));
    await waitFor(async () => (await countRows(tenant)) === 2, "the events were not deleted");
  });
});

test("reading all pages and then subscribing from last_event_id misses no event published meanwhile", async () => {
  const tenant = new Tenant(worker);
  const published = new Set();
  const publishing = new AbortController();
  const publisher = (async () => {
    for (let round = 0; !publishing.signal.aborted; round += 1) {
      const records = Array.from({ length: 3 }, (_, number) =>
        scp({ user_id: `auth0|${round}-${number}`, date: date(0, -1) }, newLogId()),
      );
      await tenant.publish(...records);
      for (const { data } of records) published.add(data.user_id);
    }
  })();
  for (let round = 0; round < 5; round += 1) {
    const all = await pages(tenant, 100);
    const users = ({ revocations }) => revocations.map(({ user_id: user }) => user);
    const received = new Set(all.flatMap(users));
    const subscriber = await tenant.subscribe({}, all.at(-1).last_event_id ?? "none");
    const before = [...published];
    for (const { user_id: user } of await subscriber.drain()) received.add(user);
    assert.deepEqual(
      before.filter((user) => !received.has(user)),
      [],
      "revocations that were missed",
    );
    await subscriber.close();
  }
  publishing.abort();
  await publisher;
});
