// What React does with the provider and the hook where there is no browser.
import assert from "node:assert/strict";
import { test } from "node:test";

import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { SessionEventsProvider, useSessionEvents } from "session-events/react";

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
