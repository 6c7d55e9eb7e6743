// Every type of event there is: which log records make it, whom it affects and what it revokes,
// where the operator has chosen it, and that it is none where nobody has.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { assertError } from "../support/http.mjs";
import {
  ADMINISTRATOR,
  gdEnroll,
  gdUnenroll,
  limitWc,
  operation,
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
const ofUser = { revokes: "user" };
const ofSession = { session_id: SESSION, revokes: "session" };
const id = encodeURIComponent(USER);
/** What the Management API answers of a session or a refresh token. */
const answer = { id: "x", user_id: USER, clients: [] };
const update = (body, answered) =>
  operation("patch", `users/${id}`, { body, answer: { user_id: USER, ...answered } });
const blocked = { blocked: true };
const unblocked = { blocked: false };

/** By type: the records that make it, each with what the event tells besides type, date and user. */
const CATALOGUE = {
  user_deleted: {
    "the log": [() => sdu(), ofUser],
    "the Management API": [() => operation("delete", `users/${id}`), ofUser],
  },
  user_blocked: {
    "the Management API": [() => update(blocked, blocked), ofUser],
    "an update that sets a password too": [
      () => update({ ...blocked, password: "*****" }, blocked),
      ofUser,
    ],
  },
  password_changed: {
    "the log": [() => scp(), ofUser],
    "the Management API": [() => update({ password: "*****" }, unblocked), ofUser],
  },
  logout: {
    "the log": [() => slo(), ofSession],
    "the log, of all sessions": [() => slo({ details: {} }), ofUser],
  },
  session_revoked: {
    "the deletion of a session": [
      () => operation("delete", `sessions/${SESSION}`, { answer }),
      ofSession,
    ],
    "the revocation of a session": [
      () => operation("post", `sessions/${SESSION}/revoke`, { answer }),
      ofSession,
    ],
    "the deletion of a user's sessions": [
      () => operation("delete", `users/${id}/sessions`),
      ofUser,
    ],
  },
  refresh_token_revoked: {
    "the log": [() => srrt(), ofSession],
    "the log, of no session that is known": [() => srrt({ details: {} }), {}],
    "the deletion of a refresh token": [
      () => operation("delete", "refresh-tokens/x", { answer }),
      {},
    ],
    "the deletion of a user's refresh tokens": [
      () => operation("delete", `users/${id}/refresh-tokens`),
      ofUser,
    ],
  },
  user_unblocked: {
    "the Management API": [() => update(unblocked, unblocked), {}],
  },
  email_changed: {
    "the log": [() => sce(), {}],
  },
  mfa_changed: {
    "a factor given up": [() => gdUnenroll(), {}],
    "a factor enrolled": [() => gdEnroll(), {}],
    "the Management API": [
      () => operation("delete", `users/${id}/authentication-methods/totp%7Cdev_1`),
      {},
    ],
    "the Management API, of all factors": [
      () => operation("delete", `users/${id}/authentication-methods`),
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

const DEFAULT = ["user_blocked", "password_changed", "logout"];
const NOTHING = { received: 1, events: 0, duplicates: 0, ignored: 1, malformed: 0 };

test("the catalogue here is that of the worker", () => {
  assert.deepEqual(Object.keys(CATALOGUE), TYPES);
});

for (const [type, rows] of Object.entries(CATALOGUE)) {
  describe(type, { concurrency: true }, () => {
    for (const [source, [make, told]] of Object.entries(rows)) {
      test(`comes from ${source}, and tells who it is and what it revokes`, async () => {
        const tenant = new Tenant(all);
        const listener = await tenant.subscribe();
        const record = make();
        if (record.data.type === "sapi") assert.equal(record.data.user_id, ADMINISTRATOR);
        await tenant.publish(record);
        const { date } = record.data;
        const event = { id: record.log_id, type, date, user_id: USER, ...told };
        assert.deepEqual(await listener.next(), event);
        assert.deepEqual(await tenant.events(), [event]);
      });

      if (DEFAULT.includes(type)) continue;
      test(`does not come from ${source} unless it was chosen`, async () => {
        const tenant = new Tenant(byDefault);
        assert.deepEqual(await tenant.publish(make()), NOTHING);
        assert.deepEqual(await tenant.events(), []);
      });
    }

    if (!DEFAULT.includes(type)) return;
    test("comes where nothing was chosen", async () => {
      const tenant = new Tenant(byDefault);
      for (const [make, told] of Object.values(rows)) {
        await tenant.publish(make());
        const [{ type: known, user_id: user, id: _, date: __, ...more }] = await tenant.events();
        assert.deepEqual([known, user, more], [type, USER, told]);
      }
    });
  });
}

describe("an operation of the Management API", { concurrency: true }, () => {
  test("that failed, reads, or is about something else is no event", async () => {
    const tenant = new Tenant(all);
    for (const record of [
      sapi({ type: "fapi" }),
      operation("get", `users/${id}`, { answer }),
      operation("get", `sessions/${SESSION}`, { answer }),
      operation("get", `users/${id}/sessions`, { answer: { sessions: [answer] } }),
      operation("get", `users/${id}/authentication-methods`),
      operation("delete", `sessions/${SESSION}`),
      operation("delete", "refresh-tokens/x"),
      operation("delete", `users/${id}/roles`),
      operation("delete", `clients/${id}`),
      operation("post", "users", { body: { password: "*****" }, answer }),
      update({ name: "Jane" }, unblocked),
    ]) {
      assert.deepEqual(await tenant.publish(record), NOTHING, JSON.stringify(record));
    }
    assert.deepEqual(await tenant.events(), []);
  });
});

describe("a token from before", { concurrency: true }, () => {
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
    for (const [source, [make, { revokes }]] of Object.entries(rows)) {
      const outcome = { user: "is revoked", session: "of that session is revoked" }[revokes];
      test(`${type}, from ${source}, ${outcome ?? "stays good"}`, async () => {
        const tenant = new Tenant(all);
        const record = make();
        record.data.date = date(60);
        await tenant.publish(record);
        assert.equal(await isActive(tenant, { sid: SESSION }), !revokes);
        assert.equal(await isActive(tenant, { sid: "another" }), revokes !== "user");
        assert.equal(await isActive(tenant, { sub: ADMINISTRATOR }), true);
        assert.equal(await isActive(tenant, { iat: issued + 61 }), true);
      });
    }
  }

  test("the block stays revoked when the block is lifted", async () => {
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

// Last, because from here on the worker is another.
describe("EVENTS", () => {
  test("leaves out what it does not name, the default included", async () => {
    await byDefault.reconfigure({ EVENTS: "email_changed" });
    const tenant = new Tenant(byDefault);
    assert.deepEqual(await tenant.publish(slo()), NOTHING);
    assert.deepEqual(await tenant.publish(sapi()), NOTHING);
    const record = sce();
    await tenant.publish(record);
    const kept = await tenant.events();
    assert.deepEqual(
      kept.map(({ id }) => id),
      [record.log_id],
    );
  });

  test("with a name that is none is a 500 that tells it, and those that there are", async () => {
    await byDefault.reconfigure({ EVENTS: "logout, user_delted" });
    const tenant = new Tenant(byDefault);
    for (const response of [await tenant.post("[]"), await tenant.get("/api/events")]) {
      const { error_description: text } = await assertError(response, 500, "misconfigured");
      assert.match(text, /\bEVENTS names "user_delted"/);
      for (const type of TYPES) assert.match(text, new RegExp(`\\b${type}\\b`));
    }
  });
});
