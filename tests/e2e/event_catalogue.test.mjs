// All event types: the events that each log record makes, their users and their revocations. By
// default, every event that revokes something is made; the others are made only if EVENTS names their
// type.
//
// The log records and the expected events are in `cases/log_records.jsonl`.
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";

import { counts } from "../support/counts.mjs";
import { EVENT_TYPES } from "../support/event_types.mjs";
import { assertError } from "../support/http.mjs";
import { LOG_RECORD_CASES, recordFor } from "../support/log_record_cases.mjs";
import {
  ADMINISTRATOR,
  managementOperation,
  gdUnenroll,
  sapi,
  slo,
  USER,
} from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { now } from "../support/token.mjs";
import { startWorker } from "../support/worker.mjs";

const [all, byDefault] = await Promise.all([
  startWorker({ vars: { EVENTS: EVENT_TYPES.join(", ") } }),
  startWorker(),
]);

const SESSION = "1TAd-4kVuzC9jBWqZbNnDTyIrh6FWMxO";
const EVIDENCE = /^(?:documentation|schema|observed|assumed): ./;

/** Returns the events that a tenant must make of a record. */
const eventsOf = (expected, { log_id, data: { date } }) =>
  expected.map((event, index) => ({
    id: index === 0 ? log_id : `${log_id}#${index + 1}`,
    date,
    ...event,
  }));

const minutesAgo = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString();

test("the cases cover all event types, have different names and state their evidence", () => {
  const types = new Set(LOG_RECORD_CASES.flatMap(({ expect }) => expect.map(({ type }) => type)));
  assert.deepEqual(
    EVENT_TYPES.filter((type) => !types.has(type)),
    [],
  );
  assert.equal(types.size, EVENT_TYPES.length);
  assert.equal(new Set(LOG_RECORD_CASES.map(({ name }) => name)).size, LOG_RECORD_CASES.length);
  for (const { name, evidence } of LOG_RECORD_CASES) assert.match(evidence, EVIDENCE, name);
});

/** Each test below is about one record of a single request with all records. */
for (const [condition, worker, isMade] of [
  ["if EVENTS names all types", all, () => true],
  ["by default", byDefault, ({ revokes }) => revokes !== undefined],
]) {
  describe(`the events of a log record ${condition}`, () => {
    const tenant = new Tenant(worker);
    const records = LOG_RECORD_CASES.map((example) => recordFor(example, tenant, minutesAgo(5)));
    const expected = LOG_RECORD_CASES.map(({ expect }, index) =>
      eventsOf(expect.filter(isMade), records[index]),
    );
    const recordsWithEvents = expected.filter((events) => events.length > 0).length;
    let receipt, sent, stored;

    before(async () => {
      const subscriber = await tenant.subscribe();
      receipt = await tenant.publish(...records);
      stored = (await tenant.events()).reverse();
      sent = await subscriber.take(stored.length);
    });

    for (const [index, { name }] of LOG_RECORD_CASES.entries()) {
      const outcome = expected[index].map(({ type }) => type).join(", ") || "none";
      test(`are ${outcome}: ${name}`, () => {
        const ofRecord = ({ id }) => id.split("#")[0] === records[index].log_id;
        assert.deepEqual(sent.filter(ofRecord), expected[index]);
        assert.deepEqual(stored.filter(ofRecord), expected[index]);
      });
    }

    test("are sent and stored in the order of the records, and the receipt counts the records", () => {
      assert.deepEqual(stored, expected.flat());
      assert.deepEqual(sent, stored);
      const ignored = records.length - recordsWithEvents;
      assert.deepEqual(
        receipt,
        counts({ received: records.length, events: recordsWithEvents, ignored }),
      );
    });
  });
}

const id = encodeURIComponent(USER);
const update = (body, members) =>
  managementOperation("patch", `users/${id}`, { body, response: { user_id: USER, ...members } });

