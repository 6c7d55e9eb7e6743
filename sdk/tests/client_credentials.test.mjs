// Logging a backend in, against a token endpoint on this machine.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, beforeEach, describe, mock, test } from "node:test";

import { clientCredentials } from "session-events/revocation";

const SECRET = "correct-horse-battery-staple";

let requests = [];
/** How the endpoint answers the next requests. */
let answer;
const server = createServer(async (request, response) => {
  const body = (await request.toArray()).join("");
  requests.push({
    path: request.url,
    type: request.headers["content-type"],
    form: Object.fromEntries(new URLSearchParams(body)),
  });
  answer(response, requests.length);
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

const logInWith = (changes) =>
  clientCredentials({
    issuer,
    clientId: "my-backend",
    clientSecret: SECRET,
    audience: "https://events.example.com/api",
    ...changes,
  });

beforeEach(() => {
  requests = [];
  answer = tokens();
});

describe("the client-credentials login", () => {
  test("asks the issuer's token endpoint for a token", async () => {
    assert.equal(await logInWith({ scope: "listen:events" })({ fresh: false }), "token-1");
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

  test("keeps the path of an issuer that has one", async () => {
    for (const path of ["realms/acme", "realms/acme/"])
      await logInWith({ issuer: `${issuer}${path}` })();
    const paths = requests.map(({ path }) => path);
    assert.deepEqual(paths, ["/realms/acme/oauth/token", "/realms/acme/oauth/token"]);
  });

  test("keeps the token until a minute before its end", async (context) => {
    mock.timers.enable({ apis: ["Date"], now: 1e12 });
    context.after(() => mock.timers.reset());
    const getToken = logInWith();
    assert.equal(await getToken({ fresh: false }), "token-1");
    mock.timers.setTime(1e12 + 3_539_999);
    assert.equal(await getToken({ fresh: false }), "token-1");
    mock.timers.setTime(1e12 + 3_540_000);
    assert.equal(await getToken({ fresh: false }), "token-2");
  });

  test("keeps a token of half a minute for nine tenths of that", async (context) => {
    mock.timers.enable({ apis: ["Date"], now: 1e12 });
    context.after(() => mock.timers.reset());
    answer = tokens(30);
    const getToken = logInWith();
    await getToken();
    mock.timers.setTime(1e12 + 26_999);
    assert.equal(await getToken(), "token-1");
    mock.timers.setTime(1e12 + 27_000);
    assert.equal(await getToken(), "token-2");
  });

  test("never gives a kept token when a fresh one is asked for", async () => {
    const getToken = logInWith();
    await getToken({ fresh: false });
    assert.equal(await getToken({ fresh: true }), "token-2");
    assert.equal(await getToken({ fresh: false }), "token-2");
  });

  test("logs in once for all who ask at the same time", async () => {
    const getToken = logInWith();
    const given = await Promise.all([getToken(), getToken({ fresh: true }), getToken()]);
    assert.deepEqual(given, ["token-1", "token-1", "token-1"]);
    assert.equal(requests.length, 1);
  });

  test("tries anew after a failure", async () => {
    const getToken = logInWith();
    answer = json(503, {});
    await assert.rejects(getToken(), { name: "LoginError", code: "invalid_answer" });
    answer = tokens();
    assert.equal(await getToken(), "token-2");
  });

  test("tells the issuer's code, and what to check", async () => {
    answer = json(401, { error: "access_denied", error_description: "Unauthorized" });
    await assert.rejects(logInWith()(), {
      name: "LoginError",
      code: "access_denied",
      message: /responded with 401 access_denied: check client id and secret/,
    });
  });

  for (const [name, behaviour] of [
    ["no JSON", (response) => response.end("<html>")],
    ["null", json(200, null)],
    ["no token", json(200, { expires_in: 60 })],
    ["a token that is no string", json(200, { access_token: {}, expires_in: 60 })],
    ["a token without an end", json(200, { access_token: "token" })],
    ["a token that has ended", json(200, { access_token: "token", expires_in: 0 })],
  ])
    test(`fails on an answer with ${name}`, async () => {
      answer = behaviour;
      await assert.rejects(logInWith()(), { name: "LoginError", code: "invalid_answer" });
    });

  for (const [name, behaviour] of [
    ["is too large", (response) => response.end(JSON.stringify({ pad: "x".repeat(70_000) }))],
    ["leads elsewhere", (response) => response.writeHead(307, { location: issuer }).end()],
    ["breaks off", (response) => response.writeHead(200).write("{") && response.destroy()],
  ])
    test(`fails on an answer that ${name}`, async () => {
      answer = behaviour;
      await assert.rejects(logInWith()(), { name: "LoginError", code: "unreachable" });
      assert.equal(requests.length, 1);
    });

  test("does not wait for an answer for ever", async (context) => {
    context.mock.method(AbortSignal, "timeout", (milliseconds) => {
      assert.equal(milliseconds, 10_000);
      return AbortSignal.abort(new DOMException("late", "TimeoutError"));
    });
    await assert.rejects(logInWith()(), { name: "LoginError", code: "unreachable" });
  });

  test("quotes the secret in no error", async () => {
    const leaky = { error: SECRET, error_description: `${SECRET} is wrong` };
    for (const behaviour of [
      json(401, leaky),
      json(200, leaky),
      (response) => response.destroy(),
    ]) {
      answer = behaviour;
      const error = await logInWith()().catch((error) => error);
      assert.equal(error.name, "LoginError");
      const { inspect } = await import("node:util");
      assert.doesNotMatch(inspect(error, { depth: 9 }), new RegExp(SECRET));
    }
  });

  test("sends the secret over TLS or to this machine only", () => {
    for (const safe of ["https://acme.us.auth0.com/", "http://localhost:8788", "http://[::1]:1/"])
      assert.equal(typeof logInWith({ issuer: safe }), "function", safe);
    for (const unsafe of [
      "http://acme.us.auth0.com/",
      "http://127.0.0.1.nip.io/",
      "ftp://localhost",
    ])
      assert.throws(() => logInWith({ issuer: unsafe }), { name: "TypeError", message: /https/ });
  });

  test("takes the domain of a tenant for its issuer", () => {
    assert.equal(typeof logInWith({ issuer: undefined, domain: "acme.us.auth0.com" }), "function");
    for (const domain of [undefined, "", "a b"])
      assert.throws(() => logInWith({ issuer: undefined, domain }), { name: "TypeError" });
  });

  for (const name of ["clientId", "clientSecret", "audience"])
    test(`does without no ${name}`, () => {
      for (const value of [undefined, "", 7])
        assert.throws(() => logInWith({ [name]: value }), {
          name: "TypeError",
          message: `${name} is missing`,
        });
    });
});
