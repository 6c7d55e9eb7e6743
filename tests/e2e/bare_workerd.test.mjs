// Runs the Worker on the bare workerd binary, where many services of the platform are missing. The
// Worker must not need them.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { startBareWorkerd } from "../support/bare_workerd.mjs";
import { assertError, sendRawRequest } from "../support/http.mjs";
import { nodeFetch } from "../support/issuer.mjs";
import { eventOf, login, slo } from "../support/records.mjs";
import { Subscriber } from "../support/subscriber.mjs";
import { publishToken } from "../support/tenant.mjs";

const { issuer, workerd } = await startBareWorkerd();

const request = (path, init) => nodeFetch(new URL(path, workerd.url), init);
const publish = (...records) =>
  request("/acme/api/publish", {
    method: "POST",
    headers: { authorization: publishToken("acme.auth0.com") },
    body: JSON.stringify(records),
  });

describe("on bare workerd", () => {
  test("every route works", async () => {
    const headers = { authorization: `Bearer ${issuer.token()}` };
    for (const path of [
      "/",
      "/acme/_debug",
      "/acme/api/_debug",
      "/acme/api/listeners",
      "/acme/api/events",
    ]) {
      const response = await request(path, { headers });
      assert.equal(response.status, 200, `${path}: ${await response.text()}`);
    }
    const { tenant_domain } = await (await request("/acme/api/_debug")).json();
    assert.equal(tenant_domain, "acme.auth0.com");
    await assertError(await request("/acme@xx/_debug"), 404, "not_found");
    // The console consists of static assets, which this runtime does not support.
    await assertError(await request("/acme/console"), 404, "not_found");
    await assertError(await request("/acme/api/events"), 401, "invalid_token");
    await assertError(await request("/acme/api/subscribe"), 426, "upgrade_required");
    await assertError(await request("/acme/api/publish"), 405, "method_not_allowed");
    const preflight = await sendRawRequest(workerd.url, {
      method: "OPTIONS",
      path: "/acme/api/events",
    });
    assert.equal(preflight.status, 204);
  });

  test("subscribers receive each published event once", async () => {
    const url = new URL("/acme/api/subscribe", workerd.url.href.replace("http", "ws"));
    const subscriber = await Subscriber.connect(url);
    assert.deepEqual(await subscriber.next(), { type: "connected" });
    assert.equal((await subscriber.authenticate(issuer.token())).type, "authenticated");
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
    assert.deepEqual(await subscriber.take(2), [records[0], records[2]].map(eventOf));
    assert.deepEqual(await jane.next(), eventOf(records[2]));
    subscriber.send('{"type":"ping"}');
    assert.deepEqual(await subscriber.next(), { type: "pong" });
    for (const socket of [subscriber, jane]) assert.equal((await socket.close(1000)).code, 1000);
  });

  test("an invalid token closes its socket", async () => {
    const subscriber = await Subscriber.connect(
      new URL("/acme/api/subscribe", workerd.url.href.replace("http", "ws")),
    );
    await subscriber.next();
    assert.equal((await subscriber.authenticate("x")).error, "invalid_token");
    await subscriber.closedWith(4401);
  });

  test("the log contains only refused requests", () => {
    for (const line of workerd.log.trim().split("\n")) {
      const { what, error } = JSON.parse(line);
      assert.equal(what, "refused", line);
      assert.notEqual(error, "internal_error", line);
    }
  });
});
