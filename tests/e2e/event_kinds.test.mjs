// The rules that make events from log records. A record that matches no rule is ignored. A rule that
// matches too much would end the wrong session.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { ADMINISTRATOR, login, sapi, scp, slo, USER } from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();

/** Asserts that all records become events, which are sent and stored, and returns the events. */
async function eventsOf(...records) {
  const tenant = new Tenant(worker);
  const subscriber = await tenant.subscribe();
  const counts = await tenant.publish(...records);
  assert.equal(counts.events, records.length, JSON.stringify(counts));
  const events = await subscriber.take(records.length);
  assert.deepEqual(
    await tenant.events(),
    events.toReversed(),
    "the stored events are those that were sent",
  );
  return events;
}

/** Asserts that none of the records becomes an event. */
async function assertIgnored(...records) {
  const tenant = new Tenant(worker);
  const subscriber = await tenant.subscribe();
  for (const record of records) {
    const counts = await tenant.publish(record);
    assert.deepEqual(
      counts,
      { received: 1, events: 0, duplicates: 0, ignored: 1, malformed: 0 },
      JSON.stringify(record),
    );
  }
  const marker = slo();
  await tenant.publish(marker);
  assert.equal((await subscriber.next()).id, marker.log_id, "nothing was sent before the marker");
  assert.equal((await tenant.events()).length, 1);
}

describe("logout", { concurrency: true }, () => {
  test("is made from slo, with the session of its details", async () => {
    const record = slo();
    assert.deepEqual(await eventsOf(record), [
      {
        id: record.log_id,
        type: "logout",
        date: "2021-11-03T05:53:57.546Z",
        user_id: USER,
        session_id: "1TAd-4kVuzC9jBWqZbNnDTyIrh6FWMxO",
        revokes: "session",
      },
    ]);
  });

  test("has no session_id if the record has none", async () => {
    const records = [
      slo({ details: {} }),
      slo({ details: undefined }),
      slo({ details: null }),
      slo({ details: { session_id: null } }),
    ];
    for (const event of await eventsOf(...records)) {
      assert.deepEqual(Object.keys(event).sort(), ["date", "id", "revokes", "type", "user_id"]);
    }
  });

  test("has the log_id of the record, not that of its data", async () => {
    const record = slo({ log_id: "inner" });
    assert.equal((await eventsOf(record))[0].id, record.log_id);
  });

  test("is not made from slo without a user", async () => {
    await assertIgnored(slo({ user_id: undefined }), slo({ user_id: null }), slo({ user_id: "" }));
  });
});

describe("password_changed", { concurrency: true }, () => {
  test("is made from scp, without a session", async () => {
    const record = scp({ details: { session_id: "not used" } });
    assert.deepEqual(await eventsOf(record), [
      {
        id: record.log_id,
        type: "password_changed",
        date: record.data.date,
        user_id: USER,
        revokes: "user",
      },
    ]);
  });

  test("is not made from scp without a user", async () => {
    await assertIgnored(scp({ user_id: undefined }), scp({ user_id: null }), scp({ user_id: "" }));
  });
});

