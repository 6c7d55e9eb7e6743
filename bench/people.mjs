// Who listens, with tokens, and what is published. Within the worker's limits: a user has at most
// 100 sockets, a backend 1,000.
import { slo } from "../tests/support/records.mjs";

const SOCKETS_OF_A_BACKEND = 1_000;
const SCOPES = { "*": "listen:events", self: "listen:events:self" };

/** A user's id, of the length of Auth0's. */
export const user = (number) => `auth0|${number.toString(16).padStart(24, "0")}`;

/** Who may listen: the tokens of an issuer. A signature takes half a millisecond, so each once. */
export class People {
  #issuer;
  #tokens = new Map();

  constructor(issuer) {
    this.#issuer = issuer;
  }

  /** So many listeners for all events. */
  backends(count, from = 0) {
    const sub = (number) => `backend-${Math.floor(number / SOCKETS_OF_A_BACKEND)}@clients`;
    return Array.from({ length: count }, (_, number) => this.#listener(sub(from + number), "*"));
  }

  /** So many listeners for their own events, `each` of them the same user's. */
  users(count, each = 1, from = 0) {
    const sub = (number) => user(Math.floor(number / each));
    return Array.from({ length: count }, (_, number) => this.#listener(sub(from + number), "self"));
  }

  #listener(sub, filter) {
    if (!this.#tokens.has(sub)) {
      this.#tokens.set(sub, this.#issuer.token({ sub, scope: SCOPES[filter] }));
    }
    return { token: this.#tokens.get(sub), sub, filter };
  }
}

/** A record of a logout, of the length of Auth0's. */
export const logout = (user_id) => slo({ user_id });

/** The same as short as it can be, so that ten thousand go into one body. */
export const shortLogout = (user_id) => {
  const { log_id, data } = logout(user_id);
  const { date, type, details } = data;
  return { log_id, data: { date, type, user_id, details: { session_id: details.session_id } } };
};
