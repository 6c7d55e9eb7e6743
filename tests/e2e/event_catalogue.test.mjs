// All event types: the log records that make each event, its user and its revocation. By default,
// every event that revokes something is made; the others are made only if EVENTS names their type.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { assertError } from "../support/http.mjs";
import {
  ADMINISTRATOR,
  gdEnroll,
  gdUnenroll,
  limitWc,
  managementOperation,
  sapi,
  sce,
  scp,
  sdu,
  slo,
  srrt,
  ublkdu,
  USER,
} from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { now } from "../support/token.mjs";
import { startWorker } from "../support/worker.mjs";

const TYPES = [
  "user_deleted",
  "user_blocked",
  "password_changed",
  "logout",
  "session_revoked",
  "refresh_token_revoked",
  "user_unblocked",
  "email_changed",
  "mfa_changed",
  "account_locked",
  "account_unlocked",
];

const [all, byDefault] = await Promise.all([
  startWorker({ vars: { EVENTS: TYPES.join(", ") } }),
  startWorker(),
]);

const SESSION = "1TAd-4kVuzC9jBWqZbNnDTyIrh6FWMxO";
const revokesUser = { revokes: "user" };
const revokesSession = { session_id: SESSION, revokes: "session" };
const id = encodeURIComponent(USER);
/** The response of the Management API with a session or a refresh token. */
const response = { id: "x", user_id: USER, clients: [] };
const update = (body, members) =>
  managementOperation("patch", `users/${id}`, { body, response: { user_id: USER, ...members } });
const blocked = { blocked: true };
const unblocked = { blocked: false };

/**
 * For each event type, the records that make it, and the members of the event besides id, type,
 * date and user.
 */
const CATALOGUE = {
  user_deleted: {
    "the log": [() => sdu(), revokesUser],
    "the Management API": [() => managementOperation("delete", `users/${id}`), revokesUser],
  },
  user_blocked: {
    "the Management API": [() => update(blocked, blocked), revokesUser],
    "an update that sets a password too": [
      () => update({ ...blocked, password: "*****" }, blocked),
      revokesUser,
    ],
  },
  password_changed: {
    "the log": [() => scp(), revokesUser],
    "the Management API": [() => update({ password: "*****" }, unblocked), revokesUser],
  },
  logout: {
    "the log": [() => slo(), revokesSession],
    "the log, for all sessions": [() => slo({ details: {} }), revokesUser],
  },
  session_revoked: {
    "the deletion of a session": [
      () => managementOperation("delete", `sessions/${SESSION}`, { response }),
      revokesSession,
    ],
    "the revocation of a session": [
      () => managementOperation("post", `sessions/${SESSION}/revoke`, { response }),
      revokesSession,
    ],
    "the deletion of a user's sessions": [
      () => managementOperation("delete", `users/${id}/sessions`),
      revokesUser,
    ],
  },
  refresh_token_revoked: {
    "the log": [() => srrt(), revokesSession],
    "the log, without a session": [() => srrt({ details: {} }), {}],
    "the deletion of a refresh token": [
      () => managementOperation("delete", "refresh-tokens/x", { response }),
      {},
    ],
    "the deletion of a user's refresh tokens": [
      () => managementOperation("delete", `users/${id}/refresh-tokens`),
      revokesUser,
    ],
  },
  user_unblocked: {
    "the Management API": [() => update(unblocked, unblocked), {}],
  },
  email_changed: {
    "the log": [() => sce(), {}],
  },
  mfa_changed: {
    "a removed factor": [() => gdUnenroll(), {}],
    "an enrolled factor": [() => gdEnroll(), {}],
    "the Management API": [
      () => managementOperation("delete", `users/${id}/authentication-methods/totp%7Cdev_1`),
      {},
    ],
    "the Management API, for all factors": [
      () => managementOperation("delete", `users/${id}/authentication-methods`),
      {},
    ],
  },
  account_locked: {
    "the log": [() => limitWc(), {}],
  },
  account_unlocked: {
    "the log": [() => ublkdu(), {}],
  },
};

const IGNORED = { received: 1, events: 0, duplicates: 0, ignored: 1, malformed: 0 };

test("the catalogue of this test covers all event types", () => {
  assert.deepEqual(Object.keys(CATALOGUE), TYPES);
});

