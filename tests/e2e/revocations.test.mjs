// Who was revoked when, for as long as a token may live: the newest event of each user and of each
// session that ended alone, whatever the order in which events arrive.
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
const date = (daysAgo, more = 0) => new Date(Date.now() - daysAgo * DAY + more).toISOString();

const rows = async (tenant) =>
  (await tenant.hub.sql("SELECT count(*) AS count FROM revocations"))[0].count;

/** Asserts that all but so many rows are let go. */
async function assertLeft(tenant, count) {
  await waitFor(
    async () => (await rows(tenant)) <= count,
    () => "rows are still there",
  );
  assert.equal(await rows(tenant), count);
}

async function page(tenant, query = "") {
  const response = await tenant.get(`/api/revocations${query}`);
  assert.equal(response.status, 200, await response.clone().text());
  return response.json();
}

/** All pages, in their order. */
async function pages(tenant, limit) {
  const all = [];
  for (let query = `?limit=${limit}`; ;) {
    const { next, ...one } = await page(tenant, query);
    all.push(one);
    if (!next) return all;
    query = `?limit=${limit}&after=${next}`;
  }
}

/** The same in any order. */
const sorted = (revocations) =>
  [...revocations].sort((one, two) =>
    `${one.user_id} ${one.session_id}` < `${two.user_id} ${two.session_id}` ? -1 : 1,
  );

function shuffled(list, { below }) {
  const left = [...list];
  return list.map(() => left.splice(below(left.length), 1)[0]);
}

