// What React does with the provider and the hook where there is no browser.
import assert from "node:assert/strict";
import { test } from "node:test";

import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { endsSession, SessionEventsProvider, useSessionEvents } from "session-events/react";

const Status = () => createElement("output", null, useSessionEvents(() => {}).state);

test("on a server, the provider renders at rest and touches nothing", async () => {
  const touched = () => assert.fail("a server has nothing to connect for");
  const provider = createElement(
    SessionEventsProvider,
    {
      url: "http://127.0.0.1:9/",
      tenant: "acme@us",
      session: { sub: "auth0|jane", iat: 1 },
      getToken: touched,
      onSessionEnd: touched,
      WebSocket: touched,
    },
    createElement(Status),
  );
  assert.equal(renderToString(provider), "<output>disconnected</output>");
  await new Promise(setImmediate);
});

test("the hook tells what is missing when there is no provider around it", () => {
  assert.throws(() => renderToString(createElement(Status)), {
    message: "useSessionEvents must be called inside a SessionEventsProvider",
  });
});

test("a revoked refresh token ends the session that it was of until then, and no other", () => {
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
  // Whoever has signed in to the application again since may be in the same session of Auth0's.
  assert.equal(endsSession(revoked({ date: "2023-11-14T22:13:19.999Z" }), session), false);
  assert.equal(endsSession(revoked({ session_id: undefined, revokes: "user" }), session), true);
  assert.equal(endsSession(revoked({ revokes: undefined }), session), false);
});
