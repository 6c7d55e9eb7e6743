// The stand-in for Auth0's Management API rejects what Auth0 rejects, in the same form. Otherwise the
// tests that use it would prove little.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { sendRawRequest } from "./support/http.mjs";
import { ManagementApi } from "./support/management_api.mjs";

const tenant = await ManagementApi.start();
after(() => tenant.close());

async function request(line, body, token = tenant.managementToken()) {
  const [method, path] = line.split(" ");
  const { status, text } = await sendRawRequest(new URL(tenant.url), {
    method,
    path: `/api/v2${path}`,
    headers: {
      "content-type": "application/json",
      ...(token && { authorization: `Bearer ${token}` }),
    },
    body: body && JSON.stringify(body),
  });
  return { status, body: text && JSON.parse(text) };
}

const AUDIENCE = "https://events.example.com/api";
const api = { identifier: AUDIENCE, scopes: [{ value: "listen:events" }] };
const sink = { httpEndpoint: "https://events.example.com/" };
const stream = { name: "x", type: "http", sink };
const grant = { client_id: "backend-app", audience: AUDIENCE, scope: ["listen:events"] };
assert.equal((await request("POST /resource-servers", api)).status, 201);

for (const [problem, status, line, body, message] of [
  ["an unknown member", 400, "POST /log-streams", { ...stream, x: 1 }, /not allowed: x/],
  [
    "an unknown member of a member",
    400,
    "POST /log-streams",
    { ...stream, sink: { ...sink, x: 1 } },
    /sink/,
  ],
  ["a missing member", 400, "POST /log-streams", { type: "http" }, /required property: sink/],
  [
    "an invalid value",
    400,
    "POST /resource-servers",
    { identifier: "x", token_lifetime: -1 },
    /token_l/,
  ],
  [
    "a member that cannot be updated",
    400,
    "PATCH /resource-servers/rs_000000000002",
    api,
    /identifier/,
  ],
  ["an empty update", 400, "PATCH /resource-servers/rs_000000000002", {}, /Too few properties/],
  ["an unknown query parameter", 400, "GET /log-streams?page=1", undefined, /not allowed: page/],
  [
    "a scope that the API lacks",
    400,
    "POST /client-grants",
    { ...grant, scope: ["x"] },
    /not defined: x/,
  ],
  ["an unknown application", 404, "POST /client-grants", { ...grant, client_id: "x" }, /client x/],
  ["an unknown id", 404, "GET /resource-servers/x", undefined, /no resource-servers/],
  ["an unknown id to delete", 404, "DELETE /log-streams/x", undefined, /no log-streams/],
  ["an unknown path", 404, "GET /users/x/y", undefined, /Not Found/],
  ["a duplicate API", 409, "POST /resource-servers", api, /already exists/],
])
  test(`The stand-in rejects ${problem} with ${status}`, async () => {
    const { body: response, ...rest } = await request(line, body);
    assert.equal(rest.status, status, JSON.stringify(response));
    assert.equal(response.statusCode, status);
    assert.match(response.message, message);
    assert.equal(typeof response.error, "string");
  });

test("The stand-in names a missing scope, and rejects other tokens", async () => {
  const reading = tenant.managementToken(["read:log_streams"]);
  assert.deepEqual(await request("POST /log-streams", stream, reading), {
    status: 403,
    body: {
      statusCode: 403,
      error: "Forbidden",
      message: "Insufficient scope, expected any of: create:log_streams",
      errorCode: "insufficient_scope",
    },
  });
  assert.equal((await request("GET /log-streams", undefined, reading)).status, 200);
  const other = tenant.managementToken(undefined, { aud: AUDIENCE });
  for (const token of [other, "x", ""])
    assert.equal((await request("GET /log-streams", undefined, token)).status, 401);
});
