// The warnings of an application that sets no `onError`.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, describe, test } from "node:test";

import { clientCredentials, Revocations } from "session-events/revocation";

import { waitFor } from "../../tests/support/wait_for.mjs";

/** Subscribes with this `getToken`, and returns the first line that is written. */
async function firstWarning(context, getToken) {
  const { mock } = context.mock.method(console, "warn", () => {});
  const revocations = new Revocations({
    url: "http://127.0.0.1:9/",
    tenant: "acme",
    getToken,
    whileDisconnected: "refuse",
  });
  context.after(() => revocations.close());
  await waitFor(() => mock.calls.length > 0);
  return mock.calls[0].arguments;
}

describe("without onError, a warning has the message, which describes the causes", () => {
  test("such as a wrong audience", async (context) => {
    const server = createServer((_request, response) =>
      response
        .writeHead(403, { "content-type": "application/json" })
        .end(JSON.stringify({ error: "access_denied", error_description: "Service not enabled" })),
    ).listen(0, "127.0.0.1");
    await once(server, "listening");
    after(() => server.close() && server.closeAllConnections());
    const issuer = `http://127.0.0.1:${server.address().port}/`;
    const getToken = clientCredentials({
      issuer,
      clientId: "a",
      clientSecret: "b",
      audience: "https://wrong.example.com",
    });
    assert.deepEqual(await firstWarning(context, getToken), [
      `session-events: getToken failed: ${issuer}oauth/token responded with ` +
        "403 access_denied: check client id and secret, and that the application is authorized for the API",
    ]);
  });

  test("such as a connection that failed", async (context) => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address();
    server.close();
    const getToken = clientCredentials({
      issuer: `http://127.0.0.1:${port}/`,
      clientId: "a",
      clientSecret: "b",
      audience: "c",
    });
    const [line] = await firstWarning(context, getToken);
    assert.match(line, /did not respond: fetch failed: connect ECONNREFUSED 127/);
  });

  test("and nothing else, on one line of bounded length", async (context) => {
    const cycle = new Error("first\nsecond\u{1b}[31m");
    cycle.config = { headers: { authorization: "Bearer secret" } };
    cycle.cause = cycle;
    const [line] = await firstWarning(context, () => Promise.reject(cycle));
    assert.equal(line, "session-events: getToken failed: first second [31m");
    const long = await firstWarning(context, () => Promise.reject("x".repeat(10_000)));
    assert.ok(long[0].length < 1_100);
  });

  test("even if the causes are not errors", async (context) => {
    for (const [cause, text] of [
      ["a string", "a string"],
      [{ code: "ECONNREFUSED", message: "" }, "ECONNREFUSED"],
      [{ error: "timeout" }, "timeout"],
    ]) {
      const [line] = await firstWarning(context, () => Promise.reject(cause));
      assert.equal(line, `session-events: getToken failed: ${text}`);
      context.mock.restoreAll();
    }
  });
});
