// Auth0 retries a refused batch for days and then pauses the stream. Therefore a malformed record, or
// a record of another tenant, is counted and skipped, and the rest of the batch is accepted.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { counts } from "../support/counts.mjs";
import { newLogId, scp, slo } from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { waitFor } from "../support/wait_for.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();
const ids = async (tenant) => (await tenant.events()).map(({ id }) => id).reverse();

describe("a malformed record", { concurrency: true }, () => {
  const without = (field) => {
    const { [field]: _, ...rest } = slo();
    return rest;
  };
  const MALFORMED = {
    "is not an object": ["text", 7, null, true, []],
    "has no log_id": [without("log_id"), { foo: 1 }, {}],
    "has a log_id that is not a string": [
      { ...slo(), log_id: 7 },
      { ...slo(), log_id: null },
      { ...slo(), log_id: {} },
    ],
    "has an empty log_id": [{ ...slo(), log_id: "" }],
    "has a log_id of more than 256 bytes": [
      { ...slo(), log_id: "x".repeat(257) },
      { ...slo(), log_id: "é".repeat(129) },
    ],
    "has no data": [
      without("data"),
      { ...slo(), data: null },
      { ...slo(), data: "slo" },
      { ...slo(), data: [] },
    ],
    "has no type": [slo({ type: undefined }), slo({ type: null }), slo({ type: 7 })],
    "has a user_id that is not a string": [
      slo({ user_id: 7 }),
      slo({ user_id: {} }),
      scp({ user_id: ["auth0|1"] }),
    ],
    "has a tenant_name that is not a string": [slo({ tenant_name: 7 })],
    "has a user_id of more than 1024 bytes": [slo({ user_id: "u".repeat(1025) })],
    "has a session_id of more than 256 bytes": [slo({ details: { session_id: "s".repeat(257) } })],
  };
  for (const [defect, records] of Object.entries(MALFORMED)) {
    test(`that ${defect} is counted, and the records around it are accepted`, async () => {
      const tenant = new Tenant(worker);
      const [first, last] = [slo(), scp()];
      const expected = counts({
        received: records.length + 2,
        events: 2,
        malformed: records.length,
      });
      assert.deepEqual(await tenant.publish(first, ...records, last), expected);
      assert.deepEqual(await ids(tenant), [first.log_id, last.log_id]);
    });
  }

  test("never causes an error, even if the batch has no valid record", async () => {
    const tenant = new Tenant(worker);
    assert.deepEqual(await tenant.publish({ foo: 1 }), counts({ received: 1, malformed: 1 }));
    assert.deepEqual(await tenant.publishBody('{"foo":1}'), counts({ received: 1, malformed: 1 }));
    assert.deepEqual(
      await tenant.publishBody('{"foo":1}\n{"bar":2}'),
      counts({ received: 2, malformed: 2 }),
    );
  });

  test("with broken syntax in JSON lines does not affect the other lines", async () => {
    const tenant = new Tenant(worker);
    const [first, last] = [slo(), slo()];
    for (const broken of [
      '{"log_id":"x","data":{"type":"slo"',
      "garbage",
      "{'single':1}",
      '{"log_id":"\u0000"}',
    ]) {
      const lines = [JSON.stringify(first), broken, JSON.stringify(last)].join("\n");
      const { received, malformed } = await tenant.publishBody(lines);
      assert.deepEqual({ received, malformed }, { received: 3, malformed: 1 }, broken);
    }
    assert.deepEqual(await ids(tenant), [first.log_id, last.log_id]);
  });

  test("with broken syntax in an array does not affect the other elements", async () => {
    const tenant = new Tenant(worker);
    const [first, last] = [slo(), slo()];
    for (const broken of [
      '{"log_id":"x","data":{"type":slo}}',
      "{'single':1}",
      '{"log_id":}',
      '{"a" 1}',
      "{,}",
    ]) {
      const array = `[${[JSON.stringify(first), broken, JSON.stringify(last)].join(",")}]`;
      const { received, malformed } = await tenant.publishBody(array);
      assert.deepEqual({ received, malformed }, { received: 3, malformed: 1 }, broken);
    }
    assert.deepEqual(await ids(tenant), [first.log_id, last.log_id]);
  });

  test("at the end of a truncated batch does not affect the records before it", async () => {
    const tenant = new Tenant(worker);
    const whole = slo();
    const text = JSON.stringify([whole, slo()]);
    const { events, malformed } = await tenant.publishBody(text.slice(0, -40));
    assert.deepEqual({ events, malformed }, { events: 1, malformed: 1 });
    assert.deepEqual(await ids(tenant), [whole.log_id]);
  });

  test("with bytes that are not UTF-8 does not affect the other records", async () => {
    const tenant = new Tenant(worker);
    const [first, bad, last] = [slo(), slo({ user_id: "auth0|~" }), slo()];
    for (const separator of ["\n", ","]) {
      const text = [first, bad, last].map((record) => JSON.stringify(record)).join(separator);
      const body = Buffer.from(separator === "," ? `[${text}]` : text);
      body[body.indexOf("~")] = 0xff;
      const { received, malformed } = await tenant.publishBody(body);
      assert.deepEqual({ received, malformed }, { received: 3, malformed: 1 });
    }
    assert.deepEqual(await ids(tenant), [first.log_id, last.log_id]);
  });

  test("is logged, but not at level error", async () => {
    const tenant = new Tenant(worker);
    const linesOfTenant = () =>
      worker
        .logs()
        .filter(({ message }) => message.includes(tenant.domain) || message.includes(tenant.slug));
    await tenant.publish(slo());
    assert.deepEqual(linesOfTenant(), [], "a valid record is not logged");
    await tenant.publish({ log_id: newLogId(), data: "broken" });
    await waitFor(
      () => linesOfTenant().length > 0,
      () => "no log line names the tenant",
    );
    assert.match(linesOfTenant()[0].message, /malformed|cannot be read|unreadable/i);
    assert.notEqual(linesOfTenant()[0].level, "error");
  });
});

test("a record with a date before 1970 is accepted and does not block later records", async () => {
  const tenant = new Tenant(worker);
  const dates = ["0000-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "1969-06-01T00:00:00Z"];
  for (const date of dates)
    assert.deepEqual(await tenant.publish(slo({ date })), counts({ received: 1, events: 1 }));
  await tenant.object.evict();
  assert.deepEqual(await tenant.publish(slo()), counts({ received: 1, events: 1 }));
  // The revocations of these records have already expired, so they are not stored.
  assert.deepEqual(await tenant.object.sql("SELECT * FROM revoked_sessions"), []);
});

describe("a record of another tenant", { concurrency: true }, () => {
  test("is ignored because of its tenant_name", async () => {
    const tenant = new Tenant(worker);
    const own = slo({ tenant_name: tenant.name });
    const foreign = slo({ tenant_name: `${tenant.name}-staging` });
    assert.deepEqual(
      await tenant.publish(own, foreign),
      counts({ received: 2, events: 1, ignored: 1 }),
    );
    assert.deepEqual(await ids(tenant), [own.log_id]);
  });

  test("is accepted if it has no tenant_name", async () => {
    const tenant = new Tenant(worker);
    const records = [slo(), slo({ tenant_name: null }), slo({ tenant_name: "" })];
    assert.deepEqual(await tenant.publish(...records), counts({ received: 3, events: 3 }));
  });
});
