// Express middleware that rejects access tokens of ended sessions. It does not verify tokens: it
// runs after the middleware that does, and reads the claims from the request.
import { MissingClaimsError, Revocations, type RevocationsOptions } from "./revocation/index.ts";

export {
  clientCredentials,
  MissingClaimsError,
  RevocationError,
  RevocationsUnavailableError,
  TokenRevokedError,
} from "./revocation/index.ts";
export type { RevocationsOptions } from "./revocation/index.ts";

/** The options for reading the claims from a request. */
export interface RequestClaimsOptions<Request extends object> {
  /**
   * Returns the verified claims of a request, or nothing if the request has no user. By default the
   * claims are read from `req.auth` as express-oauth2-jwt-bearer and express-jwt set it, or else
   * from `req.user`.
   */
  readonly claims?: ((request: Request) => unknown) | undefined;
  /**
   * Decides about requests that have neither claims nor an access token in the header `Authorization`
   * (scheme `Bearer` or `DPoP`). `"refuse"`, the default, rejects them with `MissingClaimsError`.
   * `"pass"` is for routes with optional authentication. An access token without claims was not
   * verified, so it is always rejected.
   */
  readonly anonymous?: "refuse" | "pass" | undefined;
}

/** The options of the middleware: either those of a new connection, or existing `revocations`. */
export type RevocationMiddlewareOptions<Request extends object = object> =
  RequestClaimsOptions<Request> &
    (
      | (RevocationsOptions & { readonly revocations?: undefined })
      | {
          /** Checks the tokens. Several middlewares can share it, and a test can pass a fake. */
          readonly revocations: Revocations;
        }
    );

/** A middleware for Express 4 and 5. It keeps a connection open until `close()` is called. */
export interface RevocationMiddleware<Request extends object = object> {
  (request: Request, response: unknown, next: (error?: unknown) => void): void;
  /** Resolves when the list of revocations is complete; see `Revocations.ready`. */
  readonly ready: Promise<void>;
  /**
   * `true` while the list of revocations is up to date and complete. `false` during an outage, and even
   * with an open socket while the list is too small; see `Revocations.connected`.
   */
  readonly connected: boolean;
  /** Closes the connection. */
  close(): void;
}

/**
 * Connects and returns the middleware. A rejected request calls `next` with an error that has a
 * `status`, a `code` and `headers`: `TokenRevokedError`, `MissingClaimsError` (both 401) or
 * `RevocationsUnavailableError` (503). The default error handler of Express responds with this
 * status and these headers.
 */
export function revocation<Request extends object = object>(
  options: RevocationMiddlewareOptions<Request>,
): RevocationMiddleware<Request> {
  const { claims: claimsOf = defaultClaimsOf, anonymous = "refuse", ...source } = options;
  if (typeof claimsOf !== "function")
    throw new TypeError("claims must be a function that returns the verified claims of a request");
  if (anonymous !== "refuse" && anonymous !== "pass")
    throw new TypeError('anonymous must be "refuse", or "pass" for optional authentication');
  const revocations = source.revocations ?? new Revocations(source);

  function check(request: Request): void {
    const claims = claimsOf(request);
    if (claims !== undefined && claims !== null) return revocations.check(claims);
    if (anonymous === "refuse" || presentsAccessToken(request)) throw new MissingClaimsError();
  }

  function middleware(request: Request, _response: unknown, next: (error?: unknown) => void) {
    try {
      check(request);
    } catch (error) {
      return next(error);
    }
    next();
  }

  return Object.defineProperties(middleware, {
    ready: { value: revocations.ready },
    connected: { get: () => revocations.connected },
    close: { value: () => revocations.close() },
  }) as RevocationMiddleware<Request>;
}

/**
 * Returns the verified claims of a request, or nothing if it has none: `req.auth.payload`
 * (express-oauth2-jwt-bearer), `req.auth` (express-jwt) or `req.user` (older versions of
 * express-jwt, and Passport if it stores the claims there). If there is an `auth`, `user` is not
 * used, so that another identity in the request cannot replace the identity of the token.
 */
function defaultClaimsOf({ auth, user }: { auth?: unknown; user?: unknown }): unknown {
  return isVerifiedJwt(auth) ? auth.payload : (auth ?? user);
}

/** The registered claims (RFC 7519, section 4.1). */
const REGISTERED_CLAIMS = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

/**
 * Returns whether a value is the result of express-oauth2-jwt-bearer: header, payload and token. The
 * claims of a token may have members with these names, too. But unlike the result, claims have
 * registered ones among them.
 */
function isVerifiedJwt(auth: unknown): auth is { readonly payload: object } {
  const members = Object(auth) as Record<string, unknown>;
  const { header, payload, token } = members;
  return (
    isObject(header) &&
    isObject(payload) &&
    typeof token === "string" &&
    !REGISTERED_CLAIMS.some((claim) => claim in members)
  );
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

/** Returns whether a request has an access token as `Bearer` (RFC 6750) or `DPoP` (RFC 9449). */
function presentsAccessToken({ headers }: { headers?: { authorization?: unknown } }): boolean {
  return /^\s*(bearer|dpop)\b/i.test(String(headers?.authorization ?? ""));
}
