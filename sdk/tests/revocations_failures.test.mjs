// Failures while loading the snapshot.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { startFaultyProxy } from "../../tests/support/faulty_proxy.mjs";
import { scp } from "../../tests/support/records.mjs";
import { authenticated, event, startScriptedServer } from "../../tests/support/scripted_server.mjs";
import { Tenant } from "../../tests/support/tenant.mjs";
import { now } from "../../tests/support/token.mjs";
import { waitFor } from "../../tests/support/wait_for.mjs";
import { startWorker } from "../../tests/support/worker.mjs";
import { startRevocations } from "./support/recorded_revocations.mjs";
import { startRevocationsProxy } from "./support/revocations_proxy.mjs";

const worker = await startWorker();

const oauth = (status, error) => ({
  status,
  headers: { "content-type": "application/json" },
  body: { error, error_description: `This is ${error}.` },
});
const never = new Promise(() => {});

/** Subscribes to a tenant with 101 revocations. `respond` may replace responses with pages. */
async function start({ respond, ...options }) {
  const tenant = new Tenant(worker);
  const users = Array.from({ length: 101 }, (_, index) => `auth0|${index}`);
  const date = new Date().toISOString();
  await tenant.publish(...users.map((user_id) => scp({ user_id, date })));
  const pageProxy = await startRevocationsProxy(worker.url, respond);
  const started = startRevocations({
    url: pageProxy.url,
    tenant: tenant.slug,
    getToken: () => tenant.token(),
    ...options,
  });
  return { tenant, pageProxy, users, ...started };
}

