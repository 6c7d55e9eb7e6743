// A database of the version before the table `event_log` is migrated, and keeps everything.
//
// tests/fixtures/tenant_object_before_event_log.sqlite was written by that version, with its default
// configuration and every event type that the tests need: 136 events, the latest of them on
// 2026-11-28. The tests work on a copy with recent dates.
import assert from "node:assert/strict";
import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, test } from "node:test";

import { ROOT } from "../support/built_worker.mjs";
import { scp, slo } from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { startWorker } from "../support/worker.mjs";

const FIXTURE = join(ROOT, "tests/fixtures/tenant_object_before_event_log.sqlite");
/** The time to which the dates of the fixture are relative, in seconds. */
const WRITTEN_AT = Date.parse("2026-11-28T12:00:00Z") / 1000;
const SHIFT = Math.floor(Date.now() / 1000) - 600 - WRITTEN_AT;
/** A date in the copy, given in seconds relative to `WRITTEN_AT`. */
const at = (seconds) => WRITTEN_AT + SHIFT + seconds;

const worker = await startWorker();

/** Returns a tenant whose object has a copy of the fixture. `change` may change the copy. */
async function tenantWithEarlierDatabase(change = () => {}) {
  const tenant = new Tenant(worker);
  await tenant.publish(slo());
  const [{ file }] = await tenant.object.sql("PRAGMA database_list");
  await tenant.object.evict();
  for (const suffix of ["-wal", "-shm"]) rmSync(`${file}${suffix}`, { force: true });
  copyFileSync(FIXTURE, file);
  const database = new DatabaseSync(file);
  const shifted = (date) =>
    `strftime('%Y-%m-%dT%H:%M:%fZ', unixepoch(${date}) + ${SHIFT}, 'unixepoch')`;
  database.exec(`
    UPDATE revocations SET at = min(at + ${SHIFT} * 1000, unixepoch() * 1000);
    UPDATE revocations SET date = ${shifted("date")} WHERE date < '2099';
    UPDATE events SET event = json_set(event, '$.date', ${shifted("event ->> 'date'")})
    WHERE event ->> 'date' < '2099'`);
  change(database);
  database.close();
  return tenant;
}

async function isActive(tenant, claims) {
  const response = await tenant.fetch("/api/introspect", {
    method: "POST",
    headers: { authorization: `Bearer ${tenant.token()}` },
    body: new URLSearchParams({ token: tenant.token(claims) }),
  });
  assert.equal(response.status, 200, await response.clone().text());
  return (await response.json()).active;
}

async function listedRevocations(tenant) {
  const { revocations } = await (await tenant.get("/api/revocations")).json();
  return revocations;
}

describe("a database of the earlier version", { concurrency: true }, () => {
  test("keeps its revocations, before and after the first write", async () => {
    const tenant = await tenantWithEarlierDatabase();
    for (const write of [false, true]) {
      if (write)
        await tenant.publish(scp({ user_id: "auth0|new", date: new Date().toISOString() }));
      for (const [revoked, claims] of [
        [true, { sub: "auth0|wide", iat: at(-3001) }],
        [false, { sub: "auth0|wide", iat: at(-2990), sid: "w2" }],
        [true, { sub: "auth0|wide", iat: at(-2990) }],
        [true, { sub: "auth0|wide", iat: at(-100), sid: "w1" }],
        [false, { sub: "auth0|wide", iat: at(-100) }],
        [true, { sub: "auth0|early-0", iat: at(-3700) }],
        [true, { sub: "auth0|early-0", iat: at(-100), sid: "s0" }],
        [true, { sub: "auth0|sessions", iat: at(-2701), sid: "b" }],
        [false, { sub: "auth0|sessions", iat: at(-2600), sid: "b" }],
        [true, { sub: "auth0|late-99", iat: at(-1710) }],
        [false, { sub: "auth0|unblocked", iat: at(-3700) }],
      ])
        assert.equal(await isActive(tenant, claims), !revoked, JSON.stringify(claims));
      assert.equal((await listedRevocations(tenant)).length, write ? 136 : 135);
    }
  });

  test("keeps its latest events in order, and recognises its duplicates", async () => {
    const tenant = await tenantWithEarlierDatabase();
    const events = await tenant.events();
    assert.deepEqual(
      events.map(({ id }) => id),
      Array.from({ length: 100 }, (_, number) => `log-${135 - number}`),
    );
    assert.equal(events[0].type, "user_unblocked");
    assert.equal(events[0].revokes, undefined);
    const repeated = ["log-0", "log-135"].map((id) => slo({}, id));
    assert.equal((await tenant.publish(...repeated)).duplicates, 2);
    const next = slo({ date: new Date().toISOString() });
    await tenant.publish(next);
    assert.equal((await tenant.events())[0].id, next.log_id);
    const [{ seq }] = await tenant.object.sql("SELECT max(seq) AS seq FROM event_log");
    assert.equal(seq, 137);
  });

  test("has no date in the future any more", async () => {
    const tenant = await tenantWithEarlierDatabase();
    await tenant.publish(slo());
    const future = (await listedRevocations(tenant)).find(
      ({ user_id: id }) => id === "auth0|future",
    );
    assert.ok(Date.parse(future.date) <= Date.now(), future.date);
    assert.equal(await isActive(tenant, { sub: "auth0|future", iat: at(-3700) }), false);
  });

  test("keeps 1,000 sessions of a user, and revokes the tokens of the others user-wide", async () => {
    const tenant = await tenantWithEarlierDatabase((database) =>
      database.exec(`
        WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1200)
        INSERT INTO revocations (user_id, session_id, seq, type, date, at)
        SELECT 'auth0|many', 's' || n, 136 + n, 'logout',
          strftime('%Y-%m-%dT%H:%M:%fZ', ${at(-1800)} + n, 'unixepoch'), (${at(-1800)} + n) * 1000
        FROM numbers`),
    );
    assert.equal(
      await isActive(tenant, { sub: "auth0|many", iat: at(-1800 + 200), sid: "s1" }),
      false,
    );
    assert.equal(
      await isActive(tenant, { sub: "auth0|many", iat: at(-1800 + 201), sid: "s1" }),
      true,
    );
    assert.equal(await isActive(tenant, { sub: "auth0|many", iat: at(-100), sid: "s201" }), false);
    const path = "/api/revocations?user_id=auth0%7Cmany&limit=1000";
    const { revocations, next } = await (await tenant.get(path)).json();
    const rest = await (await tenant.get(`${path}&after=${next}`)).json();
    assert.equal(revocations.length + rest.revocations.length, 1_001);
  });
});

test("a database of the version before logout tokens accepts log records and keeps its revocations", async () => {
  const tenant = new Tenant(worker);
  const date = new Date().toISOString();
  await tenant.publish(slo({ date, details: { session_id: "s1" } }));
  const before = await listedRevocations(tenant);
  await tenant.object.evict();
  await tenant.object.sql("ALTER TABLE revoked_sessions DROP COLUMN ended_by_token");
  assert.deepEqual(await listedRevocations(tenant), before);
  await tenant.publish(slo({ date, details: { session_id: "s2" } }));
  assert.equal((await listedRevocations(tenant)).length, 2);
});
