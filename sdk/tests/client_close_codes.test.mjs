// What a client does about each code that its socket may be closed with.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { keySetResponses } from "../../tests/support/issuer.mjs";
import { Tenant } from "../../tests/support/tenant.mjs";
import { waitFor } from "../../tests/support/wait_for.mjs";
import { startWorker } from "../../tests/support/worker.mjs";
import { follow } from "./support/follow.mjs";
import { authenticated, startScriptedServer } from "../../tests/support/scripted_server.mjs";

const worker = await startWorker();

/** A client of a server that closes its first socket with this code, and keeps the others. */
async function closedWith(code) {
  const requests = [];
  const scripted = await startScriptedServer(({ socket, send, count }) => {
    send(authenticated());
    if (count > 1) return;
    if (code === 1006) socket.terminate();
    else if (code === 1005) socket.close();
    else socket.close(code, "the_reason");
  });
  const followed = follow({
    url: scripted.url,
    tenant: "acme",
    getToken({ fresh }) {
      requests.push(fresh);
      return `token-${requests.length}`;
    },
  });
  return { ...followed, ...scripted, requests };
}

describe("a client whose socket was closed", { concurrency: true }, () => {
  for (const code of [1000, 1001, 1005, 1006, 1011, 1012, 1013, 4408, 4999]) {
    test(`with ${code} comes back, with the token that the application has`, async () => {
      const { tells, told, requests } = await closedWith(code);
      const { reason, ...connecting } = await tells("connecting", 2);
      assert.equal(connecting.code, code);
      assert.equal(reason, [1005, 1006].includes(code) ? "" : "the_reason");
      await tells("connected", 2);
      assert.deepEqual(requests, [false, false]);
      assert.deepEqual(told("error"), []);
      assert.deepEqual(told("disconnected"), []);
    });
  }

  for (const code of [4401, 4419]) {
    test(`with ${code} comes back with a fresh token`, async () => {
      const { tells, requests, authentications } = await closedWith(code);
      assert.equal((await tells("connecting", 2)).code, code);
      await tells("connected", 2);
      assert.deepEqual(requests, [false, true]);
      assert.deepEqual(
        authentications.map(({ token }) => token),
        ["token-1", "token-2"],
      );
    });
  }

  for (const [code, error, mend] of [
    [1009, "message_too_big", /made smaller/],
    [4400, "too_many_invalid_messages", /update/],
    [4403, "insufficient_scope", /permissions listen:events:self and listen:events/],
  ]) {
    test(`with ${code} stays away, and says what to mend`, async () => {
      const { client, tells, told } = await closedWith(code);
      assert.deepEqual(await tells("disconnected"), { code, reason: "the_reason" });
      assert.equal(client.state, "disconnected");
      assert.deepEqual(
        told("error").map(({ code }) => code),
        [error],
      );
      assert.match(told("error")[0].message, mend);
      assert.equal(told("connecting").length, 1);
      // Once that is mended, the application may try again.
      client.connect();
      await tells("connected", 2);
    });
  }
});

describe("a client of the real worker", { concurrency: true }, () => {
  const followTenant = (tenant, getToken) =>
    follow({ url: worker.url, tenant: tenant.slug, getToken });

  test("stays away when its token is too long to be read", async () => {
    const { tells, told } = followTenant(new Tenant(worker), () => "x".repeat(17_000));
    assert.equal((await tells("disconnected")).code, 1009);
    assert.equal(told("error")[0].code, "message_too_big");
  });

  test("comes back until the issuer's keys can be had, and is told why it waits", async () => {
    const tenant = new Tenant(worker);
    tenant.issuer.behaviour = keySetResponses.unreachable;
    const { tells, told } = followTenant(tenant, () => tenant.token());
    const error = await tells("error");
    assert.equal(error.code, "temporarily_unavailable");
    await waitFor(() => told("connecting").some(({ code }) => code === 1013));
    tenant.issuer.behaviour = keySetResponses.keySet;
    await tells("caughtUp");
  });

  test("goes on trying where its tenant is not served: nothing tells it from a dead network", async () => {
    const elsewhere = class extends WebSocket {
      constructor(url, protocols) {
        super(String(url).replace("/acme@eu/", "/acme@xx/"), protocols);
      }
    };
    const { told, tells } = follow({
      url: worker.url,
      tenant: "acme@eu",
      getToken: () => "a.b.c",
      WebSocket: elsewhere,
    });
    await tells("connecting", 3);
    for (const { code } of told("connecting").slice(1)) assert.equal(code, 1006);
    assert.deepEqual(told("error"), []);
  });
});
