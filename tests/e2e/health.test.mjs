// The health endpoint of a tenant. Monitors call it without an access token; only a client that may
// listen to all users sees the details.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { assertError } from "../support/http.mjs";
import { keySetResponses } from "../support/issuer.mjs";
import { slo } from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { now } from "../support/token.mjs";
import { startWorker, tenantsWith } from "../support/worker.mjs";

const BROKEN = "broken.us.auth0.com";

const worker = await startWorker({
  expectedErrors: [new RegExp(`"tenant":"${BROKEN}"`)],
  vars: { TENANTS: tenantsWith({ "custom@us": ["https://login.example.com/"], "broken@us": [] }) },
  // Every SQL statement of one tenant object fails.
  runtime: `(state) => {
    const exec = () => { throw new Error("disk I/O error: /secret/path"); };
    const sql = override(state.storage.sql, { exec });
    const storage = override(state.storage, { sql });
    return state.id.name === "${BROKEN}" ? override(state, { storage }) : state;
  }`,
});

/** Returns the health for a request with a token, by default one that may listen to all users. */
async function health(tenant, token = tenant.token()) {
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  const response = await tenant.fetch("/api/health", { headers });
  assert.equal(response.status, 200);
  return response.json();
}

describe("the health endpoint", { concurrency: true }, () => {
  test("reports working storage, and nothing else to a client without a token", async () => {
    const tenant = new Tenant(worker);
    assert.deepEqual(await health(tenant, null), { storage: "ok" });
    assert.equal(tenant.issuer.fetches, 0, "a health request does not fetch the key set");
  });

  test("shows no details to a client that may listen to its own events only", async () => {
    const tenant = new Tenant(worker);
    for (const scope of ["listen:events:self", "listen:events listen:events:self", "read:orders"])
      assert.deepEqual(await health(tenant, tenant.token({ scope })), { storage: "ok" }, scope);
  });

  test("rejects an invalid token", async () => {
    const tenant = new Tenant(worker);
    const expired = tenant.token({ exp: now() - 1 });
    await assertError(await tenant.get("/api/health", expired), 401, "invalid_token");
  });

  test("reports the time of the last fetch of the key set, also after hibernation", async () => {
    const tenant = new Tenant(worker);
    const before = Date.now();
    await tenant.subscribe();
    for (let round = 0; round < 2; round += 1) {
      const [{ fetched_at: fetched }] = (await health(tenant)).key_sets;
      assert.ok(Date.parse(fetched) >= before && Date.parse(fetched) <= Date.now(), fetched);
      await tenant.object.evict();
    }
  });

  test("reports the time of a failed refresh of the key set", async () => {
    const tenant = new Tenant(worker);
    await tenant.subscribe();
    const [{ failed_at: earlier }] = (await health(tenant)).key_sets;
    assert.equal(earlier, undefined);
    tenant.issuer.behaviour = keySetResponses.unreachable;
    const before = Date.now();
    const subscriber = await tenant.connect();
    await subscriber.authenticate(tenant.token({}, { kid: "rotated" }));
    const [{ fetched_at: fetched, failed_at: failed }] = (await health(tenant)).key_sets;
    assert.ok(Date.parse(fetched) <= before && Date.parse(failed) >= before, failed);
  });

  test("reports the key set of each issuer of the tenant", async () => {
    const { key_sets: sets } = await health(new Tenant(worker, { name: "custom" }));
    assert.deepEqual(
      sets.map(({ jwks_uri: uri }) => uri),
      [
        "https://custom.us.auth0.com/.well-known/jwks.json",
        "https://login.example.com/.well-known/jwks.json",
      ],
    );
  });
});

describe("a tenant with failing storage", { concurrency: true }, () => {
  const tenant = new Tenant(worker, { name: "broken" });

  test("is reported as unhealthy with 503 storage_unavailable", async () => {
    const response = await tenant.fetch("/api/health");
    assert.equal(response.headers.get("retry-after"), "5");
    await assertError(response, 503, "storage_unavailable");
  });

  test("returns a request id under which the log records the cause of a failed request", async () => {
    const response = await tenant.post(JSON.stringify([slo()]));
    await assertError(response, 500, "internal_error");
    const id = response.headers.get("x-request-id");
    const lines = worker.logs().filter(({ message }) => message.includes(id));
    assert.ok(
      lines.some(({ message }) => message.includes("disk I/O error")),
      JSON.stringify(lines),
    );
  });

  test("closes a socket that it cannot serve with 1011, so that the client reconnects later", async () => {
    const subscriber = await tenant.connect();
    subscriber.send({ type: "authenticate", access_token: tenant.token() });
    assert.equal((await subscriber.closedWith(1011)).reason, "internal_error");
  });

  test("does not affect another tenant", async () => {
    const other = new Tenant(worker);
    const subscriber = await other.subscribe();
    await tenant.post(JSON.stringify([slo()]));
    await other.publish(slo());
    assert.equal((await subscriber.next()).type, "logout");
  });
});