describe("user_blocked", { concurrency: true }, () => {
  test("is made from sapi, with the blocked user instead of the administrator", async () => {
    const record = sapi();
    assert.equal(record.data.user_id, ADMINISTRATOR);
    assert.deepEqual(await eventsOf(record), [
      {
        id: record.log_id,
        type: "user_blocked",
        date: record.data.date,
        user_id: USER,
        revokes: "user",
      },
    ]);
  });

  test("is made for any administrator", async () => {
    const actors = [
      { user_id: "" },
      { user_id: undefined },
      { user_id: null },
      { user_id: "client@clients" },
    ];
    for (const event of await eventsOf(...actors.map((actor) => sapi(actor)))) {
      assert.equal(event.user_id, USER);
    }
  });

  test("is made from a path with a plain or percent-encoded id, and a method in any case", async () => {
    const paths = [
      "/api/v2/users/auth0|6182002f34f4dd006b05b5c7",
      "/api/v2/users/auth0%7C6182002f34f4dd006b05b5c7",
      "/api/v2/users/auth0%7c6182",
    ];
    const methods = ["patch", "PATCH", "Patch"];
    const requests = paths.flatMap((path) => methods.map((method) => ({ path, method })));
    const events = await eventsOf(...requests.map((request) => sapi({ request })));
    for (const event of events) assert.equal(event.type, "user_blocked");
  });

  test("is made if other properties of the user change too", async () => {
    const request = { body: { blocked: true, user_metadata: { note: "abuse" } } };
    const response = {
      body: { user_id: "google-oauth2|1", blocked: true, identities: [], name: "Jane" },
    };
    assert.equal((await eventsOf(sapi({ request, response })))[0].user_id, "google-oauth2|1");
  });

  test("is not made from another method", async () => {
    const methods = ["post", "put", "get", "", undefined, 7];
    await assertIgnored(...methods.map((method) => sapi({ request: { method } })));
  });

  test("is not made from another path", async () => {
    const id = "auth0%7C6182002f34f4dd006b05b5c7";
    const paths = [
      "/api/v2/users",
      "/api/v2/users/",
      `/api/v2/users/${id}/roles`,
      `/api/v2/users/${id}/`,
      `/api/v2/clients/${id}`,
      `/api/v1/users/${id}`,
      `/api/v2/organizations/x/users/${id}`,
      `/x/api/v2/users/${id}`,
      `api/v2/users/${id}`,
      `/api/v2/usersx/${id}`,
      `/API/V2/users/${id}`,
      "",
      undefined,
      7,
    ];
    await assertIgnored(...paths.map((path) => sapi({ request: { path } })));
  });

  test("is not made unless the request sets the block", async () => {
    const bodies = [
      { blocked: false },
      {},
      { blocked: "true" },
      { blocked: 1 },
      { blocked: null },
      { app_metadata: { blocked: true } },
      "blocked:true",
      null,
      undefined,
      [{ blocked: true }],
    ];
    await assertIgnored(...bodies.map((body) => sapi({ request: { body } })));
  });

  test("is made for the user in the path if the record has no response body", async () => {
    const bodies = [{}, null, undefined, ""];
    const records = bodies.map((body) => sapi({ response: { body } }));
    const { request } = sapi().data.details;
    const incomplete = [{ request }, { request, response: null }, { request, response: "y" }];
    records.push(...incomplete.map((details) => sapi({ details })));
    for (const { type, user_id } of await eventsOf(...records)) {
      assert.deepEqual([type, user_id], ["user_blocked", USER]);
    }
  });

  test("is not made if a response body does not contain the block and the user", async () => {
    const bodies = [
      { user_id: USER, blocked: false },
      { user_id: USER },
      { user_id: USER, blocked: "true" },
      { user_id: USER, blocked: 1 },
      { blocked: true },
      { user_id: "", blocked: true },
      { user_id: null, blocked: true },
      { user_id: 7, blocked: true },
      [],
      "ok",
    ];
    await assertIgnored(...bodies.map((body) => sapi({ response: { body } })));
  });

  test("is not made from an incomplete sapi", async () => {
    await assertIgnored(
      sapi({ details: undefined }),
      sapi({ details: null }),
      sapi({ details: "x" }),
      sapi({ details: [] }),
      sapi({ details: {} }),
      sapi({ details: { response: sapi().data.details.response } }),
      sapi({ details: { request: "x", response: "y" } }),
    );
  });

  test("is not made from a record of another type with the same content", async () => {
    await assertIgnored(
      sapi({ type: "fapi" }),
      sapi({ type: "mgmt_api_read" }),
      sapi({ type: "SAPI" }),
    );
  });
});

describe("a record of another type", { concurrency: true }, () => {
  test("is ignored", async () => {
    const types = [
      "s",
      "ss",
      "f",
      "fp",
      "seacft",
      "flo",
      "fcp",
      "scpr",
      "sv",
      "fsce",
      "fscim",
      "fertft",
      "universal_logout_failed",
      "my_account_authentication_method_failed",
      "oidc_backchannel_logout_succeeded",
      "SLO",
      "slo ",
      "logout",
      "password_changed",
      "user_blocked",
      "made_up_in_2031",
      "",
    ];
    await assertIgnored(...types.map((type) => login({ type })));
  });
});

describe("the date of an event", { concurrency: true }, () => {
  test("is that of the record, unchanged if it is in UTC", async () => {
    const dates = [
      "2021-11-03T05:53:57.546Z",
      "2026-01-02T03:04:05Z",
      "2026-01-02T03:04:05.1Z",
      "2026-01-02T03:04:05.123456Z",
    ];
    const events = await eventsOf(...dates.map((date) => slo({ date })));
    assert.deepEqual(
      events.map(({ date }) => date),
      dates,
    );
  });

  test("is converted to UTC if that of the record has an offset", async () => {
    const dates = ["2026-01-02T03:04:05.678+01:00", "2026-01-01T22:34:05.678-03:30"];
    const events = await eventsOf(...dates.map((date) => slo({ date })));
    for (const [index, { date }] of events.entries()) {
      assert.match(date, /Z$/);
      assert.equal(Date.parse(date), Date.parse(dates[index]));
    }
  });

  test("is the time of receipt if the record has no valid date", async () => {
    const before = Date.now();
    const unreadable = ["", "yesterday", "2021-13-03T05:53:57Z", "1635918837", 1635918837, {}];
    const dates = [undefined, null, ...unreadable];
    for (const { date } of await eventsOf(...dates.map((date) => slo({ date })))) {
      assert.match(date, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
      const time = Date.parse(date);
      assert.ok(
        time >= before - 1_000 && time <= Date.now() + 1_000,
        `${date} is not the current time`,
      );
    }
  });
});