describe("revocations", { concurrency: true }, () => {
  test("are none at first", async () => {
    const tenant = new Tenant(worker);
    assert.deepEqual(await page(tenant), { revocations: [], last_event_id: null });
  });

  test("name the user, or the session, with the newest event that revoked", async () => {
    const tenant = new Tenant(worker);
    const blocked = sapi({ date: date(2) });
    const left = slo({ user_id: "auth0|jane", date: date(1), details: { session_id: "s1" } });
    const everywhere = slo({ user_id: "auth0|mary", date: date(1), details: {} });
    await tenant.publish(blocked, left, everywhere);
    assert.deepEqual(await page(tenant), {
      revocations: [
        {
          user_id: blocked.data.details.response.body.user_id,
          type: "user_blocked",
          date: blocked.data.date,
        },
        { user_id: "auth0|jane", session_id: "s1", type: "logout", date: left.data.date },
        { user_id: "auth0|mary", type: "logout", date: everywhere.data.date },
      ],
      last_event_id: everywhere.log_id,
    });
  });

  test("never move back, however late an older event comes", async () => {
    const tenant = new Tenant(worker);
    const newer = scp({ date: date(1) });
    await tenant.publish(newer);
    await tenant.publish(scp({ date: date(3) }), newer);
    const [{ date: known }] = (await page(tenant)).revocations;
    assert.equal(known, newer.data.date);
  });

  test("outlast the last hundred events, and the object's sleep", async () => {
    const tenant = new Tenant(worker);
    const first = scp({ user_id: "auth0|first", date: date(5) });
    await tenant.publish(first);
    const more = (number) => scp({ user_id: `auth0|${number}`, date: date(4) });
    await tenant.publish(...Array.from({ length: 150 }, (_, number) => more(number)));
    assert.equal((await tenant.events()).length, 100);
    await tenant.hub.evict();
    const { revocations } = await page(tenant);
    assert.equal(revocations.length, 151);
    assert.deepEqual(revocations[0].user_id, "auth0|first");
  });

  test("of one user can be asked for alone", async () => {
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

  test("come in pages, each with what to ask for next", async () => {
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

  test("are not sent again as long as they are the same", async () => {
    const tenant = new Tenant(worker);
    await tenant.publish(scp({ date: date(1) }));
    const first = await tenant.get("/api/revocations");
    const etag = first.headers.get("etag");
    assert.match(etag, /^"[\w-]+"$/);
    const headers = { authorization: `Bearer ${tenant.token()}`, "if-none-match": etag };
    const again = await tenant.fetch("/api/revocations", { headers });
    assert.deepEqual([again.status, await again.text()], [304, ""]);
    assert.equal(again.headers.get("etag"), etag);
    await tenant.publish(scp({ user_id: "auth0|new", date: date(1) }));
    const changed = await tenant.fetch("/api/revocations", { headers });
    assert.equal(changed.status, 200);
    assert.notEqual(changed.headers.get("etag"), etag);
  });

  test("are for who may listen to all events", async () => {
    const tenant = new Tenant(worker);
    await assertError(await tenant.fetch("/api/revocations"), 401, "invalid_token");
    const own = tenant.token({ scope: "listen:events:self" });
    await assertError(await tenant.get("/api/revocations", own), 403, "insufficient_scope");
  });

  test("are not asked for by what is no cursor and no number", async () => {
    const tenant = new Tenant(worker);
    for (const query of ["?after=x", "?after=-1", "?limit=0", "?limit=1001", "?limit=x"])
      await assertError(await tenant.get(`/api/revocations${query}`), 400, "invalid_request");
  });
});

describe("over 40 days", { concurrency: true }, () => {
  test("5,000 users: those of the last 30 are there, by their newest event, in any order of arrival", async (context) => {
    context.diagnostic(`SEED=${SEED}`);
    const random = randomFrom(SEED);
    const { below } = random;
    const tenant = new Tenant(worker);
    const users = Array.from({ length: 5_000 }, (_, number) => `auth0|${number}`);
    const expected = new Map();
    // Margins of an hour, so that no moment of the test decides.
    const ago = () => {
      const days = below(40 * DAY) / DAY;
      return Math.abs(days - 30) < 1 / 24 ? 29 : days;
    };
    const records = users.flatMap((user_id) =>
      Array.from({ length: 1 + below(3) }, () => {
        const when = date(ago());
        const session_id = below(5) < 2 ? `s${below(3)}` : undefined;
        const record = session_id
          ? slo({ user_id, date: when, details: { session_id } })
          : scp({ user_id, date: when });
        const key = `${user_id} ${session_id}`;
        const known = expected.get(key);
        if (Date.parse(when) > Date.now() - 30 * DAY && !(known && known.date >= when)) {
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

  test("are kept of the last million events", async () => {
    const tenant = new Tenant(worker);
    const [first, second, next] = ["first", "second", "next"].map((name) =>
      scp({ user_id: `auth0|${name}`, date: date(1) }),
    );
    await tenant.publish(first, second);
    await tenant.hub.evict();
    // As if a million events had come by now; for that, they need not all be there.
    await tenant.hub.sql("INSERT INTO accepted (seq, log_id) VALUES (1000000, 'the last so far')");
    await tenant.publish(next);
    assert.deepEqual(
      (await page(tenant)).revocations.map(({ user_id: user }) => user),
      ["auth0|second", "auth0|next"],
    );
  });

  test("those whose time is over are let go, and the object wakes for it by itself", async () => {
    const tenant = new Tenant(worker);
    await tenant.publish(
      scp({ user_id: "auth0|old", date: date(31) }),
      scp({ user_id: "auth0|new", date: date(1) }),
    );
    assert.deepEqual(
      (await page(tenant)).revocations.map(({ user_id: user }) => user),
      ["auth0|new"],
    );
    // The alarm was due when the row came.
    await assertLeft(tenant, 1);
  });

  test("however many have their time over at once, all are let go", async () => {
    const tenant = new Tenant(worker);
    await tenant.publish(scp({ user_id: "auth0|new", date: date(1) }));
    // As after REVOCATION_DAYS was lowered.
    await tenant.hub.sql(`
      WITH RECURSIVE numbers (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM numbers WHERE n < 25001)
      INSERT INTO revocations (user_id, session_id, seq, type, date, at)
      SELECT 'auth0|' || n, '', n, 'logout', '2020-01-01T00:00:00.000Z', 1577836800000 + n
      FROM numbers`);
    assert.equal(await rows(tenant), 25_001);
    await tenant.hub.evict();
    await tenant.publish(scp({ user_id: "auth0|newer", date: date(1) }));
    await assertLeft(tenant, 2);
  });
});

test("pages and a socket that goes on from the last one's event leave no gap, whatever is published meanwhile", async () => {
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
    const known = new Set(all.flatMap(users));
    const listener = await tenant.subscribe({}, all.at(-1).last_event_id ?? "none");
    const before = [...published];
    for (const { user_id: user } of await listener.drain()) known.add(user);
    assert.deepEqual(
      before.filter((user) => !known.has(user)),
      [],
      "these were missed",
    );
    await listener.close();
  }
  publishing.abort();
  await publisher;
});
