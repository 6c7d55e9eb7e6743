// A list of revocations that records its errors.
import { after } from "node:test";

import { Revocations } from "session-events/revocation";

import { now } from "../../../tests/support/token.mjs";
import "./real_fetch.mjs";

/** Subscribes to revocations. It reconnects quickly unless the options say otherwise. */
export function startRevocations(options) {
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
    /** The errors that were passed to `onError`. */
    errors,
    codes: () => errors.map(({ code }) => code),
    /** Returns the error code for a token with these claims, or "passed". */
    codeOf,
    /** Returns the users whose tokens from ten minutes ago are not revoked. */
    unrevoked: (users) =>
      users.filter((sub) => codeOf({ sub, iat: now() - 600 }) !== "invalid_token"),
  };
}
