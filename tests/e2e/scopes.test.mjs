// The filter that a token's scope and permissions grant.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { assertError } from "../support/http.mjs";
import { Tenant } from "../support/tenant.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();

describe("the scope and permissions of a token", { concurrency: true }, () => {
  const SELF = "listen:events:self";
  const CASES = [
    ["*", { scope: "listen:events" }],
    ["*", { scope: "openid listen:events offline_access" }],
    ["*", { scope: undefined, permissions: ["listen:events"] }],
    ["*", { scope: "openid", permissions: ["read:users", "listen:events"] }],
    ["self", { scope: SELF }],
    ["self", { scope: undefined, permissions: [SELF] }],
    ["self", { scope: `listen:events ${SELF}` }],
    ["self", { scope: `${SELF} listen:events` }],
    ["self", { scope: "listen:events", permissions: [SELF] }],
    ["self", { scope: SELF, permissions: ["listen:events"] }],
    ["self", { scope: undefined, permissions: ["listen:events", SELF] }],
    ["*", { scope: `listen:events ${SELF}ish` }],
    [null, { scope: undefined }],
    [null, { scope: "" }],
    [null, { scope: "listen:eventsx" }],
    [null, { scope: "xlisten:events" }],
    [null, { scope: "listen:events:selfish listen:events: listen:events:all" }],
    [null, { scope: "listen events" }],
    [null, { scope: "listen:events,listen:events:self" }],
    [null, { scope: "LISTEN:EVENTS" }],
    [null, { scope: undefined, permissions: ["listen:events read:users"] }],
    [null, { scope: undefined, permissions: "listen:events" }],
    [null, { scope: undefined, permissions: [] }],
    [
      null,
      { scope: undefined, permissions: [["listen:events"], { name: "listen:events" }, 7, null] },
    ],
    ["*", { scope: undefined, permissions: [7, null, "listen:events"] }],
  ];
  for (const [filter, claims] of CASES) {
    test(`${JSON.stringify(claims)} grant ${filter ? `the filter ${filter}` : "no permission to listen"}`, async () => {
      const tenant = new Tenant(worker);
      const response = await (await tenant.connect()).authenticate(tenant.token(claims));
      if (filter) assert.equal(response.filter, filter);
      else assert.equal(response.error, "insufficient_scope");
    });
  }
});

describe("listen:events:self grants no access to other users", { concurrency: true }, () => {
  const SELF = "listen:events:self";
  const ENDPOINTS = {
    listeners: (tenant, token) => tenant.get("/api/listeners", token),
    events: (tenant, token) => tenant.get("/api/events", token),
    revocations: (tenant, token) => tenant.get("/api/revocations", token),
    introspect: (tenant, token) =>
      tenant.fetch("/api/introspect", {
        method: "POST",
        headers: { authorization: `Bearer ${token}` },
        body: new URLSearchParams({ token }),
      }),
  };
  for (const [endpoint, request] of Object.entries(ENDPOINTS)) {
    test(`${endpoint} responds with 403, even if the token also has listen:events`, async () => {
      const tenant = new Tenant(worker);
      const describe = async (claims) => {
        const response = await request(tenant, tenant.token(claims));
        assert.match(response.headers.get("www-authenticate"), /scope="listen:events"$/);
        const body = await assertError(response, 403, "insufficient_scope");
        return body.error_description;
      };
      assert.match(await describe({ scope: SELF }), /lacks the permission listen:events\./);
      for (const claims of [
        { scope: `listen:events ${SELF}` },
        { scope: "listen:events", permissions: [SELF] },
        { scope: SELF, permissions: ["listen:events"] },
      ])
        assert.match(await describe(claims), /restricts the access token to its own events/);
      assert.equal((await request(tenant, tenant.token())).status, 200);
    });
  }
});
