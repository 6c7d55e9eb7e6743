// Introspection by clients that others have written, as they are: whoever has one in place needs
// nothing of ours.
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

/** A client authenticates by its own access token (RFC 7662, section 2.1). */
const bearer = (token) => (_server, _client, _body, headers) =>
  token && headers.set("authorization", `Bearer ${token}`);

const serverOf = (tenant) => ({
  issuer: tenant.issuer.issuer,
  introspection_endpoint: new URL(`/${tenant.slug}/api/introspect`, worker.url).href,
});

// Both get Node's own fetch, for the worker under test has the global one; and the worker is on
// this machine, without TLS.
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
    test("gives the claims of a token that is good", async () => {
      const tenant = new Tenant(worker);
      const claims = tenant.issuer.claims({ aud: "https://api.example.com", iat: issued });
      const answer = await introspect(tenant, tenant.token(), tenant.issuer.token(claims));
      assert.deepEqual(answer, {
        ...claims,
        active: true,
        client_id: claims.azp,
        token_type: "Bearer",
      });
    });

    test("tells that a token was revoked", async () => {
      const tenant = new Tenant(worker);
      const ask = (iat) => introspect(tenant, tenant.token(), tenant.token({ sub: USER, iat }));
      assert.equal((await ask(issued)).active, true);
      const date = new Date((issued + 60) * 1000).toISOString();
      await tenant.publish(scp({ user_id: USER, date }));
      assert.deepEqual(await ask(issued), { active: false });
      assert.equal((await ask(issued + 61)).active, true);
    });

    test("tells that a token is none", async () => {
      const tenant = new Tenant(worker);
      assert.deepEqual(await introspect(tenant, tenant.token(), "opaque"), { active: false });
    });

    test("fails, in the words of the worker's challenge, for a caller without a good token", async () => {
      const tenant = new Tenant(worker);
      const failure = async (ownToken) => {
        const asking = introspect(tenant, ownToken, tenant.token());
        const error = await asking.then(
          () => assert.fail("it was answered"),
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
