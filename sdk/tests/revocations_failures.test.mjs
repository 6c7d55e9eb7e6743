// What becomes of the snapshot when the server does not give it.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { startFaultyProxy } from "../../tests/support/faulty_proxy.mjs";
import { scp } from "../../tests/support/records.mjs";
import { authenticated, event, startScriptedServer } from "../../tests/support/scripted_server.mjs";
import { Tenant } from "../../tests/support/tenant.mjs";
import { now } from "../../tests/support/token.mjs";
import { waitFor } from "../../tests/support/wait_for.mjs";
import { startWorker } from "../../tests/support/worker.mjs";
import { followRevocations } from "./support/follow_revocations.mjs";
import { startFront } from "./support/front.mjs";

const worker = await startWorker();

const oauth = (status, error) => ({
  status,
  headers: { "content-type": "application/json" },
  body: { error, error_description: `This is ${error}.` },
});
const never = new Promise(() => {});

/** Follows a tenant with a hundred revocations and one, whose pages `answer` may answer for. */
async function start({ answer, ...options }) {
  const tenant = new Tenant(worker);
  const users = Array.from({ length: 101 }, (_, index) => `auth0|${index}`);
  const date = new Date().toISOString();
  await tenant.publish(...users.map((user_id) => scp({ user_id, date })));
  const front = await startFront(worker.url, answer);
  const followed = followRevocations({
    url: front.url,
    tenant: tenant.slug,
    getToken: () => tenant.token(),
    ...options,
  });
  return { tenant, front, users, ...followed };
}

