// Token issuers that live inside the test process.
//
// Whatever the worker asks of the outside goes through this process's `globalThis.fetch`. It is
// replaced here: a key set of a known issuer is answered, everything else is refused and written
// down in `strayRequests`, so that a test can tell that nothing else was ever asked for.
import { setTimeout as delay } from "node:timers/promises";

import { jwk, signingKey } from "./keys.mjs";
import { mint, now } from "./token.mjs";

export const AUDIENCE = "https://events.auth0a.com/api";

const issuers = new Map();
/** Requests of the worker for anything but the key set of an issuer of a test. */
export const strayRequests = [];
/** Node's own fetch, for the tests' requests to the worker. */
export const nodeFetch = globalThis.fetch;

globalThis.fetch = async (input, init) => {
  const url = String(input?.url ?? input);
  const issuer = issuers.get(url);
  const method = init?.method ?? input?.method ?? "GET";
  if (issuer && method === "GET") return issuer.answer(init?.headers ?? input?.headers);
  strayRequests.push(`${method} ${url}`);
  throw new TypeError(`the tests know no issuer at ${url}`);
};

/** One issuer: its keys, how its key set is answered, how often it was asked, and its tokens. */
export class Issuer {
  keys = [jwk(signingKey(), "key-1")];
  /** Requests for the key set so far. */
  fetches = 0;
  /** Headers of these requests. */
  requests = [];
  /** How the key set is answered; one of `answers` or a function of the test's own. */
  behaviour = answers.keySet;

  constructor(issuer, jwksUri = `${issuer}.well-known/jwks.json`) {
    this.issuer = issuer;
    this.jwksUri = jwksUri;
    issuers.set(jwksUri, this);
  }

  answer(headers) {
    this.fetches += 1;
    this.requests.push(new Headers(headers));
    return this.behaviour(this);
  }

  /** Claims as Auth0 writes them, with the test's changes; `undefined` leaves one out. */
  claims(changes = {}) {
    const issuedAt = now();
    return {
      iss: this.issuer,
      sub: "auth0|6182002f34f4dd006b05b5c7",
      aud: AUDIENCE,
      iat: issuedAt,
      exp: issuedAt + 3600,
      azp: "1TAdZxKQk1kZ9hJ0dyWpm3vC0bLxPq2S",
      scope: "listen:events",
      ...changes,
    };
  }

  /** A token that is right in every way except where `claims`, `header` or `options` say. */
  token(claims = {}, header = {}, options = {}) {
    return mint({
      header: { alg: "RS256", typ: "JWT", kid: "key-1", ...header },
      claims: this.claims(claims),
      key: signingKey().privateKey,
      ...options,
    });
  }
}

const keySetOf = (issuer) => JSON.stringify({ keys: issuer.keys });
const jsonAnswer = (body, init) =>
  new Response(body, { headers: { "content-type": "application/json" }, ...init });

/** What a request for a key set can meet. */
export const answers = {
  keySet: (issuer) => jsonAnswer(keySetOf(issuer)),
  text: (text) => () => jsonAnswer(text),
  status: (status) => (issuer) =>
    jsonAnswer([204, 205, 304].includes(status) ? null : keySetOf(issuer), { status }),
  /** The key set in other bytes, or with headers that say so. */
  encoded:
    (encode, headers = {}) =>
    (issuer) =>
      new Response(encode(keySetOf(issuer)), { headers }),
  redirect:
    (location, status = 302) =>
    () =>
      new Response(null, { status, headers: { location } }),
  unreachable: () => {
    throw new TypeError("fetch failed");
  },
  /** The key set, in exactly `bytes` bytes. */
  sized: (bytes) => (issuer) => jsonAnswer(keySetOf(issuer).padEnd(bytes, " ")),
  /** The key set in exactly `bytes` bytes, without a Content-Length. */
  streamed: (bytes) => (issuer) =>
    jsonAnswer(new Blob([keySetOf(issuer).padEnd(bytes, " ")]).stream()),
  /** The key set, after `milliseconds`. */
  slow: (milliseconds) => async (issuer) => {
    await delay(milliseconds, undefined, { ref: false });
    return answers.keySet(issuer);
  },
  /** Status and headers at once, the body never. */
  stalled: () => () =>
    jsonAnswer(new ReadableStream({ start: (c) => c.enqueue(Buffer.from("{")) })),
  /** Status and headers at once, then a space now and then for as long as anybody waits. */
  dripping: () => () =>
    jsonAnswer(
      new ReadableStream({
        async pull(controller) {
          await delay(200, undefined, { ref: false });
          controller.enqueue(Buffer.from(" "));
        },
      }),
    ),
};
