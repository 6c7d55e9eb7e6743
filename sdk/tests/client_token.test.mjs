// How a client comes by its tokens and shows them.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { slo, USER } from "../../tests/support/records.mjs";
import { Tenant } from "../../tests/support/tenant.mjs";
import { now } from "../../tests/support/token.mjs";
import { waitFor } from "../../tests/support/wait_for.mjs";
import { startWorker } from "../../tests/support/worker.mjs";
import { follow } from "./support/follow.mjs";
import { authenticated, startScriptedServer } from "../../tests/support/scripted_server.mjs";

const worker = await startWorker();
const SECOND = 1_000;

/** Follows a tenant of the real worker; `getToken` is given the tenant, and the request. */
function followTenant({ tenant = new Tenant(worker), getToken, ...options }) {
  const requests = [];
  const followed = follow({
    url: worker.url,
    tenant: tenant.slug,
    getToken(request) {
      requests.push(request);
      return getToken(tenant, request);
    },
    ...options,
  });
  return { tenant, requests, ...followed };
}

/** A token that lives so many seconds; it differs from all others. */
let sequence = 0;
const living = (tenant, seconds, claims) =>
  tenant.token({ exp: now() + seconds, jti: `${(sequence += 1)}`, ...claims });

describe("a token that is about to expire", { concurrency: true }, () => {
  test("is replaced on the open socket, and the socket outlives it", async () => {
    const { tenant, requests, tells, told, hands } = followTenant({
      getToken: (tenant) => living(tenant, 8, { scope: "listen:events:self", sub: USER }),
      renewBefore: 4 * SECOND,
    });
    const { expiresAt } = await tells("connected");
    const renewed = await tells("renewed");
    assert.ok(renewed.expiresAt > expiresAt);
    assert.equal(renewed.claims.jti, `${sequence}`);
    await waitFor(() => Date.now() > expiresAt.getTime() + 100);
    const record = slo();
    await tenant.publish(record);
    await hands(record.log_id);
    assert.equal(told("connecting").length, 1, "there was but one socket");
    assert.deepEqual(requests.slice(0, 2), [{ fresh: false }, { fresh: true }]);
  });

  test("ends the connection when there is no other, and a fresh one begins the next", async () => {
    let failing = true;
    const { requests, tells, told } = followTenant({
      getToken(tenant, { fresh }) {
        if (fresh && failing) throw new Error("the issuer is away");
        return living(tenant, fresh ? 600 : 8);
      },
      renewBefore: 4 * SECOND,
    });
    await tells("connected");
    assert.equal((await tells("error")).code, "token_unavailable");
    const { code } = await tells("connecting", 2);
    failing = false;
    assert.equal(code, 4419);
    await tells("connected", 2);
    assert.deepEqual(requests.at(-1), { fresh: true });
    assert.equal(told("disconnected").length, 0);
  });

  test("is not shown again when the application knows no other", async () => {
    const authentications = new Set();
    const { url, received } = await startScriptedServer(({ send, token }) => {
      authentications.add(token);
      const exp = Math.floor(Date.now() / 1000) + 2;
      send(authenticated({ claims: { exp }, expires_at: new Date(exp * 1000).toISOString() }));
    });
    const { tells } = follow({ url, tenant: "acme", getToken: () => "the-only-one" });
    await tells("connected");
    assert.equal((await tells("error")).code, "token_unchanged");
    assert.deepEqual([...authentications], ["the-only-one"]);
    assert.ok(!received.some((text) => text.includes("authenticate")));
  });
});

