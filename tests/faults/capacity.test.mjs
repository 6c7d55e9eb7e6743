// The limit on a tenant's revocations, five million: session entries with the oldest dates are dropped,
// and user-wide ones never. The test fills a database file with five million rows.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";

import { assertError } from "../support/http.mjs";
import { scp, slo } from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker({ expectedErrors: [/revocations_dropped/, /storage_full/] });

const LIMIT = 5_000_000;
const now = Date.now();
const date = (secondsAgo) => new Date(now - secondsAgo * 1000).toISOString();

/**
 * Fills the tables with `users` user-wide entries, and one session entry for each of `sessions` other
 * users.
 * Only the span of the sequence numbers matters, so only the latest event is stored.
 */
async function fill(tenant, users, sessions) {
  await tenant.object.evict();
  const when = date(3_600);
  await inSteps(users, (numbers) =>
    tenant.object.sql(`${numbers}
      INSERT INTO revoked_users (user_id, seq, type, date, at)
      SELECT 'user' || n, 10 + n, 'user_blocked', '${when}', ${now - 3_600_000} FROM numbers`),
  );
  await inSteps(sessions, (numbers) =>
    tenant.object.sql(`${numbers}
      INSERT INTO revoked_sessions (user_id, session_id, seq, type, date, at, ended_at)
      SELECT 'session' || n, 's', ${10 + users} + n, 'logout', '${when}', ${now - 7_200_000} + n, ${now}
      FROM numbers`),
  );
  await tenant.object.sql(
    `INSERT INTO event_log (seq, log_id, received_at, type, date, user_id)
     VALUES (?, 'latest', ?, 'user_unblocked', '${when}', 'auth0|other')`,
    10 + users + sessions + 1,
    now,
  );
}

/** Calls `insert` with the numbers up to `count`. A step blocks this process for about a second. */
async function inSteps(count, insert) {
  const STEP = 500_000;
  for (let from = 1; from <= count; from += STEP) {
    const to = Math.min(count, from + STEP - 1);
    await insert(`WITH RECURSIVE numbers (n) AS
      (SELECT ${from} UNION ALL SELECT n + 1 FROM numbers WHERE n < ${to})`);
    await nextTurn();
  }
}

async function isRevoked(tenant, user) {
  const path = `/api/revocations?user_id=${encodeURIComponent(user)}`;
  const { revocations } = await (await tenant.get(path)).json();
  return revocations.length > 0;
}

const health = async (tenant) => (await tenant.get("/api/health")).json();

test("a tenant with five million revocations drops the oldest sessions, and reports it", async () => {
  const tenant = new Tenant(worker);
  await tenant.publish(scp({ user_id: "auth0|first", date: date(60) }));
  assert.equal((await health(tenant)).dropped_revocations, undefined);
  const users = 4_900_000;
  await fill(tenant, users, LIMIT - users);
  await tenant.publish(slo({ user_id: "auth0|new", date: date(0) }));
  assert.equal(await isRevoked(tenant, "auth0|new"), true);
  assert.equal(await isRevoked(tenant, "auth0|first"), true);
  assert.equal(await isRevoked(tenant, "user1"), true);
  assert.equal(await isRevoked(tenant, "session1"), false, "the oldest session was dropped");
  assert.equal(await isRevoked(tenant, `session${LIMIT - users}`), true, "the latest was not");
  const { dropped_revocations: dropped } = await health(tenant);
  assert.equal(dropped.count, 50_000);
  assert.ok(Date.parse(dropped.last_at) >= now);
  const errors = worker.logs().filter(({ level }) => level === "error");
  assert.ok(errors.some(({ message }) => message.includes("revocations_dropped")));
});

test("a tenant with five million revoked users stores nothing more, and forgets none of them", async () => {
  const tenant = new Tenant(worker);
  await tenant.publish(scp({ user_id: "auth0|first", date: date(60) }));
  await fill(tenant, LIMIT - 1, 0);
  const record = scp({ user_id: "auth0|new", date: date(0) });
  const response = await tenant.post(JSON.stringify([record]));
  assert.equal(response.headers.get("retry-after"), "60");
  await assertError(response, 503, "storage_full");
  assert.equal(await isRevoked(tenant, "auth0|new"), false);
  assert.equal(await isRevoked(tenant, "auth0|first"), true);
  assert.equal(await isRevoked(tenant, "user1"), true);
  assert.equal(
    (await tenant.events()).some(({ id }) => id === record.log_id),
    false,
  );
});

test("a publication that was rejected for lack of room does not let later ones exceed the limit", async () => {
  const tenant = new Tenant(worker);
  await tenant.publish(scp({ user_id: "auth0|first", date: date(60) }));
  await fill(tenant, LIMIT - 20, 10);
  const revoked = (count, name) =>
    Array.from({ length: count }, (_, number) =>
      scp({ user_id: `auth0|${name}-${number}`, date: date(0) }),
    );
  const response = await tenant.post(JSON.stringify(revoked(30, "rejected")));
  await assertError(response, 503, "storage_full");
  assert.equal(await isRevoked(tenant, "session1"), true, "a rejected publication drops nothing");
  await tenant.publish(...revoked(15, "stored"));
  assert.equal(await isRevoked(tenant, "auth0|stored-14"), true);
  assert.equal(await isRevoked(tenant, "session1"), false, "the sessions make room");
});

test("a tenant far above the limit has room after one round of dropping, and reports it", async () => {
  const tenant = new Tenant(worker);
  await tenant.publish(scp({ user_id: "auth0|first", date: date(60) }));
  await fill(tenant, LIMIT - 10, 100_000);
  await tenant.publish(scp({ user_id: "auth0|new", date: date(0) }));
  assert.equal(await isRevoked(tenant, "auth0|new"), true);
  const { dropped_revocations: dropped } = await health(tenant);
  // The user "auth0|first" has a row, too.
  assert.equal(dropped.count, 100_000 - 10 + 2);
});

test("the latest events are still listed and detected as duplicates when their sessions are dropped, and sequence numbers go on", async () => {
  const tenant = new Tenant(worker);
  await tenant.publish(scp({ user_id: "auth0|first", date: date(60) }));
  await fill(tenant, LIMIT - 60, 10);
  // They arrive last, but their dates are the oldest.
  const late = Array.from({ length: 5 }, (_, number) =>
    slo({ user_id: `auth0|late-${number}`, date: date(9_000), details: { session_id: "s" } }),
  );
  await tenant.publish(...late);
  assert.equal(await isRevoked(tenant, "auth0|late-0"), true);
  const lastSeq = async () =>
    (await tenant.object.sql("SELECT max(seq) AS seq FROM event_log"))[0].seq;
  const before = await lastSeq();
  const changes = Array.from({ length: 40 }, (_, number) =>
    scp({ user_id: `auth0|changed-${number}`, date: date(0) }),
  );
  assert.equal((await tenant.publish(...changes)).events, 40);
  assert.equal(await isRevoked(tenant, "auth0|late-0"), false, "the oldest sessions were dropped");
  assert.equal(await lastSeq(), before + 40);
  assert.equal((await tenant.publish(...late)).duplicates, 5);
  assert.deepEqual(
    (await tenant.events()).slice(0, 45).map(({ id }) => id),
    [...late, ...changes].map(({ log_id: id }) => id).reverse(),
  );
});
