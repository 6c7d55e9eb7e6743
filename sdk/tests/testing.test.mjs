// The fakes for unit tests of applications.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { SessionEvents, SessionEventsError } from "session-events";
import { FakeRevocations, FakeSessionEvents } from "session-events/testing";

import { EVENT_TYPES } from "../../tests/support/event_types.mjs";
import { LOG_RECORD_CASES } from "../../tests/support/log_record_cases.mjs";
import { authenticated, event, startScriptedServer } from "../../tests/support/scripted_server.mjs";
import { now } from "../../tests/support/token.mjs";
import { startClient } from "./support/recorded_client.mjs";

const NAMES = ["connecting", "connected", "caughtUp", "event", "disconnected", "error"];

/** Records the names of the events that a client emits, with the state at that time. */
function record(client) {
  const log = [];
  for (const name of NAMES) client.on(name, () => log.push(`${name}: ${client.state}`));
  return log;
}

/**
 * Returns the values of `revokes` that the server sends for a type, for events with or without a
 * session. If it never sends the type with a session, those without one count.
 */
function sentRevokes(type, hasSession) {
  const sent = LOG_RECORD_CASES.flatMap(({ expect }) => expect).filter(
    (event) => event.type === type,
  );
  const matching = sent.filter(({ session_id }) => (session_id !== undefined) === hasSession);
  return (matching.length > 0 ? matching : sent).map(({ revokes }) => revokes);
}

describe("the fake client", () => {
  test("emits the same events in the same states as a client", async () => {
    const server = await startScriptedServer(({ send, lastEventId }) => {
      send(authenticated(lastEventId ? { recovered: true } : {}));
      if (!lastEventId) send(event("1"));
    });
    const { client, waitForEvent } = startClient({
      url: server.url,
      tenant: "acme",
      getToken: () => "token",
    });
    const log = record(client);
    await waitForEvent("event");
    await waitForEvent("caughtUp");
    for (const socket of server.sockets) socket.terminate();
    await waitForEvent("caughtUp", 2);
    client.close();

    const fake = new FakeSessionEvents();
    const fakeLog = record(fake);
    fake.connect();
    fake.connect();
    fake.deliver({ user_id: "auth0|jane" });
    fake.disconnect();
    fake.reconnect();
    fake.close();
    fake.close();
    // The recording of the client starts after its first attempt, which is the same as the second.
    const withoutEvent = (entries) => entries.filter((entry) => !entry.startsWith("event"));
    assert.deepEqual(withoutEvent(fakeLog), ["connecting: connecting", ...withoutEvent(log)]);
  });

  test("delivers events with the members that a test leaves out", () => {
    const fake = new FakeSessionEvents();
    const events = [];
    fake.on("event", (event) => events.push(event));
    fake.deliver({ user_id: "auth0|jane" });
    const given = fake.deliver({
      id: "7",
      type: "refresh_token_revoked",
      user_id: "auth0|joe",
      session_id: "s1",
      date: "2026-01-01T00:00:00.000Z",
    });
    assert.deepEqual(
      events.map(({ id, type, revokes }) => [id, type, revokes]),
      [
        ["event-1", "logout", "user"],
        ["7", "refresh_token_revoked", "session"],
      ],
    );
    assert.equal(events[1], given);
    for (const [type, session_id, revokes] of [
      ["logout", "s1", "session"],
      ["password_changed", "s1", "user"],
      ["user_blocked", undefined, "user"],
      ["refresh_token_revoked", undefined, undefined],
      ["user_unblocked", "s1", undefined],
    ]) {
      const event = fake.deliver({ user_id: "auth0|jane", type, session_id });
      assert.equal(event.revokes, revokes, type);
      assert.equal("revokes" in event, revokes !== undefined);
    }
    assert.ok(Math.abs(Date.parse(events[0].date) - Date.now()) < 10_000);
    assert.equal(fake.lastEventId, events.at(-1).id);
  });

  test("delivers each type of event with a revokes that the server sends for it", () => {
    const fake = new FakeSessionEvents();
    for (const type of EVENT_TYPES)
      for (const session_id of [undefined, "s1"]) {
        const { revokes } = fake.deliver({ user_id: "auth0|jane", type, session_id });
        const sent = sentRevokes(type, session_id !== undefined);
        assert.ok(sent.includes(revokes), `${type} ${session_id}: ${revokes} is not in ${sent}`);
      }
  });

  test("simulates errors, gaps and a client that the server stops", () => {
    const fake = new FakeSessionEvents();
    const log = [];
    for (const name of NAMES)
      fake.on(name, (value) => log.push([name, value.recovered ?? value.code]));
    fake.connect();
    fake.disconnect(1012);
    fake.reconnect({ recovered: false });
    fake.emit("error", new SessionEventsError("token_unavailable", "no token"));
    assert.deepEqual(log, [
      ["connecting", 0],
      ["connected", undefined],
      ["caughtUp", undefined],
      ["connecting", 1012],
      ["connected", false],
      ["caughtUp", false],
      ["error", "token_unavailable"],
    ]);
  });

  test("has all public members of the client", () => {
    const members = (prototype) => Reflect.ownKeys(prototype);
    const fake = [FakeSessionEvents.prototype, Object.getPrototypeOf(FakeSessionEvents.prototype)];
    const missing = members(SessionEvents.prototype).filter(
      (name) => !fake.flatMap(members).includes(name),
    );
    assert.deepEqual(missing, []);
  });
});

describe("the fake revocations", () => {
  const codeOf = (revocations, claims) => {
    try {
      revocations.check(claims);
      return "passed";
    } catch (error) {
      return error.code;
    }
  };

  test("reject tokens that were revoked, by the rule of the real ones", async () => {
    const revocations = new FakeRevocations();
    await revocations.ready;
    assert.equal(revocations.connected, true);
    const token = { sub: "auth0|jane", iat: now() - 60, sid: "s1" };
    assert.equal(codeOf(revocations, token), "passed");
    revocations.revoke({ user_id: "auth0|jane", session_id: "s2" });
    assert.equal(codeOf(revocations, token), "passed");
    assert.equal(codeOf(revocations, { ...token, sid: undefined }), "invalid_token");
    revocations.revoke({ user_id: "auth0|jane" });
    assert.equal(codeOf(revocations, token), "invalid_token");
    assert.equal(codeOf(revocations, { ...token, iat: now() + 60 }), "passed");
    assert.equal(codeOf(revocations, undefined), "missing_claims");
  });

  test("simulate an outage", () => {
    const token = { sub: "auth0|jane", iat: now() };
    for (const [whileDisconnected, code] of [
      [undefined, "temporarily_unavailable"],
      ["refuse", "temporarily_unavailable"],
      ["pass", "passed"],
    ]) {
      const revocations = new FakeRevocations({ whileDisconnected });
      revocations.connection.disconnect();
      assert.equal(codeOf(revocations, token), code);
      revocations.connection.reconnect();
      assert.equal(codeOf(revocations, token), "passed");
      revocations.close();
      assert.equal(codeOf(revocations, token), code);
    }
  });

  test("read the session of a token as the real ones do", () => {
    const revocations = new FakeRevocations({ sessionId: (claims) => claims["urn:sid"] });
    revocations.revoke({ user_id: "auth0|jane", session_id: "s1" });
    const token = { sub: "auth0|jane", iat: now() - 60 };
    assert.equal(codeOf(revocations, { ...token, "urn:sid": "s1" }), "invalid_token");
    assert.equal(codeOf(revocations, { ...token, "urn:sid": "s2", sid: "s1" }), "passed");
  });
});
