// On the bare workerd binary much of the platform is missing. Nothing of it is needed.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { startBareWorkerd } from "../support/bare_workerd.mjs";
import { assertError, sendRawRequest } from "../support/http.mjs";
import { nodeFetch } from "../support/issuer.mjs";
import { Subscriber } from "../support/subscriber.mjs";
import { eventOf, login, slo } from "../support/records.mjs";
import { publishToken } from "../support/tenant.mjs";

const { issuer, workerd } = await startBareWorkerd();

const call = (path, init) => nodeFetch(new URL(path, workerd.url), init);
const publish = (...records) =>
  call("/acme/api/publish", {
    method: "POST",
    headers: { authorization: publishToken("acme.auth0.com") },
    body: JSON.stringify(records),
  });

describe("on bare workerd", () => {
  test("every route answers as it should", async () => {
    const headers = { authorization: `Bearer ${issuer.token()}` };
    for (const path of [
      "/",
      "/acme/_debug",
      "/acme/api/_debug",
      "/acme/api/listeners",
      "/acme/api/events",
    ]) {
      const response = await call(path, { headers });
      assert.equal(response.status, 200, `${path}: ${await response.text()}`);
    }
    const { tenant_domain } = await (await call("/acme/api/_debug")).json();
    assert.equal(tenant_domain, "acme.auth0.com");
    await assertError(await call("/acme@xx/_debug"), 404, "not_found");
    // The live page is made of assets, which this runtime does not have.
    await assertError(await call("/acme/console"), 404, "not_found");
    await assertError(await call("/acme/api/events"), 401, "invalid_token");
    await assertError(await call("/acme/api/subscribe"), 426, "upgrade_required");
    await assertError(await call("/acme/api/publish"), 405, "method_not_allowed");
    const preflight = await sendRawRequest(workerd.url, {
      method: "OPTIONS",
      path: "/acme/api/events",
    });
    assert.equal(preflight.status, 204);
  });

  test("events go from the publisher to the listeners, once", async () => {
    const url = new URL("/acme/api/subscribe", workerd.url.href.replace("http", "ws"));
    const listener = await Subscriber.connect(url);
    assert.deepEqual(await listener.next(), { type: "connected" });
    assert.equal((await listener.authenticate(issuer.token())).type, "authenticated");
    const protocols = [
      "session-events",
      `bearer.${issuer.token({ sub: "auth0|jane", scope: "listen:events:self" })}`,
    ];
    const jane = await Subscriber.connect(url, { protocols });
    assert.equal(jane.protocol, "session-events");
    assert.deepEqual(
      (await jane.take(2)).map(({ type }) => type),
      ["connected", "authenticated"],
    );

    const records = [slo(), login(), slo({ user_id: "auth0|jane" })];
    const response = await publish(...records, records[0]);
    assert.deepEqual(await response.json(), {
      received: 4,
      events: 2,
      duplicates: 1,
      ignored: 1,
      malformed: 0,
    });
    assert.deepEqual(await listener.take(2), [records[0], records[2]].map(eventOf));
    assert.deepEqual(await jane.next(), eventOf(records[2]));
    listener.send('{"type":"ping"}');
    assert.deepEqual(await listener.next(), { type: "pong" });
    for (const socket of [listener, jane]) assert.equal((await socket.close(1000)).code, 1000);
  });

  test("a bad token closes its socket", async () => {
    const listener = await Subscriber.connect(
      new URL("/acme/api/subscribe", workerd.url.href.replace("http", "ws")),
    );
    await listener.next();
    assert.equal((await listener.authenticate("x")).error, "invalid_token");
    await listener.closedWith(4401);
  });

  test("nothing but refusals is in the log", () => {
    for (const line of workerd.log.trim().split("\n")) {
      const { what, error } = JSON.parse(line);
      assert.equal(what, "refused", line);
      assert.notEqual(error, "internal_error", line);
    }
  });
});
