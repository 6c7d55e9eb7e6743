// Tests of one line each: a token, and whether it is good. Every token is tried at both doors: over
// HTTP, where the Worker checks it, and on a socket, where the tenant's object does.
import assert from "node:assert/strict";
import { test } from "node:test";

import { assertError, assertFault } from "./http.mjs";
import { shown } from "./token.mjs";

/** What a header can carry as it is. The spaces round a value are not part of it. */
const HEADER_VALUE = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/;

/**
 * Two functions that define a test from the name of a case and from what makes its token, and for
 * a bad one from what the description says of it. A token that no header can carry is tried on a
 * socket alone.
 */
export function verdictsFor(tenant) {
  const overHttp = (token) => tenant.get("/api/events", token);

  async function onSocket(token) {
    const listener = await tenant.connect();
    return { listener, answer: await listener.authenticate(token) };
  }

  const accepted = (name, token) =>
    test(`${name} is accepted`, async () => {
      const response = await overHttp(token());
      assert.equal(response.status, 200, await response.text());
      const { listener, answer } = await onSocket(token());
      assert.equal(answer.type, "authenticated", JSON.stringify(answer));
      await listener.close();
    });

  const refused = (name, token, reason = /./) =>
    test(`${name} is refused`, async () => {
      const bad = shown(token());
      if (HEADER_VALUE.test(bad)) {
        const response = await overHttp(bad);
        const challenge = response.headers.get("www-authenticate") ?? "";
        assert.match(challenge, /^Bearer .*error="invalid_token"/);
        const { error_description } = await assertError(response, 401, "invalid_token");
        assert.match(error_description, reason);
      }
      const { listener, answer } = await onSocket(bad);
      const { type, ...fault } = answer;
      assert.equal(type, "authentication_failed");
      assertFault(fault, "invalid_token");
      assert.match(fault.error_description, reason);
      await listener.closedWith(4401);
    });

  return { accepted, refused };
}

/** What the descriptions say of a bad token. */
export const reasons = {
  algorithm: /must be signed with RS256 or PS256/,
  ambiguous: /names more than one signing key/,
  audience: /for another API/,
  expired: /has expired/,
  form: /not a well-formed JSON Web Token/,
  header: /carries a parameter that is not accepted/,
  issuer: /iss is not an issuer of this tenant/,
  key: /kid names no signing key/,
  notYet: /not valid yet/,
  signature: /signature is not valid/,
  subject: /has no sub, or one over/,
  type: /typ must be JWT or at\+jwt/,
};
