// The subscribers of the benchmarks and their access tokens. The Worker allows at most 100 sockets
// for a user and 1,000 for a backend.
import { userId } from "./records.mjs";

const SOCKETS_PER_BACKEND = 1_000;
const SCOPES = { "*": "listen:events", self: "listen:events:self" };

/** Creates subscribers. It signs one token per subject, because a signature takes 0.5 ms. */
export class Subscribers {
  #issuer;
  #tokens = new Map();

  constructor(issuer) {
    this.#issuer = issuer;
  }

  /** Returns `count` subscribers to all events, numbered from `from`. */
  allEvents(count, from = 0) {
    const sub = (number) => `backend-${Math.floor(number / SOCKETS_PER_BACKEND)}@clients`;
    return Array.from({ length: count }, (_, index) => this.#subscriber(sub(from + index), "*"));
  }

  /** Returns `count` subscribers to their own events, `socketsPerUser` of them for each user. */
  ownEvents(count, socketsPerUser = 1, from = 0) {
    const sub = (number) => userId(Math.floor(number / socketsPerUser));
    return Array.from({ length: count }, (_, index) => this.#subscriber(sub(from + index), "self"));
  }

  /** Returns `count` different tokens of one subject. */
  tokens(sub, filter, count) {
    return Array.from({ length: count }, (_, index) =>
      this.#issuer.token({ sub, scope: SCOPES[filter], jti: String(index) }),
    );
  }

  #subscriber(sub, filter) {
    if (!this.#tokens.has(sub)) {
      this.#tokens.set(sub, this.#issuer.token({ sub, scope: SCOPES[filter] }));
    }
    return { token: this.#tokens.get(sub), sub, filter };
  }
}
