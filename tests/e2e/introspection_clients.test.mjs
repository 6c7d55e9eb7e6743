// Introspection with unmodified third-party OAuth clients. An application that already uses one
// of them needs no client library of this project.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import * as oauth from "oauth4webapi";
import * as openid from "openid-client";

import { nodeFetch } from "../support/issuer.mjs";
import { scp, USER } from "../support/records.mjs";
import { Tenant } from "../support/tenant.mjs";
import { now } from "../support/token.mjs";
import { startWorker } from "../support/worker.mjs";

const worker = await startWorker();
const issued = now() - 600;

/** The client authenticates with its own access token (RFC 7662, section 2.1). */
const bearer = (token) => (_server, _client, _body, headers) =>
  token && headers.set("authorization", `Bearer ${token}`);

const serverOf = (tenant) => ({
  issuer: tenant.issuer.issuer,
  introspection_endpoint: new URL(`/${tenant.slug}/api/introspect`, worker.url).href,
});

// Both clients get Node's own fetch, because the tests replace the global one. The worker listens on
// this machine without TLS.
const CLIENTS = {
  async oauth4webapi(tenant, ownToken, token) {
    const [server, client] = [serverOf(tenant), { client_id: "backend" }];
    const options = { [oauth.allowInsecureRequests]: true, [oauth.customFetch]: nodeFetch };
    const response = await oauth.introspectionRequest(
      server,
      client,
      bearer(ownToken),
      token,
      options,
    );
    return oauth.processIntrospectionResponse(server, client, response);
  },
  async "openid-client"(tenant, ownToken, token) {
    const metadata = [serverOf(tenant), "backend", undefined, bearer(ownToken)];
    const configuration = new openid.Configuration(...metadata);
    configuration[openid.customFetch] = nodeFetch;
    openid.allowInsecureRequests(configuration);
    return openid.tokenIntrospection(configuration, token, { token_type_hint: "access_token" });
  },
};

for (const [name, introspect] of Object.entries(CLIENTS)) {
  describe(`introspection by ${name}`, { concurrency: true }, () => {
    test("returns the claims of a valid token", async () => {
      const tenant = new Tenant(worker);
      const claims = tenant.issuer.claims({ aud: "https://api.example.com", iat: issued });
      const result = await introspect(tenant, tenant.token(), tenant.issuer.token(claims));
      assert.deepEqual(result, {
        ...claims,
        active: true,
        client_id: claims.azp,
        token_type: "Bearer",
      });
    });

    test("reports a revoked token as inactive", async () => {
      const tenant = new Tenant(worker);
      const introspectIssuedAt = (iat) =>
        introspect(tenant, tenant.token(), tenant.token({ sub: USER, iat }));
      assert.equal((await introspectIssuedAt(issued)).active, true);
      const date = new Date((issued + 60) * 1000).toISOString();
      await tenant.publish(scp({ user_id: USER, date }));
      assert.deepEqual(await introspectIssuedAt(issued), { active: false });
      assert.equal((await introspectIssuedAt(issued + 61)).active, true);
    });

    test("reports an opaque token as inactive", async () => {
      const tenant = new Tenant(worker);
      assert.deepEqual(await introspect(tenant, tenant.token(), "opaque"), { active: false });
    });

    test("fails with the error of the worker's challenge if the caller has no valid token", async () => {
      const tenant = new Tenant(worker);
      const failure = async (ownToken) => {
        const request = introspect(tenant, ownToken, tenant.token());
        const error = await request.then(
          () => assert.fail("the request succeeded"),
          (error) => error,
        );
        return [error.status, ...error.cause.map(({ parameters }) => parameters.error)];
      };
      const own = tenant.token({ scope: "listen:events:self" });
      assert.deepEqual(await failure(undefined), [401, undefined]);
      assert.deepEqual(await failure("opaque"), [401, "invalid_token"]);
      assert.deepEqual(await failure(own), [403, "insufficient_scope"]);
    });
  });
}
