// The revocation table has the latest event of each user, and of each session that ended on its own,
// independent of the order in which events arrive. Entries are stored for REVOCATION_DAYS.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { assertError } from "../support/http.mjs";
import { randomFrom, SEED } from "../support/random.mjs";
import { newLogId, sapi, scp, slo } from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { waitFor } from "../support/wait_for.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();
const DAY = 24 * 60 * 60 * 1000;
const date = (daysAgo, offset = 0) => new Date(Date.now() - daysAgo * DAY + offset).toISOString();

const countRows = async (tenant) =>
  (await tenant.object.sql("SELECT count(*) AS count FROM revocations"))[0].count;

/** Waits until rows are pruned, and asserts that exactly `count` remain. */
async function assertPrunedTo(tenant, count) {
  await waitFor(
    async () => (await countRows(tenant)) <= count,
    () => "the rows were not pruned",
  );
  assert.equal(await countRows(tenant), count);
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

  test("covers the last million events", async () => {
    const tenant = new Tenant(worker);
    const [first, second, next] = ["first", "second", "next"].map((name) =>
      scp({ user_id: `auth0|${name}`, date: date(1) }),
    );
    await tenant.publish(first, second);
    await tenant.object.evict();
    // Simulates a million events. Only the sequence number of the last one matters.
    await tenant.object.sql("INSERT INTO accepted (seq, log_id) VALUES (1000000, 'latest')");
    await tenant.publish(next);
    assert.deepEqual(
      (await page(tenant)).revocations.map(({ user_id: user }) => user),
      ["auth0|second", "auth0|next"],
    );
  });

  test("expired revocations are pruned by an alarm", async () => {
    const tenant = new Tenant(worker);
    await tenant.publish(
      scp({ user_id: "auth0|old", date: date(31) }),
      scp({ user_id: "auth0|new", date: date(1) }),
    );
    assert.deepEqual(
      (await page(tenant)).revocations.map(({ user_id: user }) => user),
      ["auth0|new"],
    );
    // The alarm was due as soon as the row was stored.
    await assertPrunedTo(tenant, 1);
  });

  test("a revocation that follows a prune of the whole table is pruned as well", async () => {
    const tenant = new Tenant(worker);
    for (let round = 0; round < 3; round += 1) {
      await tenant.publish(slo({ date: date(31, round) }));
      await assertPrunedTo(tenant, 0);
    }
  });

  test("any number of revocations that expire at once are pruned", async () => {
    const tenant = new Tenant(worker);
    await tenant.publish(scp({ user_id: "auth0|new", date: date(1) }));
    // This happens after REVOCATION_DAYS is lowered.
    await tenant.object.sql(`
      WITH RECURSIVE numbers (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM numbers WHERE n < 25001)
      INSERT INTO revocations (user_id, session_id, seq, type, date, at)
      SELECT 'auth0|' || n, '', n, 'logout', '2020-01-01T00:00:00.000Z', 1577836800000 + n
      FROM numbers`);
    assert.equal(await countRows(tenant), 25_001);
    await tenant.object.evict();
    await tenant.publish(scp({ user_id: "auth0|later", date: date(1) }));
    await assertPrunedTo(tenant, 2);
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
