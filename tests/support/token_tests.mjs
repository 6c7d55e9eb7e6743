// Defines one-line tests of access tokens. Each test presents the token over HTTP (checked by the
// Worker) and on a socket (checked by the tenant object).
import assert from "node:assert/strict";
import { test } from "node:test";

import { assertError, assertErrorMembers } from "./http.mjs";
import { trackCredential } from "./token.mjs";

/** The values that an HTTP header can carry unchanged. */
const HEADER_VALUE = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/;

/**
 * Returns `accepts(name, token)` and `rejects(name, token, reason)`, which define a test. `token`
 * returns the token, and `reason` matches the error description. A token that no HTTP header can
 * carry is presented on a socket only.
 */
export function tokenTestsFor(tenant) {
  const presentOverHttp = (token) => tenant.get("/api/events", token);

  async function presentOnSocket(token) {
    const subscriber = await tenant.connect();
    return { subscriber, response: await subscriber.authenticate(token) };
  }

  const accepts = (name, token) =>
    test(`accepts ${name}`, async () => {
      const httpResponse = await presentOverHttp(token());
      assert.equal(httpResponse.status, 200, await httpResponse.text());
      const { subscriber, response } = await presentOnSocket(token());
      assert.equal(response.type, "authenticated", JSON.stringify(response));
      await subscriber.close();
    });

  const rejects = (name, token, reason = /./) =>
    test(`rejects ${name}`, async () => {
      const badToken = trackCredential(token());
      if (HEADER_VALUE.test(badToken)) {
        const httpResponse = await presentOverHttp(badToken);
        const challenge = httpResponse.headers.get("www-authenticate") ?? "";
        assert.match(challenge, /^Bearer .*error="invalid_token"/);
        const { error_description } = await assertError(httpResponse, 401, "invalid_token");
        assert.match(error_description, reason);
      }
      const { subscriber, response } = await presentOnSocket(badToken);
      const { type, ...error } = response;
      assert.equal(type, "authentication_failed");
      assertErrorMembers(error, "invalid_token");
      assert.match(error.error_description, reason);
      await subscriber.closedWith(4401);
    });

  return { accepts, rejects };
}

/** Patterns of the error descriptions of invalid tokens. */
export const reasons = {
  algorithm: /is not signed with RS256 or PS256/,
  ambiguous: /identifies more than one signing key/,
  audience: /for another API/,
  expired: /has expired/,
  form: /not a well-formed JSON Web Token/,
  header: /has a parameter that is not accepted/,
  issuer: /iss of the access token is not an issuer of this tenant/,
  key: /kid of the access token identifies no signing key/,
  logoutToken: /is a logout token/,
  notYet: /not valid yet/,
  signature: /signature of the access token is invalid/,
  subject: /sub of the access token is missing or longer than/,
  type: /typ of the access token is not JWT or at\+jwt/,
};