describe("a failing snapshot", { concurrency: true }, () => {
  test("is retried until it succeeds, and each failure is reported once", async () => {
    const failures = [
      { status: 500, body: "<h1>Oops</h1>" },
      oauth(429, "too_many_requests"),
      oauth(503, "temporarily_unavailable"),
      { status: 200, body: "<h1>Welcome</h1>" },
      { status: 200, body: { revocations: [{ user_id: "auth0|0" }], last_event_id: null } },
      { status: 302, headers: { location: "/elsewhere" } },
      {}, // No response at all.
    ];
    const { revocations, pageProxy, users, unrevoked, errors, codes } = await start({
      respond: ({ count }) => failures[count - 1],
    });
    await waitFor(() => errors.length > 0);
    assert.equal(revocations.connected, false);
    await revocations.ready;
    assert.deepEqual(unrevoked(users), []);
    assert.equal(pageProxy.pages.length, failures.length + 1);
    assert.deepEqual(codes(), [
      "revocations_unavailable",
      "too_many_requests",
      "temporarily_unavailable",
      ...Array(4).fill("revocations_unavailable"),
    ]);
    assert.match(errors[0].message, /the server responded with 500\. The client retries\.$/);
    assert.equal(errors[1].message, "This is too_many_requests.");
    assert.match(errors[5].message, /responded with a redirect, .*: configure the URL/);
    assert.ok(errors.every(({ message }) => !message.includes("eyJ")));
  });

  test("continues with the page that failed", async () => {
    const rows = (...users) =>
      users.map((user_id) => ({ user_id, type: "logout", date: new Date().toISOString() }));
    const body = { revocations: rows("auth0|first"), next: "7", last_event_id: "1" };
    const { revocations, pageProxy, users, unrevoked } = await start({
      respond: ({ count }) => [{ status: 200, body }, { status: 500 }][count - 1],
    });
    await revocations.ready;
    assert.deepEqual(
      pageProxy.pages.map(({ after }) => after),
      [null, "7", "7"],
    );
    assert.deepEqual(unrevoked(["auth0|first", users.at(-1)]), []);
  });

  test("is retried if the server does not respond in time", async () => {
    const { revocations, pageProxy, users, unrevoked, errors } = await start({
      respond: ({ count }) => count === 1 && never,
      connectTimeout: 1_000,
    });
    await revocations.ready;
    assert.match(errors[0].message, /did not respond in time/);
    assert.equal(pageProxy.pages[0].aborted, true);
    assert.deepEqual(unrevoked(users), []);
  });

  test("is retried if getToken does not return in time", async () => {
    const tenant = new Tenant(worker);
    let started;
    let requests = 0;
    const getToken = () => {
      // The socket already has its token when it is connected.
      const forPages = started?.revocations.connection.state === "connected";
      return forPages && (requests += 1) === 1 ? never : tenant.token();
    };
    started = await start({ tenant: tenant.slug, getToken, connectTimeout: 1_000 });
    await started.revocations.ready;
    assert.match(started.errors[0].message, /did not respond in time/);
  });

  test("with an endless sequence of pages is not treated as complete", async () => {
    let fixed = false;
    const { revocations, pageProxy, users, unrevoked, errors } = await start({
      respond: () => !fixed && { status: 200, body: { revocations: [], next: "1" } },
    });
    await waitFor(() => errors.length > 0);
    assert.match(errors[0].message, /sent an endless sequence of pages/);
    assert.ok(pageProxy.pages.length < 100, `${pageProxy.pages.length} pages were requested`);
    assert.equal(revocations.connected, false);
    fixed = true;
    await revocations.ready;
    assert.deepEqual(unrevoked(users), []);
  });

  test("is retried with a fresh token after the server rejects the token", async () => {
    const tenant = new Tenant(worker);
    const [cached, other] = [tenant.token({ jti: "cached" }), tenant.token({ jti: "fresh" })];
    const { revocations, pageProxy, codes } = await start({
      tenant: tenant.slug,
      getToken: ({ fresh }) => (fresh ? other : cached),
      respond: ({ token }) => token === cached && oauth(401, "invalid_token"),
    });
    await revocations.ready;
    assert.deepEqual(
      pageProxy.pages.map(({ token }) => token),
      [cached, other],
    );
    assert.deepEqual(codes(), ["invalid_token"]);
  });

  test("is reported without a token that the server repeats", async () => {
    const token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJqYW5lIn0.c2ln";
    const { errors } = await start({ respond: () => oauth(503, `bad ${token}`) });
    await waitFor(() => errors.length > 0);
    const [{ code, message }] = errors;
    assert.deepEqual([code, message], ["bad [token]", "This is bad [token]"]);
  });

  test("is never retried with a rejected token", async () => {
    const tenant = new Tenant(worker);
    const token = tenant.token();
    const { revocations, pageProxy, codes } = await start({
      tenant: tenant.slug,
      getToken: () => token,
      respond: () => oauth(401, "invalid_token"),
    });
    await waitFor(() => codes().length >= 3);
    assert.deepEqual(codes().slice(0, 3), ["invalid_token", "token_unchanged", "token_unchanged"]);
    assert.equal(pageProxy.pages.length, 1);
    assert.equal(revocations.connected, false);
  });

  test("stops the client if the permission is missing", async () => {
    const { revocations, pageProxy, codeOf, errors, codes } = await start({
      respond: () => oauth(403, "insufficient_scope"),
    });
    await assert.rejects(revocations.ready, (error) => error === errors[0]);
    assert.deepEqual(codes(), ["insufficient_scope"]);
    assert.equal(revocations.connection.state, "disconnected");
    assert.equal(codeOf({ sub: "auth0|another", iat: now() }), "temporarily_unavailable");
    assert.equal(pageProxy.pages.length, 1);
  });

  test("is cancelled by close()", async () => {
    const { revocations, pageProxy, errors } = await start({ respond: () => never });
    await waitFor(() => pageProxy.pages.length === 1);
    revocations.close();
    await assert.rejects(revocations.ready, { code: "closed" });
    await waitFor(() => pageProxy.pages[0].aborted);
    assert.equal(revocations.connected, false);
    assert.deepEqual(errors, []);
  });

  test("is cancelled by close() between two attempts", async () => {
    const { revocations, pageProxy } = await start({
      respond: () => ({ status: 500 }),
      onError: () => revocations.close(),
    });
    await assert.rejects(revocations.ready, { code: "revocations_unavailable" });
    // Wait for several attempts of a snapshot for another tenant.
    const { errors } = await start({ respond: () => ({ status: 500 }) });
    await waitFor(() => errors.length >= 5);
    assert.equal(pageProxy.pages.length, 1);
  });
});

