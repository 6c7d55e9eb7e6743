// Refusing revoked tokens, with what goes wrong written down.
import { after } from "node:test";

import { Revocations } from "session-events/revocation";

import { now } from "../../../tests/support/token.mjs";
import "./own_fetch.mjs";

/** Comes back soon after a loss unless the options say otherwise. */
export function followRevocations(options) {
  const errors = [];
  const revocations = new Revocations({
    whileDisconnected: "refuse",
    onError: (error) => errors.push(error),
    minReconnectDelay: 10,
    maxReconnectDelay: 50,
    ...options,
  });
  after(() => revocations.close());
  const codeOf = (claims) => {
    try {
      revocations.check(claims);
      return "passed";
    } catch (error) {
      return error.code;
    }
  };
  return {
    revocations,
    /** What `onError` was told. */
    errors,
    codes: () => errors.map(({ code }) => code),
    /** What becomes of a token with these claims. */
    codeOf,
    /** Of these users, those that get in with a token of five seconds ago. */
    passing: (users) =>
      users.filter((sub) => codeOf({ sub, iat: now() - 600 }) !== "invalid_token"),
  };
}
