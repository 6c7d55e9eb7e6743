// The monitor of a session, with Node's locks and channels instead of a browser's. For tests in real
// tabs see browser/react.test.mjs and browser/vue.test.mjs.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";

import { endsSession, SessionMonitor, SharedSessionEvents } from "session-events/browser";

import { eventOf, scp, slo } from "../../tests/support/records.mjs";
import { Tenant } from "../../tests/support/tenant.mjs";
import { now } from "../../tests/support/token.mjs";
import { waitFor } from "../../tests/support/wait_for.mjs";
import { startWorker } from "../../tests/support/worker.mjs";

const worker = await startWorker();

const JANE = "auth0|jane";
const date = (secondsAgo = 0) => new Date((now() - secondsAgo) * 1000).toISOString();
/** A logout of a session, by default one of Jane's. */
const logout = (session_id, changes) =>
  slo({ user_id: JANE, date: date(), details: { session_id }, ...changes });
const idsOf = (...records) => records.map((record) => eventOf(record).id);
/** The claims of a session that Jane started a minute ago. */
const claims = (changes) => ({ sub: JANE, iat: now() - 60, sid: "s1", ...changes });

/** Creates a monitor that records what it reports. Its token belongs to the user of the claims. */
function createMonitor(options) {
  const tenant = new Tenant(worker);
  let sub;
  const monitor = new SessionMonitor({
    url: worker.url,
    tenant: tenant.slug,
    getToken: () => tenant.token({ sub, scope: "listen:events:self" }),
    minReconnectDelay: 10,
    maxReconnectDelay: 50,
    ...options,
  });
  after(() => monitor.close());
  const recorded = { events: [], ends: [], states: [], errors: [], gaps: 0 };
  monitor.on("event", ({ id }) => recorded.events.push(id));
  monitor.on("sessionEnd", (end) => recorded.ends.push(end.id ?? end.reason));
  monitor.on("state", (state) => recorded.states.push(state));
  monitor.on("error", ({ code }) => recorded.errors.push(code));
  monitor.on("gap", () => (recorded.gaps += 1));
  return {
    tenant,
    monitor,
    recorded,
    setSession(claims) {
      sub = claims?.sub;
      monitor.setSession(claims);
    },
    waitUntilConnected: () => waitFor(() => monitor.state === "connected"),
    async assertEvents(...records) {
      await waitFor(
        () => recorded.events.length >= records.length,
        () => `waited for ${records.length} events, and got ${recorded.events.length}`,
      );
      assert.deepEqual(recorded.events, idsOf(...records));
    },
  };
}