describe("a token on a machine whose clock is wrong", () => {
  for (const [clock, offset] of [
    ["an hour ahead", -3_600],
    ["an hour behind", 3_600],
  ]) {
    test(`is replaced in good time when it is ${clock}`, async (t) => {
      let renewals = 0;
      let asked = 0;
      const { url } = await startScriptedServer(({ send, count }) => {
        renewals = count - 1;
        const iat = Math.floor(Date.now() / 1000) + offset;
        const exp = iat + 600;
        send(
          authenticated({ claims: { iat, exp }, expires_at: new Date(exp * 1000).toISOString() }),
        );
      });
      t.mock.timers.enable({ apis: ["setTimeout"] });
      const { client, story } = follow({
        url,
        tenant: "acme",
        getToken: () => `token-${(asked += 1)}`,
        pingInterval: 3_600 * SECOND,
      });
      t.mock.timers.tick(0);
      const accepted = (count) =>
        turns(
          () => story.filter(({ name }) => /^(connected|renewed)$/.test(name)).length === count,
        );
      await accepted(1);
      await turns(() => story.some(({ name }) => name === "caughtUp"));
      if (offset < 0) {
        // It seems to have expired, so another is asked for, and that one is known to be new.
        t.mock.timers.tick(SECOND);
        await accepted(2);
      }
      // The client asks for a token as soon as the timer rings, so what it asks for shows at once.
      const before = { renewals, asked };
      t.mock.timers.tick(565 * SECOND);
      assert.equal(asked, before.asked, "not before its time");
      t.mock.timers.tick(10 * SECOND);
      assert.equal(asked, before.asked + 1, "in its time");
      await turns(() => renewals === before.renewals + 1);
      client.close();
    });
  }
});

/** Waits without a timer, for those stand still. */
async function turns(condition) {
  for (const end = Date.now() + 15_000; !condition(); await new Promise(setImmediate))
    assert.ok(Date.now() < end, "waited in vain");
}

describe("a token that is refused", { concurrency: true }, () => {
  test("is never shown again; the next is asked for as a fresh one", async () => {
    const tokens = [];
    const { requests, tells, told } = followTenant({
      getToken(tenant, { fresh }) {
        const token = fresh ? tenant.token() : tenant.token({ exp: now() - 60 });
        tokens.push(token);
        return token;
      },
    });
    await tells("connected");
    // The upgrade tells nothing but that it failed; the message tells why.
    assert.deepEqual(
      told("connecting").map(({ code }) => code),
      [0, 1006, 4401],
    );
    assert.deepEqual(
      requests.map(({ fresh }) => fresh),
      [false, false, true],
    );
    const [error] = told("error");
    assert.equal(error.code, "invalid_token");
    assert.match(error.message, /has expired/);
    for (const token of tokens)
      assert.ok(!told("error").some((error) => String(error).includes(token)));
  });

  test("is not shown again when the application knows no other", async () => {
    const { url, authentications } = await startScriptedServer(({ socket, send }) => {
      send({ type: "authentication_failed", error: "invalid_token", error_description: "No." });
      socket.close(4401);
    });
    const { tells, told } = follow({ url, tenant: "acme", getToken: () => "the-only-one" });
    assert.equal((await tells("error", 3)).code, "token_unchanged");
    assert.equal(told("error")[0].code, "invalid_token");
    assert.equal(authentications.length, 1);
    assert.equal(told("disconnected").length, 0, "another may come");
  });

  test("as a fresh one too is drawn ten times as seldom from then on, until one is accepted", async () => {
    const DELAY = 20;
    const { url, authentications } = await startScriptedServer(({ socket, send, count }) => {
      if (count === 6) return send(authenticated());
      send({ type: "authentication_failed", error: "invalid_token", error_description: "No." });
      socket.close(4401);
    });
    let drawn = 0;
    const { tells, told } = follow({
      url,
      tenant: "acme",
      getToken: ({ fresh }) => `token-${(drawn += fresh)}`,
      minReconnectDelay: DELAY,
      maxReconnectDelay: DELAY,
    });
    await tells("caughtUp");
    assert.deepEqual(
      told("connecting").map(({ delay }) => delay / DELAY),
      [0, 1, 10, 10, 10, 10],
    );
    assert.equal(new Set(authentications.map(({ token }) => token)).size, 6);
  });

  test("for want of a right ends it all, with the right that is missing", async () => {
    const { client, tells, told } = followTenant({
      getToken: (tenant) => tenant.token({ scope: "openid" }),
    });
    assert.deepEqual(await tells("disconnected"), { code: 4403, reason: "insufficient_scope" });
    assert.equal(client.state, "disconnected");
    assert.equal(told("error").length, 1);
    assert.equal(told("error")[0].code, "insufficient_scope");
    assert.match(told("error")[0].message, /listen:events:self/);
  });
});

