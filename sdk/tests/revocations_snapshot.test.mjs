// Knowing who was revoked long ago, or during an outage: the snapshot, beside the events.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { startFaultyProxy } from "../../tests/support/faulty_proxy.mjs";
import { login, scp, slo } from "../../tests/support/records.mjs";
import { Tenant } from "../../tests/support/tenant.mjs";
import { now } from "../../tests/support/token.mjs";
import { waitFor } from "../../tests/support/wait_for.mjs";
import { startWorker } from "../../tests/support/worker.mjs";
import { followRevocations } from "./support/follow_revocations.mjs";
import { startFront } from "./support/front.mjs";

const worker = await startWorker();

const date = () => new Date().toISOString();
const usersOf = (count, name = "user") =>
  Array.from({ length: count }, (_, index) => `auth0|${name}-${index}`);
const revoke = (tenant, users) =>
  tenant.publish(...users.map((user_id) => scp({ user_id, date: date() })));

/** Follows a tenant over a network that can be cut, and a front that answers for the pages. */
async function start({ tenant = new Tenant(worker), behind, answer, ...options } = {}) {
  const front = await startFront(behind ?? tenant.worker.url, answer);
  const proxy = await startFaultyProxy(front.url);
  const getToken = () => tenant.token();
  const followed = followRevocations({ url: proxy.url, tenant: tenant.slug, getToken, ...options });
  return { tenant, front, proxy, ...followed };
}

/** A promise, with what resolves it. */
const gate = () => Promise.withResolvers();