describe("a session monitor", { concurrency: true }, () => {
  test("connects when a user signs in and disconnects when the user signs out", async () => {
    const { tenant, monitor, recorded, setSession, waitUntilConnected } = createMonitor();
    for (const nobody of [undefined, null, {}, { sub: "" }, { sub: 7 }]) setSession(nobody);
    assert.equal(monitor.state, "disconnected");
    setSession(claims());
    await waitUntilConnected();
    setSession(undefined);
    await waitFor(async () => (await tenant.listeners()).count === 0);
    assert.deepEqual(recorded.states, ["connecting", "connected", "disconnected"]);
  });

  test("reports the end of the session once, and the other events of the user", async () => {
    const { tenant, recorded, setSession, waitUntilConnected, assertEvents } = createMonitor();
    setSession(claims());
    await waitUntilConnected();
    const records = [logout("s2"), logout("s1"), scp({ user_id: JANE, date: date() })];
    await tenant.publish(...records);
    await assertEvents(...records);
    assert.deepEqual(recorded.ends, idsOf(records[1]));
  });

  test("reports no event and no end twice after a moment without claims", async () => {
    const { tenant, recorded, setSession, waitUntilConnected, assertEvents } = createMonitor();
    setSession(claims());
    await waitUntilConnected();
    const [end, during, later] = [logout("s1"), logout("s2"), logout("s3")];
    await tenant.publish(end);
    await assertEvents(end);
    setSession(undefined);
    await tenant.publish(during);
    setSession(claims());
    await assertEvents(end, during);
    await tenant.publish(later);
    await assertEvents(end, during, later);
    assert.deepEqual(recorded.ends, idsOf(end));
  });

  test("reports no event twice when the page switches between two accounts", async () => {
    const { tenant, recorded, setSession, waitUntilConnected, assertEvents } = createMonitor();
    const joe = claims({ sub: "auth0|joe", sid: "j1" });
    const records = [logout("s1"), logout("j2", { user_id: joe.sub }), logout("s2")];
    setSession(claims());
    await waitUntilConnected();
    await tenant.publish(records[0]);
    await assertEvents(records[0]);
    setSession(joe);
    await tenant.publish(records[1]);
    await assertEvents(...records.slice(0, 2));
    setSession(claims());
    await tenant.publish(records[2]);
    await assertEvents(...records);
    assert.deepEqual(recorded.ends, idsOf(records[0]));
  });

  test("reports a gap if the server can no longer replay all events of the time without claims", async () => {
    const { tenant, recorded, setSession, waitUntilConnected, assertEvents } = createMonitor();
    setSession(claims());
    await waitUntilConnected();
    const known = logout("s2");
    await tenant.publish(known);
    await assertEvents(known);
    setSession(undefined);
    await tenant.publish(...Array.from({ length: 101 }, () => scp({ user_id: "auth0|joe" })));
    setSession(claims());
    await waitFor(() => recorded.gaps === 1);
    assert.deepEqual(recorded.events, idsOf(known));
  });

  test("remembers the start of the session over a moment without claims", async () => {
    const { tenant, recorded, setSession, assertEvents } = createMonitor();
    setSession(claims());
    setSession(undefined);
    setSession(claims({ iat: now() }));
    const record = scp({ user_id: JANE, date: date(30) });
    await tenant.publish(record);
    await assertEvents(record);
    assert.deepEqual(recorded.ends, idsOf(record));
  });

  test("reports the end of the next session of the same user", async () => {
    const { tenant, recorded, setSession, waitUntilConnected, assertEvents } = createMonitor();
    const records = [logout("s1"), logout("s9")];
    setSession(claims());
    await waitUntilConnected();
    await tenant.publish(records[0]);
    await assertEvents(records[0]);
    setSession(claims({ sid: "s9" }));
    await tenant.publish(records[1]);
    await assertEvents(...records);
    assert.deepEqual(recorded.ends, idsOf(...records));
  });

  for (const [description, nextSession, ...records] of [
    ["that ended", { sid: "s9" }, logout("s9")],
    ["that started before a password change", { sid: "s9" }, scp({ user_id: JANE, date: date() })],
  ])
    test(`reports the end of a session ${description} before its claims arrived`, async () => {
      const { tenant, recorded, setSession, waitUntilConnected, assertEvents } = createMonitor();
      setSession(claims());
      await waitUntilConnected();
      await tenant.publish(...records);
      await assertEvents(...records);
      recorded.ends.length = 0;
      setSession(claims(nextSession));
      setSession(claims(nextSession));
      assert.deepEqual(recorded.ends, idsOf(...records));
    });

  test("reports no end of a session that started after the user's password was changed", async () => {
    const { tenant, recorded, setSession, waitUntilConnected, assertEvents } = createMonitor();
    const record = scp({ user_id: JANE, date: date(30) });
    setSession(claims());
    await waitUntilConnected();
    await tenant.publish(record);
    await assertEvents(record);
    setSession(claims({ sid: "s9", iat: now() }));
    assert.deepEqual(recorded.ends, idsOf(record));
  });

  for (const code of ["login_required", "invalid_grant", "missing_refresh_token"])
    test(`reports an end with the reason ${code} once if nobody is signed in any more`, async () => {
      const failure = Object.assign(new Error("The issuer refused."), { error: code });
      const { monitor, recorded, setSession } = createMonitor({
        getToken: () => Promise.reject(failure),
      });
      const ends = [];
      monitor.on("sessionEnd", (end) => ends.push(end));
      const session = claims();
      setSession(session);
      await waitFor(() => ends.length > 0);
      const [{ type, reason, error }] = ends;
      assert.deepEqual([type, reason, error.cause], ["signed_out", code, failure]);
      await waitFor(() => monitor.state === "disconnected");
      // The application renders again, or forgets its user for a moment.
      for (const claims of [{ ...session }, undefined, session]) {
        setSession(claims);
        assert.equal(monitor.state, "disconnected");
      }
      assert.deepEqual(recorded.ends, [code]);
    });

  for (const [description, changes] of [
    ["to a new session", { sid: "s2", iat: now() }],
    ["to the same session at Auth0", { iat: now() }],
  ])
    test(`connects again if the user signs in again ${description} after the page had no token`, async () => {
      const next = claims(changes);
      let signedIn = false;
      const { tenant, monitor, recorded, setSession, assertEvents } = createMonitor({
        getToken() {
          if (signedIn) return tenant.token({ sub: JANE, scope: "listen:events:self" });
          throw Object.assign(new Error("Log in."), { error: "login_required" });
        },
      });
      setSession(claims());
      await waitFor(() => recorded.ends.length === 1);
      await waitFor(() => monitor.state === "disconnected");
      signedIn = true;
      setSession(next);
      const record = logout(next.sid);
      await tenant.publish(record);
      await assertEvents(record);
      assert.deepEqual(recorded.ends, ["login_required", ...idsOf(record)]);
    });

  test("connects again for the next session after the server refused the tokens of the previous one", async () => {
    let scope = "openid";
    const { tenant, monitor, recorded, setSession, waitUntilConnected } = createMonitor({
      getToken: () => tenant.token({ sub: JANE, scope }),
    });
    setSession(claims());
    await waitFor(() => recorded.errors.length > 0 && monitor.state === "disconnected");
    scope = "listen:events:self";
    setSession(claims({ sid: "s2" }));
    await waitUntilConnected();
    assert.deepEqual([recorded.errors, recorded.ends], [["insufficient_scope"], []]);
  });

  test("does not try refused tokens again until there are other claims", async () => {
    let scope = "openid";
    let requested = 0;
    const { tenant, monitor, setSession, waitUntilConnected } = createMonitor({
      getToken() {
        requested += 1;
        return tenant.token({ sub: JANE, scope });
      },
    });
    const session = claims();
    setSession(session);
    await waitFor(() => monitor.state === "disconnected");
    const before = requested;
    // The application renders again.
    setSession({ ...session });
    assert.equal(monitor.state, "disconnected");
    assert.equal(requested, before);
    scope = "listen:events:self";
    setSession({ ...session, iat: now() });
    await waitUntilConnected();
  });

  test("reports an end once if the session has ended and its tokens are refused", async () => {
    let refused = false;
    const { tenant, monitor, recorded, setSession, waitUntilConnected, assertEvents } =
      createMonitor({
        getToken() {
          if (!refused) return tenant.token({ sub: JANE, scope: "listen:events:self" });
          throw Object.assign(new Error("Log in."), { error: "invalid_grant" });
        },
      });
    setSession(claims());
    await waitUntilConnected();
    const record = logout("s1");
    await tenant.publish(record);
    await assertEvents(record);
    refused = true;
    setSession(undefined);
    setSession(claims());
    await waitFor(() => recorded.states.length > 3 && monitor.state === "disconnected");
    assert.deepEqual(recorded.ends, idsOf(record));
  });

  test("reports errors, and rejects invalid options", async () => {
    const { tenant, recorded, setSession } = createMonitor({
      getToken: () => tenant.token({ sub: "auth0|other", scope: "listen:events:self" }),
    });
    setSession(claims());
    await waitFor(() => recorded.errors.length > 0);
    assert.deepEqual(recorded.errors, ["wrong_user"]);
    const valid = { url: worker.url, tenant: "acme@us", getToken: () => "token" };
    for (const invalid of [{ tenant: "Acme" }, { url: "http://192.168.0.7" }, { getToken: 7 }])
      assert.throws(() => new SessionMonitor({ ...valid, ...invalid }), TypeError);
  });

  test("uses the options as they were when it validated them", () => {
    const options = { url: worker.url, tenant: "acme", getToken: () => new Promise(() => {}) };
    const monitor = new SessionMonitor(options);
    after(() => monitor.close());
    options.tenant = "Acme";
    monitor.setSession(claims());
    assert.equal(monitor.state, "connecting");
  });
});

test("session-events/browser also exports the shared connection and the rule", () => {
  assert.equal(typeof SharedSessionEvents, "function");
  const event = { id: "1", type: "logout", date: date(), user_id: JANE, session_id: "s1" };
  assert.equal(endsSession(event, claims()), true);
});
