// Snapshots for revocations from long ago or from an outage.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { startFaultyProxy } from "../../tests/support/faulty_proxy.mjs";
import { login, scp, slo } from "../../tests/support/records.mjs";
import { Tenant } from "../../tests/support/tenant.mjs";
import { now } from "../../tests/support/token.mjs";
import { waitFor } from "../../tests/support/wait_for.mjs";
import { startWorker } from "../../tests/support/worker.mjs";
import { startRevocations } from "./support/recorded_revocations.mjs";
import { startRevocationsProxy } from "./support/revocations_proxy.mjs";

const worker = await startWorker();

const date = () => new Date().toISOString();
const usersOf = (count, name = "user") =>
  Array.from({ length: count }, (_, index) => `auth0|${name}-${index}`);
const revoke = (tenant, users) =>
  tenant.publish(...users.map((user_id) => scp({ user_id, date: date() })));

/** Subscribes to a tenant through a proxy that can be cut and one that can replace pages. */
async function start({ tenant = new Tenant(worker), behind, respond, ...options } = {}) {
  const pageProxy = await startRevocationsProxy(behind ?? tenant.worker.url, respond);
  const proxy = await startFaultyProxy(pageProxy.url);
  const getToken = () => tenant.token();
  const started = startRevocations({ url: proxy.url, tenant: tenant.slug, getToken, ...options });
  return { tenant, pageProxy, proxy, ...started };
}

const gate = () => Promise.withResolvers();