test("a token that no header can contain is reported without the token", async () => {
  const server = await startScriptedServer(({ send }) => send(authenticated()));
  const { errors } = startRevocations({
    url: server.url,
    tenant: "acme",
    getToken: () => "opaque\ntoken",
  });
  await waitFor(() => errors.length > 0);
  const [{ code, message }] = errors;
  assert.equal(code, "token_unavailable");
  assert.match(message, /no header may contain: return the token alone/);
  assert.doesNotMatch(message, /opaque/);
});

describe("an older server", { concurrency: true }, () => {
  /** Starts a server without the endpoint for revocations. `recovered` is in its response. */
  async function startOlder(recovered) {
    const server = await startScriptedServer(({ send, lastEventId }) => {
      send(authenticated(lastEventId ? { recovered } : {}));
      send({ ...event(lastEventId ? "2" : "1"), date: new Date().toISOString() });
    });
    const pageProxy = await startRevocationsProxy(server.url, () => oauth(404, "not_found"));
    const proxy = await startFaultyProxy(pageProxy.url);
    const started = startRevocations({
      url: proxy.url,
      tenant: "acme",
      getToken: () => "token",
    });
    return { server, proxy, ...started };
  }

  for (const [recovered, expectedCodes] of [
    [true, []],
    [false, ["events_missed"]],
  ])
    test(`replays its last events after an outage, and ${recovered ? "no error" : "events_missed"} is reported`, async () => {
      const { server, proxy, revocations, errors, codeOf, codes } = await startOlder(recovered);
      await revocations.ready;
      assert.equal(codeOf({ sub: "auth0|jane", iat: 1 }), "invalid_token");
      assert.equal(codeOf({ sub: "auth0|joe", iat: 1 }), "passed");
      assert.deepEqual(errors, []);
      proxy.disconnect();
      await waitFor(() => !revocations.connected);
      proxy.restore();
      await waitFor(() => revocations.connected);
      assert.equal(server.authentications.at(-1).lastEventId, "1");
      assert.deepEqual(codes(), expectedCodes);
      if (!recovered) assert.match(errors[0].message, /may pass until they expire/);
    });
});

test("rejected credentials do not stop a backend, which continues once they are accepted", async () => {
  const tenant = new Tenant(worker);
  let isAccepted = false;
  const started = startRevocations({
    url: worker.url.href,
    tenant: tenant.slug,
    minReconnectDelay: 20,
    maxReconnectDelay: 100,
    getToken: () => {
      if (isAccepted) return tenant.token();
      throw Object.assign(new Error("Invalid JWT assertion"), { error: "invalid_grant" });
    },
  });
  await waitFor(() => started.errors.length > 1);
  assert.ok(started.codes().every((code) => code === "signed_out"));
  assert.equal(started.revocations.connected, false);
  isAccepted = true;
  await started.revocations.ready;
  assert.equal(started.revocations.connected, true);
});

test("close() between two attempts with rejected credentials rejects ready", async () => {
  const { revocations, errors } = startRevocations({
    url: worker.url.href,
    tenant: "acme",
    minReconnectDelay: 60_000,
    maxReconnectDelay: 60_000,
    getToken: () => Promise.reject({ error: "invalid_grant" }),
  });
  // The first retry is immediate, and the second one is scheduled.
  await waitFor(() => errors.length === 2);
  revocations.close();
  await assert.rejects(revocations.ready, { code: "signed_out" });
});

test("close() when an attempt with rejected credentials has ended is final", async () => {
  let requests = 0;
  const { revocations } = startRevocations({
    url: worker.url.href,
    tenant: "acme",
    getToken: () => {
      requests += 1;
      return Promise.reject({ error: "invalid_grant" });
    },
  });
  revocations.connection.on("disconnected", () => revocations.close());
  await assert.rejects(revocations.ready, { code: "signed_out" });
  assert.equal(revocations.connection.state, "disconnected");
  assert.equal(requests, 1);
});