describe("the snapshot", { concurrency: true }, () => {
  test("tells of everybody who was revoked before the start, not just of the last 100", async () => {
    const tenant = new Tenant(worker);
    const users = usersOf(150);
    await revoke(tenant, users);
    const { revocations, codeOf, passing, errors } = await start({ tenant });
    await revocations.ready;
    assert.deepEqual(passing(users), []);
    assert.equal(codeOf({ sub: "auth0|another", iat: now() - 600 }), "passed");
    assert.equal(codeOf({ sub: users[0], iat: now() + 60 }), "passed", "a later session");
    assert.deepEqual(errors, []);
  });

  test("takes all pages", async () => {
    const tenant = new Tenant(worker);
    const users = usersOf(2_001);
    await revoke(tenant, users);
    const { revocations, front, passing } = await start({ tenant });
    await revocations.ready;
    assert.deepEqual(passing(users), []);
    assert.equal(front.pages.length, 3);
    assert.equal(front.pages[0].after, null);
    assert.equal(new Set(front.pages.map(({ after }) => after)).size, 3);
  });

  test("tells of single sessions as such", async () => {
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

  test("loses nothing that is published while it is taken", async () => {
    const [taken, held] = [gate(), gate()];
    const { tenant, revocations, passing, codeOf } = await start({
      answer: async ({ passOn }) => {
        const page = await passOn();
        taken.resolve();
        await held.promise;
        return page;
      },
    });
    await taken.promise;
    const users = usersOf(150);
    await revoke(tenant, users);
    await waitFor(() => passing(users).length === 0);
    assert.equal(revocations.connection.state, "connected");
    assert.equal(revocations.connected, false, "there is more to come");
    assert.equal(codeOf({ sub: "auth0|another", iat: now() }), "temporarily_unavailable");
    held.resolve();
    await revocations.ready;
    assert.deepEqual(passing(users), []);
    assert.equal(codeOf({ sub: "auth0|another", iat: now() }), "passed");
  });

  test("and the events leave no gap between them, whenever it is that one starts", async () => {
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
        const { revocations, passing } = await start({ tenant });
        await revocations.ready;
        assert.deepEqual(passing(before), [], "known when it was started");
        all.push(passing);
      }
    } finally {
      publishing = false;
      await publisher;
    }
    for (const passing of all) await waitFor(() => passing(published).length === 0);
  });

  test("makes up for an outage in which more happened than the server replays", async () => {
    const held = gate();
    const { tenant, proxy, front, revocations, codeOf, passing, codes } = await start({
      answer: ({ count }) => count > 1 && held.promise,
    });
    await revocations.ready;
    await revoke(tenant, ["auth0|one"]);
    await waitFor(() => revocations.connection.lastEventId);
    proxy.disconnect();
    await waitFor(() => !revocations.connected);
    const users = usersOf(150);
    await revoke(tenant, users);
    proxy.restore();
    await waitFor(() => front.pages.length === 2);
    assert.equal(revocations.connection.state, "connected");
    assert.equal(revocations.connected, false, "who else was revoked is not known yet");
    assert.equal(codeOf({ sub: users[0], iat: now() - 600 }), "temporarily_unavailable");
    held.resolve();
    await waitFor(() => revocations.connected);
    assert.deepEqual(passing(users), []);
    assert.ok(!codes().includes("events_missed"));
  });

  test("makes up for such an outage before the tenant's first event, too", async () => {
    const { tenant, proxy, revocations, passing } = await start();
    await revocations.ready;
    proxy.disconnect();
    await waitFor(() => !revocations.connected);
    const users = usersOf(150);
    await revoke(tenant, users);
    proxy.restore();
    await waitFor(() => revocations.connected);
    assert.deepEqual(passing(users), []);
  });

  test("is not taken again when the server replays all that was missed", async () => {
    const { tenant, proxy, front, revocations, passing } = await start();
    await revocations.ready;
    await revoke(tenant, ["auth0|one"]);
    await waitFor(() => revocations.connection.lastEventId);
    proxy.disconnect();
    await waitFor(() => !revocations.connected);
    await revoke(tenant, ["auth0|two"]);
    proxy.restore();
    await waitFor(() => revocations.connected);
    assert.deepEqual(passing(["auth0|one", "auth0|two"]), []);
    assert.equal(front.pages.length, 1);
  });

  test("that comes when the connection is lost counts for nothing, and is taken anew", async () => {
    const tenant = new Tenant(worker);
    const users = usersOf(150);
    await revoke(tenant, users);
    const proxy = await startFaultyProxy(worker.url);
    const page = { revocations: [], last_event_id: null };
    const held = gate();
    const { front, revocations, passing } = await start({
      tenant,
      behind: proxy.url,
      answer: ({ count }) => count === 1 && held.promise,
    });
    await waitFor(() => front.pages.length === 1);
    proxy.disconnect();
    await waitFor(() => revocations.connection.state === "connecting");
    held.resolve({ status: 200, body: page });
    await waitFor(() => front.pages[0].over);
    proxy.restore();
    await revocations.ready;
    assert.deepEqual(passing(users), []);
    assert.equal(front.pages.length, 2);
  });
});

describe("other events", () => {
  test("revoke if they say so, heard of by the snapshot or live", async () => {
    const EVENTS = "logout,password_changed,user_blocked,user_deleted,email_changed";
    const tenant = new Tenant(await startWorker({ vars: { EVENTS } }));
    const record = (type, user_id) =>
      login({ type, user_id, date: date(), details: {}, tenant_name: tenant.name });
    const publish = (name) =>
      tenant.publish(
        record("sce", `auth0|changed-${name}`),
        record("sdu", `auth0|deleted-${name}`),
      );
    const codesOf = ({ codeOf }, name) =>
      ["changed", "deleted"].map((what) =>
        codeOf({ sub: `auth0|${what}-${name}`, iat: now() - 600 }),
      );

    await publish("before");
    await revoke(tenant, usersOf(100));
    const followed = await start({ tenant });
    await followed.revocations.ready;
    assert.deepEqual(codesOf(followed, "before"), ["passed", "invalid_token"]);
    await publish("after");
    await waitFor(() => codesOf(followed, "after")[1] === "invalid_token");
    assert.deepEqual(codesOf(followed, "after"), ["passed", "invalid_token"]);
  });
});
