// Every rejected request and message writes a log entry with the tenant, the endpoint, the error and
// the request id of the response. No log entry contains a token.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { openSocket } from "../support/sockets.mjs";
import { slo } from "../support/records.mjs";
import { publishToken, Tenant } from "../support/tenant.mjs";
import { waitFor } from "../support/wait_for.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();

/** Returns the structured log entries with their levels. */
const logEntries = () =>
  worker
    .logs()
    .flatMap(({ level, message }) =>
      message.startsWith("{") ? [{ level, ...JSON.parse(message) }] : [],
    );

/** Waits for a log entry with these members, asserts that it is the only one, and returns it. */
async function logEntry(expected) {
  const matches = (entry) =>
    Object.entries(expected).every(([name, value]) => entry[name] === value);
  await waitFor(
    () => logEntries().some(matches),
    () => `no log entry matches ${JSON.stringify(expected)}`,
  );
  const found = logEntries().filter(matches);
  assert.equal(found.length, 1, JSON.stringify(found));
  return found[0];
}

const bearer = (token) => ({ headers: { authorization: `Bearer ${token}` } });

describe("a rejected request", { concurrency: true }, () => {
  const tenant = new Tenant(worker);
  const invalidToken = tenant.token({}, { kid: "unknown" });

  for (const [name, endpoint, status, error, send] of [
    ["without a token", "events", 401, "invalid_token", () => tenant.fetch("/api/events")],
    [
      "with an invalid token",
      "listeners",
      401,
      "invalid_token",
      () => tenant.get("/api/listeners", invalidToken),
    ],
    [
      "with insufficient scope",
      "events",
      403,
      "insufficient_scope",
      () => tenant.get("/api/events", tenant.token({ scope: "openid" })),
    ],
    [
      "with an invalid token on the upgrade",
      "subscribe",
      401,
      "invalid_token",
      () => openSocket(tenant.subscribeUrl(), bearer(invalidToken).headers),
    ],
    [
      "to subscribe without an upgrade",
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
    ["with an invalid body", "publish", 400, "invalid_request", () => tenant.post("garbage")],
    [
      "with an unsupported method",
      "events",
      405,
      "method_not_allowed",
      () => tenant.fetch("/api/events", { method: "DELETE" }),
    ],
  ]) {
    test(`${name} writes a log entry with the request id of the response`, async () => {
      const response = await send();
      assert.equal(response.status, status);
      const request_id = response.headers.get("x-request-id");
      assert.match(request_id, /^[\da-f-]{16,}$/);
      const { level, what, detail, ...rest } = await logEntry({ request_id });
      assert.deepEqual(rest, { tenant: tenant.domain, endpoint, error, request_id });
      assert.equal(what, "refused");
      assert.match(detail, /^[A-Z].*\.$/, "the detail is a sentence");
      assert.notEqual(level, "error", "a rejected request is not an error of the Worker");
    });
  }

  test("for an unknown tenant writes a log entry", async () => {
    const response = await worker.fetch("/acme@xx/api/events");
    const request_id = response.headers.get("x-request-id");
    const { tenant, endpoint, error } = await logEntry({ request_id });
    assert.deepEqual([tenant, endpoint, error], ["", "none", "not_found"]);
  });

  test("has the Cloudflare Ray ID as its request id if that is well-formed", async () => {
    const ray = "8a1b2c3d4e5f6789-FRA";
    const sendWithRay = (id) => tenant.fetch("/api/events", { headers: { "cf-ray": id } });
    assert.equal((await sendWithRay(ray)).headers.get("x-request-id"), ray);
    for (const id of ['x"}', "x y", "x".repeat(65)])
      assert.notEqual((await sendWithRay(id)).headers.get("x-request-id"), id);
  });

  test("exposes its request id to browsers of any origin", async () => {
    const { headers } = await tenant.fetch("/api/events");
    assert.match(headers.get("access-control-expose-headers"), /\bx-request-id\b/);
  });
});

describe("a rejected message", { concurrency: true }, () => {
  const rejection = (tenant, error) =>
    logEntry({ tenant: tenant.domain, endpoint: "socket", error });

  test("with an invalid token writes a log entry", async () => {
    const tenant = new Tenant(worker);
    await (await tenant.connect()).authenticate("x");
    assert.equal((await rejection(tenant, "invalid_token")).what, "refused");
  });

  test("with insufficient scope writes a log entry", async () => {
    const tenant = new Tenant(worker);
    await (await tenant.connect()).authenticate(tenant.token({ scope: "openid" }));
    await rejection(tenant, "insufficient_scope");
  });

  test("that is malformed writes a log entry", async () => {
    const tenant = new Tenant(worker);
    const subscriber = await tenant.subscribe();
    subscriber.send("nonsense");
    await rejection(tenant, "invalid_message");
  });
});

test("the log contains no token, no secret, and no user data except the id", async () => {
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
  const isOfTenant = ({ tenant: domain }) => domain === tenant.domain;
  await waitFor(() => logEntries().filter(isOfTenant).length >= 4 * tokens.length);
  const log = JSON.stringify(worker.logs());
  const parts = tokens.flatMap((token) => token.split(".")).filter((part) => part.length > 20);
  for (const secret of [...parts, "jane@", publishToken(tenant.domain)])
    assert.ok(!log.includes(secret), `the log contains ${secret}`);
});
