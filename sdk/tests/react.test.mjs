// Provider and hook outside of a browser.
import assert from "node:assert/strict";
import { test } from "node:test";

import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { endsSession, SessionEventsProvider, useSessionEvents } from "session-events/react";

const Status = () => createElement("output", null, useSessionEvents(() => {}).state);

test("on a server, the provider renders as disconnected and has no side effects", async () => {
  const unexpectedCall = () => assert.fail("called during server-side rendering");
  const provider = createElement(
    SessionEventsProvider,
    {
      url: "http://127.0.0.1:9/",
      tenant: "acme@us",
      session: { sub: "auth0|jane", iat: 1 },
      getToken: unexpectedCall,
      onSessionEnd: unexpectedCall,
      WebSocket: unexpectedCall,
    },
    createElement(Status),
  );
  assert.equal(renderToString(provider), "<output>disconnected</output>");
  await new Promise(setImmediate);
});

test("on a server, an invalid option or a missing WebSocket does not fail the rendering", (t) => {
  // Node 20 has none.
  const { WebSocket } = globalThis;
  delete globalThis.WebSocket;
  t.after(() => (globalThis.WebSocket = WebSocket));
  for (const tenant of ["acme@us", "Acme"]) {
    const props = { url: "https://events.example.com", tenant, session: null, getToken: () => "" };
    const provider = createElement(SessionEventsProvider, props, createElement(Status));
    assert.equal(renderToString(provider), "<output>disconnected</output>");
  }
});

test("the hook reports a missing provider", () => {
  assert.throws(() => renderToString(createElement(Status)), {
    message: "useSessionEvents must be called inside a SessionEventsProvider",
  });
});

test("a revoked refresh token ends only its own session, and only if that started earlier", () => {
  const session = { sub: "auth0|jane", iat: 1_700_000_000, sid: "s1" };
  const revoked = (changes) => ({
    id: "1",
    type: "refresh_token_revoked",
    date: "2026-11-24T12:00:00.000Z",
    user_id: "auth0|jane",
    session_id: "s1",
    revokes: "session",
    ...changes,
  });
  assert.equal(endsSession(revoked(), session), true);
  assert.equal(endsSession(revoked({ session_id: "s2" }), session), false);
  // After a new login to the application, the Auth0 session may still be the same one.
  assert.equal(endsSession(revoked({ date: "2023-11-14T22:13:19.999Z" }), session), false);
  assert.equal(endsSession(revoked({ session_id: undefined, revokes: "user" }), session), true);
  assert.equal(endsSession(revoked({ revokes: undefined }), session), false);
});