describe("a snapshot that cannot be had", { concurrency: true }, () => {
  test("is asked for until it can be, and each failure is told of once", async () => {
    const failures = [
      { status: 500, body: "<h1>Oops</h1>" },
      oauth(429, "too_many_requests"),
      oauth(503, "temporarily_unavailable"),
      { status: 200, body: "<h1>Welcome</h1>" },
      { status: 200, body: { revocations: [{ user_id: "auth0|0" }], last_event_id: null } },
      { status: 302, headers: { location: "/elsewhere" } },
      {}, // No answer at all.
    ];
    const { revocations, front, users, passing, errors, codes } = await start({
      answer: ({ count }) => failures[count - 1],
    });
    await waitFor(() => errors.length > 0);
    assert.equal(revocations.connected, false);
    await revocations.ready;
    assert.deepEqual(passing(users), []);
    assert.equal(front.pages.length, failures.length + 1);
    assert.deepEqual(codes(), [
      "revocations_unavailable",
      "too_many_requests",
      "temporarily_unavailable",
      ...Array(4).fill("revocations_unavailable"),
    ]);
    assert.match(errors[0].message, /the server answered 500\.$/);
    assert.equal(errors[1].message, "This is too_many_requests.");
    assert.ok(errors.every(({ message }) => !message.includes("eyJ")));
  });

  test("is gone on with from the page that failed", async () => {
    const rows = (...users) =>
      users.map((user_id) => ({ user_id, type: "logout", date: new Date().toISOString() }));
    const body = { revocations: rows("auth0|first"), next: "7", last_event_id: "1" };
    const { revocations, front, users, passing } = await start({
      answer: ({ count }) => [{ status: 200, body }, { status: 500 }][count - 1],
    });
    await revocations.ready;
    assert.deepEqual(
      front.pages.map(({ after }) => after),
      [null, "7", "7"],
    );
    assert.deepEqual(passing(["auth0|first", users.at(-1)]), []);
  });

  test("is not waited for endlessly", async () => {
    const { revocations, front, users, passing, errors } = await start({
      answer: ({ count }) => count === 1 && never,
      connectTimeout: 1_000,
    });
    await revocations.ready;
    assert.match(errors[0].message, /no answer in time/);
    assert.equal(front.pages[0].gone, true);
    assert.deepEqual(passing(users), []);
  });

  test("nor is a token for it", async () => {
    const tenant = new Tenant(worker);
    let followed;
    let kept = 0;
    const getToken = () => {
      // The socket has its own by then.
      const forPages = followed?.revocations.connection.state === "connected";
      return forPages && (kept += 1) === 1 ? never : tenant.token();
    };
    followed = await start({ tenant: tenant.slug, getToken, connectTimeout: 1_000 });
    await followed.revocations.ready;
    assert.match(followed.errors[0].message, /no answer in time/);
  });

  test("because its pages have no end is not taken for all there is", async () => {
    let mended = false;
    const { revocations, front, users, passing, errors } = await start({
      answer: () => !mended && { status: 200, body: { revocations: [], next: "1" } },
    });
    await waitFor(() => errors.length > 0);
    assert.match(errors[0].message, /has pages without an end/);
    assert.ok(front.pages.length < 100, `it went on for ${front.pages.length} pages`);
    assert.equal(revocations.connected, false);
    mended = true;
    await revocations.ready;
    assert.deepEqual(passing(users), []);
  });

  test("with a token that is refused is asked for with a fresh one", async () => {
    const tenant = new Tenant(worker);
    const [cached, other] = [tenant.token({ jti: "cached" }), tenant.token({ jti: "fresh" })];
    const { revocations, front, codes } = await start({
      tenant: tenant.slug,
      getToken: ({ fresh }) => (fresh ? other : cached),
      answer: ({ token }) => token === cached && oauth(401, "invalid_token"),
    });
    await revocations.ready;
    assert.deepEqual(
      front.pages.map(({ token }) => token),
      [cached, other],
    );
    assert.deepEqual(codes(), ["invalid_token"]);
  });

  test("with a token that is refused is never asked for with the same", async () => {
    const tenant = new Tenant(worker);
    const token = tenant.token();
    const { revocations, front, codes } = await start({
      tenant: tenant.slug,
      getToken: () => token,
      answer: () => oauth(401, "invalid_token"),
    });
    await waitFor(() => codes().length >= 3);
    assert.deepEqual(codes().slice(0, 3), ["invalid_token", "token_unchanged", "token_unchanged"]);
    assert.equal(front.pages.length, 1);
    assert.equal(revocations.connected, false);
  });

  test("for want of a right is the end", async () => {
    const { revocations, front, codeOf, errors, codes } = await start({
      answer: () => oauth(403, "insufficient_scope"),
    });
    await assert.rejects(revocations.ready, (error) => error === errors[0]);
    assert.deepEqual(codes(), ["insufficient_scope"]);
    assert.equal(revocations.connection.state, "disconnected");
    assert.equal(codeOf({ sub: "auth0|another", iat: now() }), "temporarily_unavailable");
    assert.equal(front.pages.length, 1);
  });

  test("is let go of by close()", async () => {
    const { revocations, front, errors } = await start({ answer: () => never });
    await waitFor(() => front.pages.length === 1);
    revocations.close();
    await assert.rejects(revocations.ready, { code: "closed" });
    await waitFor(() => front.pages[0].gone);
    assert.equal(revocations.connected, false);
    assert.deepEqual(errors, []);
  });

  test("is let go of by close() between two tries", async () => {
    const { revocations, front } = await start({
      answer: () => ({ status: 500 }),
      onError: () => revocations.close(),
    });
    await assert.rejects(revocations.ready, { code: "revocations_unavailable" });
    // Of another tenant, so many tries later.
    const { errors } = await start({ answer: () => ({ status: 500 }) });
    await waitFor(() => errors.length >= 5);
    assert.equal(front.pages.length, 1);
  });
});

describe("an older server", { concurrency: true }, () => {
  /** One that has no pages, and says whether all was replayed as `recovered` tells. */
  async function startOlder(recovered) {
    const server = await startScriptedServer(({ send, lastEventId }) => {
      send(authenticated(lastEventId ? { recovered } : {}));
      send({ ...event(lastEventId ? "2" : "1"), date: new Date().toISOString() });
    });
    const front = await startFront(server.url, () => oauth(404, "not_found"));
    const proxy = await startFaultyProxy(front.url);
    const followed = followRevocations({
      url: proxy.url,
      tenant: "acme",
      getToken: () => "token",
    });
    return { server, proxy, ...followed };
  }

  for (const [recovered, told] of [
    [true, []],
    [false, ["events_missed"]],
  ])
    test(`tells of its last events, and ${recovered ? "nothing more" : "that some are missing"}, after an outage`, async () => {
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
      assert.deepEqual(codes(), told);
      if (!recovered) assert.match(errors[0].message, /may pass until they expire/);
    });
});
