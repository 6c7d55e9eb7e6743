// The one rule that decides whether a token is revoked, applied by introspection. The cases are data:
// the tests of the SDK apply the same ones.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";

import { ROOT } from "../support/built_worker.mjs";
import {
  managementOperation,
  newLogId,
  sapi,
  scp,
  slo,
  srrt,
  gdUnenroll,
} from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { startWorker } from "../support/worker.mjs";

const EVENTS =
  "logout,password_changed,user_blocked,user_unblocked,session_revoked,refresh_token_revoked,mfa_changed";
const worker = await startWorker({ vars: { EVENTS } });

const CASES = JSON.parse(readFileSync(join(ROOT, "tests/cases/revocation_rule.json"), "utf8"));

/** The cases have fixed dates. They are shifted, so that the tokens are valid and no event expires. */
const SHIFT = Math.floor(Date.now() / 1000) - 3_600 - Date.parse("2026-01-10T12:00:00Z") / 1000;
const shifted = (date) => new Date(Date.parse(date) + SHIFT * 1000).toISOString();

/** Returns a log record that makes an event. */
function recordOf({ id, type, user_id, session_id, revokes, ...event }) {
  const data = { user_id, date: shifted(event.date) };
  const details = session_id === undefined ? {} : { session_id };
  const user = `users/${encodeURIComponent(user_id)}`;
  const body = { user_id };
  switch (type) {
    case "logout":
      return slo({ ...data, details }, id);
    case "password_changed":
      return scp(data, id);
    case "refresh_token_revoked":
      if (revokes === "user") return operation("delete", `${user}/refresh-tokens`);
      return revokes === "session"
        ? srrt({ ...data, details }, id)
        : srrt({ ...data, details: {} }, id);
    case "session_revoked":
      if (revokes === "user") return operation("delete", `${user}/sessions`);
      return operation("delete", `sessions/${session_id}`);
    case "user_blocked":
    case "user_unblocked": {
      const blocked = type === "user_blocked";
      const request = { path: `/api/v2/${user}`, body: { blocked } };
      return sapi({ ...data, request, response: { body: { ...body, blocked } } }, id);
    }
    case "mfa_changed":
      return gdUnenroll(data, id);
    default:
      assert.fail(`the test has no record for ${type}`);
  }

  function operation(method, path) {
    return { ...managementOperation(method, path, { ...data, response: body }), log_id: id };
  }
}

describe("a token", { concurrency: 4 }, () => {
  for (const { name, events, claims, revoked } of CASES) {
    test(name, async () => {
      const tenant = new Tenant(worker);
      const ids = new Map(events.map(({ id }) => [id, newLogId()]));
      for (const event of events) {
        const record = recordOf({ ...event, id: ids.get(event.id) });
        const { events: made, duplicates } = await tenant.publish(record);
        assert.equal(made + duplicates, 1, "the record makes an event");
      }
      const { iat } = claims;
      const token = tenant.token({
        ...claims,
        iat: typeof iat === "number" ? iat + SHIFT : iat,
        exp: Math.floor(Date.now() / 1000) + 3_600,
        aud: "https://api.example.com",
      });
      const response = await tenant.fetch("/api/introspect", {
        method: "POST",
        headers: { authorization: `Bearer ${tenant.token()}` },
        body: new URLSearchParams({ token }),
      });
      assert.equal(response.status, 200);
      const { active } = await response.json();
      assert.equal(active, !revoked);
    });
  }
});
