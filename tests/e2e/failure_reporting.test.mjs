// Every refusal is a line in the log that says which tenant's it was, what was asked for and why
// it was refused, and carries the id that the answer carries too. No line holds a token.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { openSocket } from "../support/sockets.mjs";
import { slo } from "../support/records.mjs";
import { publishToken, Tenant } from "../support/tenant.mjs";
import { waitFor } from "../support/wait_for.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();

/** The lines of the log, each with its level. */
const lines = () =>
  worker
    .logs()
    .flatMap(({ level, message }) =>
      message.startsWith("{") ? [{ level, ...JSON.parse(message) }] : [],
    );

/** The one line of the log that `wanted` describes, once it is there. */
async function line(wanted) {
  const isWanted = (one) => Object.entries(wanted).every(([name, value]) => one[name] === value);
  await waitFor(
    () => lines().some(isWanted),
    () => `no line like ${JSON.stringify(wanted)}`,
  );
  const found = lines().filter(isWanted);
  assert.equal(found.length, 1, JSON.stringify(found));
  return found[0];
}

const bearer = (token) => ({ headers: { authorization: `Bearer ${token}` } });

describe("a request that is refused", { concurrency: true }, () => {
  const tenant = new Tenant(worker);
  const stranger = tenant.token({}, { kid: "unknown" });

  for (const [name, endpoint, status, error, attempt] of [
    ["without a token", "events", 401, "invalid_token", () => tenant.fetch("/api/events")],
    [
      "with a token that is no good",
      "listeners",
      401,
      "invalid_token",
      () => tenant.get("/api/listeners", stranger),
    ],
    [
      "with too few rights",
      "events",
      403,
      "insufficient_scope",
      () => tenant.get("/api/events", tenant.token({ scope: "openid" })),
    ],
    [
      "on the upgrade",
      "subscribe",
      401,
      "invalid_token",
      () => openSocket(tenant.subscribeUrl(), bearer(stranger).headers),
    ],
    [
      "without an upgrade",
      "subscribe",
      426,
      "upgrade_required",
      () => tenant.fetch("/api/subscribe"),
    ],
    [
      "with another tenant's publish token",
      "publish",
      401,
      "invalid_token",
      () => tenant.post("[]", { authorization: publishToken("other.us.auth0.com") }),
    ],
    ["with a body that is none", "publish", 400, "invalid_request", () => tenant.post("garbage")],
    [
      "with a method that is not taken",
      "events",
      405,
      "method_not_allowed",
      () => tenant.fetch("/api/events", { method: "DELETE" }),
    ],
  ]) {
    test(`${name} is a line in the log, with the answer's id`, async () => {
      const response = await attempt();
      assert.equal(response.status, status);
      const request_id = response.headers.get("x-request-id");
      assert.match(request_id, /^[\da-f-]{16,}$/);
      const { level, what, detail, ...rest } = await line({ request_id });
      assert.deepEqual(rest, { tenant: tenant.domain, endpoint, error, request_id });
      assert.equal(what, "refused");
      assert.match(detail, /^[A-Z].*\.$/, "a sentence says why");
      assert.notEqual(level, "error", "nothing is wrong with the worker");
    });
  }

  test("because there is no such tenant is one as well", async () => {
    const response = await worker.fetch("/acme@xx/api/events");
    const request_id = response.headers.get("x-request-id");
    const { tenant, endpoint, error } = await line({ request_id });
    assert.deepEqual([tenant, endpoint, error], ["", "none", "not_found"]);
  });

  test("goes by Cloudflare's own id where there is one, if it looks like one", async () => {
    const ray = "8a1b2c3d4e5f6789-FRA";
    const ask = (id) => tenant.fetch("/api/events", { headers: { "cf-ray": id } });
    assert.equal((await ask(ray)).headers.get("x-request-id"), ray);
    for (const id of ['x"}', "x y", "x".repeat(65)])
      assert.notEqual((await ask(id)).headers.get("x-request-id"), id);
  });

  test("can be quoted by a browser of any origin", async () => {
    const { headers } = await tenant.fetch("/api/events");
    assert.match(headers.get("access-control-expose-headers"), /\bx-request-id\b/);
  });
});

describe("a socket that is refused", { concurrency: true }, () => {
  const refused = (tenant, error) => line({ tenant: tenant.domain, endpoint: "socket", error });

  test("its token is a line in the log", async () => {
    const tenant = new Tenant(worker);
    await (await tenant.connect()).authenticate("x");
    assert.equal((await refused(tenant, "invalid_token")).what, "refused");
  });

  test("its rights is a line in the log", async () => {
    const tenant = new Tenant(worker);
    await (await tenant.connect()).authenticate(tenant.token({ scope: "openid" }));
    await refused(tenant, "insufficient_scope");
  });

  test("a message is a line in the log", async () => {
    const tenant = new Tenant(worker);
    const listener = await tenant.subscribe();
    listener.send("nonsense");
    await refused(tenant, "invalid_message");
  });
});

test("no line holds a token, a secret, or more of a user than the id", async () => {
  const tenant = new Tenant(worker);
  const tokens = [
    tenant.token({ email: "jane@example.com" }),
    tenant.token({ email: "jane@example.com", aud: "other" }),
    tenant.token({ email: "jane@example.com" }, { kid: "unknown" }),
    tenant.token({ email: "jane@example.com" }, { alg: "none" }),
    "jane@example.com",
  ];
  for (const token of tokens) {
    await tenant.get("/api/events", token);
    await tenant.get("/api/events?access_token=" + token, token);
    await (await tenant.connect()).authenticate(token);
    await tenant.post(`[{"log_id":"1","data":{"type":1,"user_name":"${tokens.at(-1)}"}}]`);
    await tenant.post("[]", { authorization: token });
  }
  await tenant.publish(slo());
  const isHers = ({ tenant: domain }) => domain === tenant.domain;
  await waitFor(() => lines().filter(isHers).length >= 4 * tokens.length);
  const log = JSON.stringify(worker.logs());
  const parts = tokens.flatMap((token) => token.split(".")).filter((part) => part.length > 20);
  for (const secret of [...parts, "jane@", publishToken(tenant.domain)])
    assert.ok(!log.includes(secret), `the log holds ${secret}`);
});
