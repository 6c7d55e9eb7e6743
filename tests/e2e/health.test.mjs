// Whether a tenant's object can work: anybody may ask, a monitor above all.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { assertError } from "../support/http.mjs";
import { keySetResponses } from "../support/issuer.mjs";
import { slo } from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { startWorker } from "../support/worker.mjs";

const BROKEN = "broken.us.auth0.com";

const worker = await startWorker({
  expectedErrors: [new RegExp(`"tenant":"${BROKEN}"`)],
  vars: { ISSUERS: '{"custom@us":[{"issuer":"https://login.example.com/"}]}' },
  // The storage of one object answers nothing.
  runtime: `(state) => {
    const exec = () => { throw new Error("disk I/O error: /secret/place"); };
    const sql = override(state.storage.sql, { exec });
    const storage = override(state.storage, { sql });
    return state.id.name === "${BROKEN}" ? override(state, { storage }) : state;
  }`,
});

async function health(tenant) {
  const response = await tenant.fetch("/api/health");
  assert.equal(response.status, 200);
  return response.json();
}

describe("the health of a tenant", { concurrency: true }, () => {
  test("tells that storage answers, and of a key set that it was not needed yet", async () => {
    const tenant = new Tenant(worker);
    assert.deepEqual(await health(tenant), {
      storage: "ok",
      key_sets: [{ jwks_uri: tenant.issuer.jwksUri, fetched_at: null }],
    });
    assert.equal(tenant.issuer.fetches, 0, "to ask fetches nothing");
  });

  test("tells when the key set was fetched, through a hibernation too", async () => {
    const tenant = new Tenant(worker);
    const before = Date.now();
    await tenant.subscribe();
    for (let round = 0; round < 2; round += 1) {
      const [{ fetched_at: fetched }] = (await health(tenant)).key_sets;
      assert.ok(Date.parse(fetched) >= before && Date.parse(fetched) <= Date.now(), fetched);
      await tenant.hub.evict();
    }
  });

  test("tells when it could not be fetched anew", async () => {
    const tenant = new Tenant(worker);
    await tenant.subscribe();
    const [{ failed_at: none }] = (await health(tenant)).key_sets;
    assert.equal(none, undefined);
    tenant.issuer.behaviour = keySetResponses.unreachable;
    const before = Date.now();
    const listener = await tenant.connect();
    await listener.authenticate(tenant.token({}, { kid: "rotated" }));
    const [{ fetched_at: fetched, failed_at: failed }] = (await health(tenant)).key_sets;
    assert.ok(Date.parse(fetched) <= before && Date.parse(failed) >= before, failed);
  });

  test("tells of each of its issuers", async () => {
    const { key_sets: sets } = await (await worker.fetch("/custom@us/api/health")).json();
    assert.deepEqual(
      sets.map(({ jwks_uri: uri }) => uri),
      [
        "https://custom.us.auth0.com/.well-known/jwks.json",
        "https://login.example.com/.well-known/jwks.json",
      ],
    );
  });
});

describe("a tenant whose storage does not answer", { concurrency: true }, () => {
  const tenant = new Tenant(worker, { name: "broken" });

  test("is told to be ill", async () => {
    const response = await tenant.fetch("/api/health");
    assert.equal(response.headers.get("retry-after"), "5");
    await assertError(response, 503, "storage_unavailable");
  });

  test("has a request that fails told by an id under which the log has the cause", async () => {
    const response = await tenant.post(JSON.stringify([slo()]));
    await assertError(response, 500, "internal_error");
    const id = response.headers.get("x-request-id");
    const lines = worker.logs().filter(({ message }) => message.includes(id));
    assert.ok(
      lines.some(({ message }) => message.includes("disk I/O error")),
      JSON.stringify(lines),
    );
  });

  test("closes a socket that it cannot serve, and has it come back later", async () => {
    const listener = await tenant.connect();
    listener.send({ type: "authenticate", access_token: tenant.token() });
    assert.equal((await listener.closedWith(1011)).reason, "internal_error");
  });

  test("takes no other tenant along", async () => {
    const other = new Tenant(worker);
    const listener = await other.subscribe();
    await tenant.post(JSON.stringify([slo()]));
    await other.publish(slo());
    assert.equal((await listener.next()).type, "logout");
  });
});
