// The client-credentials grant against a local token endpoint.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, beforeEach, describe, mock, test } from "node:test";

import { clientCredentials } from "session-events/revocation";

const SECRET = "correct-horse-battery-staple";

let requests = [];
/** The handler for the next requests. */
let respond;
const server = createServer(async (request, response) => {
  const body = (await request.toArray()).join("");
  requests.push({
    path: request.url,
    type: request.headers["content-type"],
    form: Object.fromEntries(new URLSearchParams(body)),
  });
  respond(response, requests.length);
}).listen(0, "127.0.0.1");
await once(server, "listening");
after(() => server.close() && server.closeAllConnections());
const issuer = `http://127.0.0.1:${server.address().port}/`;

const json = (status, body) => (response) => {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
};
const tokens =
  (expires_in = 3600) =>
  (response, count) =>
    json(200, { access_token: `token-${count}`, token_type: "Bearer", expires_in })(response);

const createGetToken = (changes) =>
  clientCredentials({
    issuer,
    clientId: "my-backend",
    clientSecret: SECRET,
    audience: "https://events.example.com/api",
    ...changes,
  });

beforeEach(() => {
  requests = [];
  respond = tokens();
});

describe("the client-credentials grant", () => {
  test("requests a token from the issuer's token endpoint", async () => {
    assert.equal(await createGetToken({ scope: "listen:events" })({ fresh: false }), "token-1");
    assert.deepEqual(requests, [
      {
        path: "/oauth/token",
        type: "application/x-www-form-urlencoded;charset=UTF-8",
        form: {
          grant_type: "client_credentials",
          client_id: "my-backend",
          client_secret: SECRET,
          audience: "https://events.example.com/api",
          scope: "listen:events",
        },
      },
    ]);
  });

  test("keeps the path of the issuer URL", async () => {
    for (const path of ["realms/acme", "realms/acme/"])
      await createGetToken({ issuer: `${issuer}${path}` })();
    const paths = requests.map(({ path }) => path);
    assert.deepEqual(paths, ["/realms/acme/oauth/token", "/realms/acme/oauth/token"]);
  });

  test("caches the token until a minute before it expires", async (context) => {
    mock.timers.enable({ apis: ["Date"], now: 1e12 });
    context.after(() => mock.timers.reset());
    const getToken = createGetToken();
    assert.equal(await getToken({ fresh: false }), "token-1");
    mock.timers.setTime(1e12 + 3_539_999);
    assert.equal(await getToken({ fresh: false }), "token-1");
    mock.timers.setTime(1e12 + 3_540_000);
    assert.equal(await getToken({ fresh: false }), "token-2");
  });

  test("caches a token with a lifetime of 30 seconds for 27 seconds", async (context) => {
    mock.timers.enable({ apis: ["Date"], now: 1e12 });
    context.after(() => mock.timers.reset());
    respond = tokens(30);
    const getToken = createGetToken();
    await getToken();
    mock.timers.setTime(1e12 + 26_999);
    assert.equal(await getToken(), "token-1");
    mock.timers.setTime(1e12 + 27_000);
    assert.equal(await getToken(), "token-2");
  });

  test("never returns a cached token for a fresh request", async () => {
    const getToken = createGetToken();
    await getToken({ fresh: false });
    assert.equal(await getToken({ fresh: true }), "token-2");
    assert.equal(await getToken({ fresh: false }), "token-2");
  });

  test("logs in once for concurrent calls", async () => {
    const getToken = createGetToken();
    const given = await Promise.all([getToken(), getToken({ fresh: true }), getToken()]);
    assert.deepEqual(given, ["token-1", "token-1", "token-1"]);
    assert.equal(requests.length, 1);
  });

  test("logs in again if a login has not completed within its time limit", async (context) => {
    mock.timers.enable({ apis: ["Date"], now: 1e12 });
    context.after(() => mock.timers.reset());
    const neverCompletes = context.mock.method(globalThis, "fetch", () => new Promise(() => {}));
    const getToken = createGetToken();
    void getToken();
    neverCompletes.mock.restore();
    const waiting = getToken();
    mock.timers.setTime(1e12 + 10_001);
    assert.equal(await getToken(), "token-1");
    assert.equal(requests.length, 1);
    assert.equal(await Promise.race([waiting, "pending"]), "pending", "the first login is shared");
  });

  test("logs in again after a failure", async () => {
    const getToken = createGetToken();
    respond = json(503, {});
    await assert.rejects(getToken(), { name: "LoginError", code: "invalid_answer" });
    respond = tokens();
    assert.equal(await getToken(), "token-2");
  });

  test("reports the issuer's error code and what to check", async () => {
    respond = json(401, { error: "access_denied", error_description: "Unauthorized" });
    await assert.rejects(createGetToken()(), {
      name: "LoginError",
      code: "access_denied",
      message: /responded with 401 access_denied: check client id and secret/,
    });
  });

  for (const [name, behaviour] of [
    ["invalid JSON", (response) => response.end("<html>")],
    ["null", json(200, null)],
    ["no token", json(200, { expires_in: 60 })],
    ["a token that is not a string", json(200, { access_token: {}, expires_in: 60 })],
    ["a token without an expiry", json(200, { access_token: "token" })],
    ["an expired token", json(200, { access_token: "token", expires_in: 0 })],
  ])
    test(`rejects a response with ${name}`, async () => {
      respond = behaviour;
      await assert.rejects(createGetToken()(), { name: "LoginError", code: "invalid_answer" });
    });

  for (const [name, behaviour] of [
    ["is too large", (response) => response.end(JSON.stringify({ pad: "x".repeat(70_000) }))],
    ["is a redirect", (response) => response.writeHead(307, { location: issuer }).end()],
    ["is incomplete", (response) => response.writeHead(200).write("{") && response.destroy()],
  ])
    test(`rejects a response that ${name}`, async () => {
      respond = behaviour;
      await assert.rejects(createGetToken()(), { name: "LoginError", code: "unreachable" });
      assert.equal(requests.length, 1);
    });

  test("explains that a redirect is not followed", async () => {
    respond = (response) => response.writeHead(307, { location: issuer }).end();
    await assert.rejects(createGetToken()(), {
      message: /\/oauth\/token responded with a redirect, which is not followed .*: configure/,
    });
  });

  test("times out after 10 seconds", async (context) => {
    context.mock.method(AbortSignal, "timeout", (milliseconds) => {
      assert.equal(milliseconds, 10_000);
      return AbortSignal.abort(new DOMException("late", "TimeoutError"));
    });
    await assert.rejects(createGetToken()(), { name: "LoginError", code: "unreachable" });
  });

  test("never includes the secret in an error", async () => {
    const leaky = { error: SECRET, error_description: `${SECRET} is wrong` };
    for (const behaviour of [
      json(401, leaky),
      json(200, leaky),
      (response) => response.destroy(),
    ]) {
      respond = behaviour;
      const error = await createGetToken()().catch((error) => error);
      assert.equal(error.name, "LoginError");
      const { inspect } = await import("node:util");
      assert.doesNotMatch(inspect(error, { depth: 9 }), new RegExp(SECRET));
    }
  });

  test("sends the secret only over TLS or to a loopback address", () => {
    for (const safe of ["https://acme.us.auth0.com/", "http://localhost:8788", "http://[::1]:1/"])
      assert.equal(typeof createGetToken({ issuer: safe }), "function", safe);
    for (const unsafe of [
      "http://acme.us.auth0.com/",
      "http://127.0.0.1.nip.io/",
      "ftp://localhost",
    ])
      assert.throws(() => createGetToken({ issuer: unsafe }), {
        name: "TypeError",
        message: /https/,
      });
  });

  test("accepts a tenant domain instead of an issuer", () => {
    assert.equal(
      typeof createGetToken({ issuer: undefined, domain: "acme.us.auth0.com" }),
      "function",
    );
    for (const domain of [undefined, "", "a b"])
      assert.throws(() => createGetToken({ issuer: undefined, domain }), { name: "TypeError" });
  });

  for (const name of ["clientId", "clientSecret", "audience"])
    test(`requires ${name}`, () => {
      for (const value of [undefined, "", 7])
        assert.throws(() => createGetToken({ [name]: value }), {
          name: "TypeError",
          message: `${name} is missing`,
        });
    });
});