describe("the snapshot", { concurrency: true }, () => {
  test("contains all revocations from before the start, not only the last 100", async () => {
    const tenant = new Tenant(worker);
    const users = usersOf(150);
    await revoke(tenant, users);
    const { revocations, codeOf, unrevoked, errors } = await start({ tenant });
    await revocations.ready;
    assert.deepEqual(unrevoked(users), []);
    assert.equal(codeOf({ sub: "auth0|another", iat: now() - 600 }), "passed");
    assert.equal(codeOf({ sub: users[0], iat: now() + 60 }), "passed", "a later session");
    assert.deepEqual(errors, []);
  });

  test("loads all pages", async () => {
    const tenant = new Tenant(worker);
    const users = usersOf(2_001);
    await revoke(tenant, users);
    const { revocations, pageProxy, unrevoked } = await start({ tenant });
    await revocations.ready;
    assert.deepEqual(unrevoked(users), []);
    assert.equal(pageProxy.pages.length, 3);
    assert.equal(pageProxy.pages[0].after, null);
    assert.equal(new Set(pageProxy.pages.map(({ after }) => after)).size, 3);
  });

  test("contains revocations of single sessions", async () => {
    const tenant = new Tenant(worker);
    const ended = slo({ user_id: "auth0|jane", date: date(), details: { session_id: "s1" } });
    await tenant.publish(ended);
    await revoke(tenant, usersOf(100));
    const { revocations, codeOf } = await start({ tenant });
    await revocations.ready;
    const jane = { sub: "auth0|jane", iat: now() - 600 };
    assert.equal(codeOf({ ...jane, sid: "s1" }), "invalid_token");
    assert.equal(codeOf({ ...jane, sid: "s2" }), "passed");
  });

  test("misses no revocation that is published while it is loaded", async () => {
    const [requested, held] = [gate(), gate()];
    const { tenant, revocations, unrevoked, codeOf } = await start({
      respond: async ({ forward }) => {
        const page = await forward();
        requested.resolve();
        await held.promise;
        return page;
      },
    });
    await requested.promise;
    const users = usersOf(150);
    await revoke(tenant, users);
    await waitFor(() => unrevoked(users).length === 0);
    assert.equal(revocations.connection.state, "connected");
    assert.equal(revocations.connected, false, "the snapshot is incomplete");
    assert.equal(codeOf({ sub: "auth0|another", iat: now() }), "temporarily_unavailable");
    held.resolve();
    await revocations.ready;
    assert.deepEqual(unrevoked(users), []);
    assert.equal(codeOf({ sub: "auth0|another", iat: now() }), "passed");
  });

  test("and the events leave no gap, at any time of the start", async () => {
    const tenant = new Tenant(worker);
    const published = [];
    let publishing = true;
    const publisher = (async () => {
      for (let round = 0; publishing; round += 1) {
        const users = usersOf(40, `round-${round}`);
        await revoke(tenant, users);
        published.push(...users);
      }
    })();
    const all = [];
    try {
      for (let round = 0; round < 5; round += 1) {
        const before = [...published];
        const { revocations, unrevoked } = await start({ tenant });
        await revocations.ready;
        assert.deepEqual(unrevoked(before), [], "revoked before the start");
        all.push(unrevoked);
      }
    } finally {
      publishing = false;
      await publisher;
    }
    for (const unrevoked of all) await waitFor(() => unrevoked(published).length === 0);
  });

  test("fills the gap after an outage with more events than the server replays", async () => {
    const held = gate();
    const { tenant, proxy, pageProxy, revocations, codeOf, unrevoked, codes } = await start({
      respond: ({ count }) => count > 1 && held.promise,
    });
    await revocations.ready;
    await revoke(tenant, ["auth0|one"]);
    await waitFor(() => revocations.connection.lastEventId);
    proxy.disconnect();
    await waitFor(() => !revocations.connected);
    const users = usersOf(150);
    await revoke(tenant, users);
    proxy.restore();
    await waitFor(() => pageProxy.pages.length === 2);
    assert.equal(revocations.connection.state, "connected");
    assert.equal(revocations.connected, false, "the snapshot is not loaded yet");
    assert.equal(codeOf({ sub: users[0], iat: now() - 600 }), "temporarily_unavailable");
    held.resolve();
    await waitFor(() => revocations.connected);
    assert.deepEqual(unrevoked(users), []);
    assert.ok(!codes().includes("events_missed"));
  });

  test("fills the gap after such an outage before the tenant's first event", async () => {
    const { tenant, proxy, revocations, unrevoked } = await start();
    await revocations.ready;
    proxy.disconnect();
    await waitFor(() => !revocations.connected);
    const users = usersOf(150);
    await revoke(tenant, users);
    proxy.restore();
    await waitFor(() => revocations.connected);
    assert.deepEqual(unrevoked(users), []);
  });

  test("is not loaded again if the server replays all missed events", async () => {
    const { tenant, proxy, pageProxy, revocations, unrevoked } = await start();
    await revocations.ready;
    await revoke(tenant, ["auth0|one"]);
    await waitFor(() => revocations.connection.lastEventId);
    proxy.disconnect();
    await waitFor(() => !revocations.connected);
    await revoke(tenant, ["auth0|two"]);
    proxy.restore();
    await waitFor(() => revocations.connected);
    assert.deepEqual(unrevoked(["auth0|one", "auth0|two"]), []);
    assert.equal(pageProxy.pages.length, 1);
  });

  test("is discarded and loaded again if the connection is lost in the meantime", async () => {
    const tenant = new Tenant(worker);
    const users = usersOf(150);
    await revoke(tenant, users);
    const proxy = await startFaultyProxy(worker.url);
    const page = { revocations: [], last_event_id: null };
    const held = gate();
    const { pageProxy, revocations, unrevoked } = await start({
      tenant,
      behind: proxy.url,
      respond: ({ count }) => count === 1 && held.promise,
    });
    await waitFor(() => pageProxy.pages.length === 1);
    proxy.disconnect();
    await waitFor(() => revocations.connection.state === "connecting");
    held.resolve({ status: 200, body: page });
    await waitFor(() => pageProxy.pages[0].closed);
    proxy.restore();
    await revocations.ready;
    assert.deepEqual(unrevoked(users), []);
    assert.equal(pageProxy.pages.length, 2);
  });
});

describe("other event types", () => {
  test("revoke if their revokes says so, in the snapshot and live", async () => {
    const EVENTS = "logout,password_changed,user_blocked,user_deleted,mfa_changed";
    const tenant = new Tenant(await startWorker({ vars: { EVENTS } }));
    const record = (type, user_id) =>
      login({ type, user_id, date: date(), details: {}, tenant_name: tenant.name });
    const publish = (name) =>
      tenant.publish(
        record("gd_unenroll", `auth0|changed-${name}`),
        record("sdu", `auth0|deleted-${name}`),
      );
    const codesOf = ({ codeOf }, name) =>
      ["changed", "deleted"].map((what) =>
        codeOf({ sub: `auth0|${what}-${name}`, iat: now() - 600 }),
      );

    await publish("before");
    await revoke(tenant, usersOf(100));
    const started = await start({ tenant });
    await started.revocations.ready;
    assert.deepEqual(codesOf(started, "before"), ["passed", "invalid_token"]);
    await publish("after");
    await waitFor(() => codesOf(started, "after")[1] === "invalid_token");
    assert.deepEqual(codesOf(started, "after"), ["passed", "invalid_token"]);
  });
});
