// Express middleware that rejects access tokens of ended sessions. It does not verify tokens: it
// runs after the middleware that does, and reads the claims from the request.
import {
  Revocations,
  type AccessTokenClaims,
  type RevocationsOptions,
} from "./revocation/index.ts";

export {
  clientCredentials,
  MissingClaimsError,
  RevocationError,
  RevocationsUnavailableError,
  TokenRevokedError,
} from "./revocation/index.ts";
export type { RevocationsOptions } from "./revocation/index.ts";

/** A middleware for Express 4 and 5. It keeps a connection open until `close()` is called. */
export interface RevocationMiddleware {
  (request: object, response: unknown, next: (error?: unknown) => void): void;
  /** Resolves when the list of revocations is complete; see `Revocations.ready`. */
  readonly ready: Promise<void>;
  /** Whether the list of revocations is up to date. */
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
export function revocation(options: RevocationsOptions): RevocationMiddleware {
  const revocations = new Revocations(options);

  function middleware(request: object, _response: unknown, next: (error?: unknown) => void) {
    try {
      revocations.check(claimsOf(request));
    } catch (error) {
      return next(error);
    }
    next();
  }

  return Object.defineProperties(middleware, {
    ready: { value: revocations.ready },
    connected: { get: () => revocations.connected },
    close: { value: () => revocations.close() },
  }) as RevocationMiddleware;
}

/**
 * Returns the verified claims of a request: `req.auth.payload` (express-oauth2-jwt-bearer),
 * `req.auth` (express-jwt) or `req.user` (older versions of express-jwt, and Passport if it stores
 * the claims there). The first one that exists is used even if it has no `sub`, so that another
 * identity in the request cannot replace the identity of the token.
 */
function claimsOf(request: { auth?: unknown; user?: unknown }): AccessTokenClaims | undefined {
  const { auth, user } = request;
  return asObject(asObject(auth)?.["payload"]) ?? asObject(auth) ?? asObject(user);
}

const asObject = (value: unknown): Record<string, unknown> | undefined =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
