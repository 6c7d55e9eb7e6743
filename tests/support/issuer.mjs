// Token issuers inside the test process.
//
// The Worker sends its outgoing requests through the `globalThis.fetch` of this process, which is
// replaced here. Requests for the key set of a known issuer get a response. All other requests
// fail and are recorded in `unexpectedRequests`.
import { setTimeout as delay } from "node:timers/promises";

import { jwk, signingKey } from "./keys.mjs";
import { now, signToken } from "./token.mjs";

export const AUDIENCE = "https://events.auth0a.com/api";

const issuers = new Map();
/** Requests of the Worker for anything but the key set of a known issuer. */
export const unexpectedRequests = [];
/** The original fetch, with which tests send requests to the Worker. */
export const nodeFetch = globalThis.fetch;

globalThis.fetch = async (input, init) => {
  const url = String(input?.url ?? input);
  const issuer = issuers.get(url);
  const method = init?.method ?? input?.method ?? "GET";
  if (issuer && method === "GET") return issuer.respond(init?.headers ?? input?.headers);
  unexpectedRequests.push(`${method} ${url}`);
  throw new TypeError(`no issuer of a test has the URL ${url}`);
};

/** A token issuer: its keys, its key set endpoint, and the tokens it signs. */
export class Issuer {
  keys = [jwk(signingKey(), "key-1")];
  /** Number of requests for the key set. */
  fetches = 0;
  /** Headers of those requests. */
  requests = [];
  /** Returns the response to a request for the key set: one of `keySetResponses`, or any function. */
  behaviour = keySetResponses.keySet;

  constructor(issuer, jwksUri = `${issuer}.well-known/jwks.json`) {
    this.issuer = issuer;
    this.jwksUri = jwksUri;
    issuers.set(jwksUri, this);
  }

  respond(headers) {
    this.fetches += 1;
    this.requests.push(new Headers(headers));
    return this.behaviour(this);
  }

  /** The claims of an Auth0 access token with `changes` applied; `undefined` removes a claim. */
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

  /** A valid token, except for the changes in `claims`, `header` or the signing `options`. */
  token(claims = {}, header = {}, options = {}) {
    return signToken({
      header: { alg: "RS256", typ: "JWT", kid: "key-1", ...header },
      claims: this.claims(claims),
      key: signingKey().privateKey,
      ...options,
    });
  }
}

const keySetJson = (issuer) => JSON.stringify({ keys: issuer.keys });
const jsonResponse = (body, init) =>
  new Response(body, { headers: { "content-type": "application/json" }, ...init });

/** Responses to a request for the key set. */
export const keySetResponses = {
  keySet: (issuer) => jsonResponse(keySetJson(issuer)),
  text: (text) => () => jsonResponse(text),
  status: (status) => (issuer) =>
    jsonResponse([204, 205, 304].includes(status) ? null : keySetJson(issuer), { status }),
  /** The key set after `encode`, with these headers. */
  encoded:
    (encode, headers = {}) =>
    (issuer) =>
      new Response(encode(keySetJson(issuer)), { headers }),
  redirect:
    (location, status = 302) =>
    () =>
      new Response(null, { status, headers: { location } }),
  unreachable: () => {
    throw new TypeError("fetch failed");
  },
  /** The key set, padded to exactly `bytes` bytes. */
  sized: (bytes) => (issuer) => jsonResponse(keySetJson(issuer).padEnd(bytes, " ")),
  /** The key set, padded to exactly `bytes` bytes, without a Content-Length. */
  streamed: (bytes) => (issuer) =>
    jsonResponse(new Blob([keySetJson(issuer).padEnd(bytes, " ")]).stream()),
  /** The key set, after `milliseconds`. */
  slow: (milliseconds) => async (issuer) => {
    await delay(milliseconds, undefined, { ref: false });
    return keySetResponses.keySet(issuer);
  },
  /** Sends status and headers at once, and never completes the body. */
  stalled: () => () =>
    jsonResponse(new ReadableStream({ start: (c) => c.enqueue(Buffer.from("{")) })),
  /** Sends status and headers at once, and then a space every 200 ms without end. */
  dripping: () => () =>
    jsonResponse(
      new ReadableStream({
        async pull(controller) {
          await delay(200, undefined, { ref: false });
          controller.enqueue(Buffer.from(" "));
        },
      }),
    ),
};
