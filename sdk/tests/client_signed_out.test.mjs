// A client whose user is no longer signed in: it stops, because every retry would fail.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { authenticated, startScriptedServer } from "../../tests/support/scripted_server.mjs";
import { startClient } from "./support/recorded_client.mjs";

/** Returns an error as a login library throws it. */
const failure = (members, cause) =>
  Object.assign(new Error("the library's message", { cause }), members);
const rejecting = (error) => () => Promise.reject(error);

async function start(getToken, options) {
  const server = await startScriptedServer(({ send }) => send(authenticated()));
  return { ...startClient({ url: server.url, tenant: "acme", getToken, ...options }), server };
}

describe("an error of getToken that means that nobody is signed in", { concurrency: true }, () => {
  for (const [name, error, reason] of [
    ["login_required", failure({ error: "login_required" }), "login_required"],
    ["invalid_grant", failure({ error: "invalid_grant" }), "invalid_grant"],
    ["missing_refresh_token", failure({ error: "missing_refresh_token" }), "missing_refresh_token"],
    ["a plain object", { error: "login_required" }, "login_required"],
    ["a cause", failure({}, failure({ error: "invalid_grant" })), "invalid_grant"],
    [
      "the cause of a cause",
      failure({ error: "token_error" }, failure({}, { error: "invalid_grant" })),
      "invalid_grant",
    ],
    ["a code", failure({ code: "missing_refresh_token" }), "missing_refresh_token"],
    ["missing_session", failure({ code: "missing_session" }), "login_required"],
  ]) {
    test(`stops the client with signedOut (${name})`, async () => {
      const { client, waitForEvent, log } = await start(rejecting(error));
      const signedOut = await waitForEvent("signedOut");
      assert.equal(signedOut.reason, reason);
      assert.equal(signedOut.error.code, "signed_out");
      assert.equal(signedOut.error.cause, error);
      assert.equal(client.state, "disconnected");
      assert.deepEqual(
        log.map(({ name }) => name),
        ["connecting", "error", "disconnected", "signedOut"],
      );
      assert.deepEqual(log[2].value, { code: 0, reason });
    });
  }

  test("stops the client while it renews its token", async () => {
    const iat = Math.floor(Date.now() / 1000);
    const server = await startScriptedServer(({ send }) =>
      send(authenticated({ claims: { iat, exp: iat + 2 } })),
    );
    const { client, waitForEvent, emitted } = startClient({
      url: server.url,
      tenant: "acme",
      getToken({ fresh }) {
        if (fresh) throw failure({ error: "invalid_grant" });
        return "a.b.c";
      },
    });
    await waitForEvent("caughtUp");
    assert.equal((await waitForEvent("signedOut")).reason, "invalid_grant");
    assert.equal(client.state, "disconnected");
    assert.equal(emitted("connecting").length, 1);
  });

  test("lets connect() start the client again", async () => {
    let signedIn = false;
    const { client, waitForEvent } = await start(() => {
      if (!signedIn) throw failure({ error: "login_required" });
      return "a.b.c";
    });
    client.once("signedOut", () => {
      signedIn = true;
      client.connect();
    });
    await waitForEvent("caughtUp");
  });

  test("slows down an application that connects again at once although nobody is signed in", async () => {
    const { client, waitForEvent, emitted } = await start(
      rejecting(failure({ error: "login_required" })),
    );
    client.on("disconnected", () => client.connect());
    await waitForEvent("disconnected", 4);
    const [first, second, ...later] = emitted("connecting").map(({ delay }) => delay);
    assert.deepEqual([first, second], [0, 0]);
    for (const delay of later) assert.ok(delay >= 10, `the delay was ${delay} ms`);
    client.close();
    client.connect();
    assert.equal(emitted("connecting").at(-1).delay, 0);
  });

  test("emits no signedOut if a listener has closed the client", async () => {
    const { client, waitForEvent, emitted } = await start(
      rejecting(failure({ error: "login_required" })),
    );
    client.on("error", () => client.close());
    assert.equal((await waitForEvent("disconnected")).code, 1000);
    assert.deepEqual(emitted("signedOut"), []);
  });
});

/** A value whose members throw when they are read. */
const unreadable = new Proxy(
  {},
  {
    get() {
      throw new Error("unreadable");
    },
  },
);

describe("an error of getToken that leaves the user signed in", { concurrency: true }, () => {
  const cycle = failure({});
  cycle.cause = cycle;
  for (const [name, error] of [
    ...["consent_required", "interaction_required", "mfa_required", "access_denied", "timeout"].map(
      (code) => [code, failure({ error: code })],
    ),
    ["only a message", new Error("login_required")],
    ["a cycle of causes", cycle],
    ["members that cannot be read", unreadable],
    ["undefined", undefined],
    ["a string", "login_required"],
  ]) {
    test(`is retried (${name})`, async () => {
      const { waitForEvent, emitted } = await start(rejecting(error));
      assert.equal((await waitForEvent("error", 3)).code, "token_unavailable");
      assert.deepEqual(emitted("signedOut"), []);
    });
  }
});

describe("the message of an error of getToken", { concurrency: true }, () => {
  for (const [name, error, message] of [
    [
      "shows the code and the description",
      failure({ error: "access_denied", error_description: "Service not found: https://wrong" }),
      "getToken failed: access_denied: Service not found: https://wrong",
    ],
    [
      "shows the message and that of the cause",
      new TypeError("fetch failed", { cause: new Error("connect ECONNREFUSED") }),
      "getToken failed: fetch failed: connect ECONNREFUSED",
    ],
    ["has one line", new Error("a\n\u2028b"), "getToken failed: a b"],
    [
      "contains no token",
      new Error("bad token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJqYW5lIn0.c2ln, sorry"),
      "getToken failed: bad token [token], sorry",
    ],
    ["is short", new Error("x".repeat(100_000)), `getToken failed: ${"x".repeat(500)}`],
    ["refers to the cause if that has no message", {}, "getToken failed: see the cause"],
    ["refers to the cause if that cannot be read", unreadable, "getToken failed: see the cause"],
    [
      "shows those of all causes once",
      failure(
        { error: "timeout" },
        new Error("fetch failed", {
          cause: new Error("fetch failed", { cause: { code: "ECONNREFUSED" } }),
        }),
      ),
      "getToken failed: timeout: the library's message: fetch failed: ECONNREFUSED",
    ],
  ]) {
    test(name, async () => {
      const { waitForEvent } = await start(rejecting(error));
      assert.equal((await waitForEvent("error")).message, message);
    });
  }

  test("says that nobody is signed in and what to do", async () => {
    const { waitForEvent } = await start(rejecting(failure({ error: "missing_refresh_token" })));
    const { message } = await waitForEvent("error");
    assert.match(message, /no user is signed in \(missing_refresh_token: the library's message\)/);
    assert.match(message, /call connect\(\) after the next sign-in.*useRefreshTokensFallback/);
  });
});
