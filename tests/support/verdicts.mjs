// Tests of one line each: a token, and whether it is good. Every token is tried at both doors: over
// HTTP, where the Worker checks it, and on a socket, where the tenant's object does.
import assert from "node:assert/strict";
import { test } from "node:test";

import { assertError, assertFault } from "./http.mjs";

/** Two functions that define a test from the name of a case and from what makes its token. */
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

  const refused = (name, token) =>
    test(`${name} is refused`, async () => {
      const response = await overHttp(token());
      const challenge = response.headers.get("www-authenticate") ?? "";
      assert.match(challenge, /^Bearer .*error="invalid_token"/);
      await assertError(response, 401, "invalid_token");
      const { listener, answer } = await onSocket(token());
      const { type, ...fault } = answer;
      assert.equal(type, "authentication_failed");
      assertFault(fault, "invalid_token");
      await listener.closedWith(4401);
    });

  return { accepted, refused };
}