describe("an application that has no token", { concurrency: true }, () => {
  for (const [what, getToken, cause] of [
    ["because it fails", () => Promise.reject(new Error("login_required")), /login_required/],
    [
      "because it throws",
      () => {
        throw new Error("login_required");
      },
      /login_required/,
    ],
    ["and gives nothing", () => undefined, /undefined/],
    ["and gives an empty one", () => "", /undefined/],
  ]) {
    test(`${what} is asked again until it has one`, async () => {
      let failures = 0;
      const tenant = new Tenant(worker);
      const { tells, told, requests } = followTenant({
        tenant,
        getToken: () => ((failures += 1) < 4 ? getToken() : tenant.token()),
      });
      await tells("connected");
      assert.ok(requests.every(({ fresh }) => !fresh));
      assert.equal(told("error").length, 3);
      for (const error of told("error")) {
        assert.equal(error.code, "token_unavailable");
        assert.match(String(error.cause), cause);
      }
    });
  }

  test("for too long is not waited for", async () => {
    const tenant = new Tenant(worker);
    const { tells, requests } = followTenant({
      tenant,
      getToken: () => (requests.length === 1 ? new Promise(() => {}) : tenant.token()),
      connectTimeout: 100,
    });
    assert.deepEqual((await tells("connecting", 2)).reason, "no answer in time");
    await tells("connected");
  });
});

describe("the token is shown", { concurrency: true }, () => {
  const accept = ({ send }) => send(authenticated());

  test("with the upgrade, with the event to go on from", async () => {
    const { url, authentications } = await startScriptedServer(accept);
    const { tells } = follow({ url, tenant: "acme", getToken: () => "a.b.c", lastEventId: "9+ü" });
    await tells("caughtUp");
    assert.deepEqual(authentications, [
      { transport: "upgrade", token: "a.b.c", lastEventId: "9+ü" },
    ]);
  });

  test("in a message to a server that does not know of tokens on the upgrade", async () => {
    const { url, authentications, sockets } = await startScriptedServer(accept, {
      subprotocol: false,
    });
    const { tells } = follow({ url, tenant: "acme", getToken: () => "a.b.c", lastEventId: "9" });
    await tells("caughtUp");
    const inMessage = { transport: "message", token: "a.b.c", lastEventId: "9" };
    assert.deepEqual(authentications.at(-1), inMessage);
    // What has worked is the first to be tried again.
    const before = authentications.length;
    for (const socket of sockets) socket.terminate();
    await tells("caughtUp", 2);
    assert.deepEqual(authentications.slice(before), [inMessage]);
  });

  test("in a message where it cannot be a subprotocol", async () => {
    const { url, authentications } = await startScriptedServer(accept);
    const { tells } = follow({ url, tenant: "acme", getToken: () => "not, a JWT" });
    await tells("caughtUp");
    assert.deepEqual(authentications, [
      { transport: "message", token: "not, a JWT", lastEventId: undefined },
    ]);
  });

  test("with the upgrade again, after a network failure had the message tried", async () => {
    const { url, authentications } = await startScriptedServer(({ socket, send, count }) => {
      send(authenticated());
      if (count < 3) socket.close(1001);
    });
    const down = class extends WebSocket {
      constructor(address, ...rest) {
        super((attempts += 1) <= 2 ? "ws://127.0.0.1:1/" : address, ...rest);
      }
    };
    let attempts = 0;
    const { tells } = follow({
      url,
      tenant: "acme",
      getToken: () => "a.b.c",
      WebSocket: down,
    });
    await tells("connected", 3);
    assert.deepEqual(
      authentications.map(({ transport }) => transport),
      ["upgrade", "upgrade", "upgrade"],
    );
  });
});