describe("an access token issued before the event", { concurrency: 8 }, () => {
  const issued = now() - 600;
  const date = (seconds) => new Date((issued + seconds) * 1000).toISOString();

  async function isActive(tenant, claims) {
    const token = tenant.token({ sub: USER, iat: issued, ...claims });
    const response = await tenant.fetch("/api/introspect", {
      method: "POST",
      headers: { authorization: `Bearer ${tenant.token()}` },
      body: new URLSearchParams({ token }),
    });
    assert.equal(response.status, 200, await response.clone().text());
    return (await response.json()).active;
  }

  /** The first case with each type of event and extent of its revocation. */
  const examples = Map.groupBy(
    LOG_RECORD_CASES.filter(({ expect }) => expect.length > 0),
    ({ expect: [{ type, revokes }] }) => `${type} ${revokes}`,
  );
  for (const [example] of examples.values()) {
    const { revokes, user_id: sub } = example.expect[0];
    const outcome = { user: "is revoked", session: "is revoked if it is of the same session" }[
      revokes
    ];
    test(`${outcome ?? "stays active"}: ${example.name}`, async () => {
      const tenant = new Tenant(all);
      await tenant.publish(recordFor(example, tenant, date(60)));
      assert.equal(await isActive(tenant, { sub, sid: SESSION }), !revokes);
      assert.equal(await isActive(tenant, { sub, sid: "another" }), revokes !== "user");
      assert.equal(await isActive(tenant, { sub: ADMINISTRATOR }), true);
      assert.equal(await isActive(tenant, { sub, iat: issued + 61 }), true);
    });
  }

  test("stays revoked if the user is unblocked", async () => {
    const tenant = new Tenant(all);
    const at = (record, seconds) => {
      record.data.date = date(seconds);
      return record;
    };
    await tenant.publish(at(update({ blocked: true }, { blocked: true }), 60));
    await tenant.publish(at(update({ blocked: false }, { blocked: false }), 120));
    assert.equal(await isActive(tenant), false);
    assert.equal(await isActive(tenant, { iat: issued + 121 }), true);
    const { revocations } = await (await tenant.get("/api/revocations")).json();
    assert.deepEqual(revocations, [{ user_id: USER, type: "user_blocked", date: date(60) }]);
  });
});

// Last, because these tests reconfigure the Worker.
describe("EVENTS", () => {
  test("disables all event types that it does not name", async () => {
    await byDefault.reconfigure({ EVENTS: "mfa_changed" });
    const tenant = new Tenant(byDefault);
    assert.deepEqual(await tenant.publish(slo()), counts({ received: 1, ignored: 1 }));
    assert.deepEqual(await tenant.publish(sapi()), counts({ received: 1, ignored: 1 }));
    const record = gdUnenroll();
    await tenant.publish(record);
    const stored = await tenant.events();
    assert.deepEqual(
      stored.map(({ id }) => id),
      [record.log_id],
    );
  });

  test("that names another type of a record makes an event of that type", async () => {
    await byDefault.reconfigure({ EVENTS: "email_changed" });
    const tenant = new Tenant(byDefault);
    const blocksAndChanges = update(
      { blocked: true, email: "jane@example.org" },
      { blocked: true },
    );
    await tenant.publish(blocksAndChanges);
    const types = (await tenant.events()).map(({ type }) => type);
    assert.deepEqual(types, ["email_changed"]);
  });

  test("with an unknown name is a 500 with the unknown name and all known names", async () => {
    await byDefault.reconfigure({ EVENTS: "logout, user_delted" });
    const tenant = new Tenant(byDefault);
    for (const response of [await tenant.post("[]"), await tenant.get("/api/events")]) {
      const { error_description: text } = await assertError(response, 500, "misconfigured");
      assert.match(text, /\bEVENTS contains "user_delted"/);
      for (const type of EVENT_TYPES) assert.match(text, new RegExp(`\\b${type}\\b`));
    }
  });
});