for (const [type, rows] of Object.entries(CATALOGUE)) {
  describe(type, { concurrency: true }, () => {
    for (const [source, [createRecord, members]] of Object.entries(rows)) {
      test(`is made from ${source}, with the user and the revocation`, async () => {
        const tenant = new Tenant(all);
        const subscriber = await tenant.subscribe();
        const record = createRecord();
        if (record.data.type === "sapi") assert.equal(record.data.user_id, ADMINISTRATOR);
        await tenant.publish(record);
        const { date } = record.data;
        const event = { id: record.log_id, type, date, user_id: USER, ...members };
        assert.deepEqual(await subscriber.next(), event);
        assert.deepEqual(await tenant.events(), [event]);
      });

      test(`is ${members.revokes ? "" : "not "}made from ${source} by default`, async () => {
        const tenant = new Tenant(byDefault);
        const record = createRecord();
        const counts = await tenant.publish(record);
        if (!members.revokes) {
          assert.deepEqual(counts, IGNORED);
          return assert.deepEqual(await tenant.events(), []);
        }
        const { date } = record.data;
        const event = { id: record.log_id, type, date, user_id: USER, ...members };
        assert.deepEqual(await tenant.events(), [event]);
      });
    }
  });
}

describe("an operation of the Management API", { concurrency: true }, () => {
  test("that failed, only reads, or concerns something else is ignored", async () => {
    const tenant = new Tenant(all);
    for (const record of [
      sapi({ type: "fapi" }),
      managementOperation("get", `users/${id}`, { response }),
      managementOperation("get", `sessions/${SESSION}`, { response }),
      managementOperation("get", `users/${id}/sessions`, { response: { sessions: [response] } }),
      managementOperation("get", `users/${id}/authentication-methods`),
      managementOperation("delete", `sessions/${SESSION}`),
      managementOperation("delete", "refresh-tokens/x"),
      managementOperation("delete", `users/${id}/roles`),
      managementOperation("delete", `clients/${id}`),
      managementOperation("post", "users", { body: { password: "*****" }, response }),
      update({ name: "Jane" }, unblocked),
    ]) {
      assert.deepEqual(await tenant.publish(record), IGNORED, JSON.stringify(record));
    }
    assert.deepEqual(await tenant.events(), []);
  });
});

describe("an access token issued before the event", { concurrency: true }, () => {
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

  for (const [type, rows] of Object.entries(CATALOGUE)) {
    for (const [source, [createRecord, { revokes }]] of Object.entries(rows)) {
      const outcome = { user: "is revoked", session: "is revoked if it is of the same session" }[
        revokes
      ];
      test(`${outcome ?? "stays active"}: ${type} from ${source}`, async () => {
        const tenant = new Tenant(all);
        const record = createRecord();
        record.data.date = date(60);
        await tenant.publish(record);
        assert.equal(await isActive(tenant, { sid: SESSION }), !revokes);
        assert.equal(await isActive(tenant, { sid: "another" }), revokes !== "user");
        assert.equal(await isActive(tenant, { sub: ADMINISTRATOR }), true);
        assert.equal(await isActive(tenant, { iat: issued + 61 }), true);
      });
    }
  }

  test("stays revoked if the user is unblocked", async () => {
    const tenant = new Tenant(all);
    const at = (record, seconds) => {
      record.data.date = date(seconds);
      return record;
    };
    await tenant.publish(at(update(blocked, blocked), 60));
    await tenant.publish(at(update(unblocked, unblocked), 120));
    assert.equal(await isActive(tenant), false);
    assert.equal(await isActive(tenant, { iat: issued + 121 }), true);
    const { revocations } = await (await tenant.get("/api/revocations")).json();
    assert.deepEqual(revocations, [{ user_id: USER, type: "user_blocked", date: date(60) }]);
  });
});

// Last, because these tests reconfigure the Worker.
describe("EVENTS", () => {
  test("disables all event types that it does not name", async () => {
    await byDefault.reconfigure({ EVENTS: "email_changed" });
    const tenant = new Tenant(byDefault);
    assert.deepEqual(await tenant.publish(slo()), IGNORED);
    assert.deepEqual(await tenant.publish(sapi()), IGNORED);
    const record = sce();
    await tenant.publish(record);
    const stored = await tenant.events();
    assert.deepEqual(
      stored.map(({ id }) => id),
      [record.log_id],
    );
  });

  test("with an unknown name is a 500 with the unknown name and all known names", async () => {
    await byDefault.reconfigure({ EVENTS: "logout, user_delted" });
    const tenant = new Tenant(byDefault);
    for (const response of [await tenant.post("[]"), await tenant.get("/api/events")]) {
      const { error_description: text } = await assertError(response, 500, "misconfigured");
      assert.match(text, /\bEVENTS contains "user_delted"/);
      for (const type of TYPES) assert.match(text, new RegExp(`\\b${type}\\b`));
    }
  });
});
