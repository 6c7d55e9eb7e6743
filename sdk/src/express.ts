// Express middleware that refuses access tokens whose sessions have ended. It verifies no token:
// it comes after the middleware that does, and trusts the claims which that one left behind. A
// request without claims is refused.
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

/** A middleware for Express 4 and 5, which holds a connection until `close()` is called. */
export interface RevocationMiddleware {
  (request: object, response: unknown, next: (error?: unknown) => void): void;
  /** Settles once all that the server knows has been taken in; see `Revocations.ready`. */
  readonly ready: Promise<void>;
  /** Whether everything is known up to now. */
  readonly connected: boolean;
  /** Closes the connection. */
  close(): void;
}

/**
 * Connects at once, and gives the middleware. What it refuses it hands to `next` as an error with
 * `status`, `code` and `headers`: `TokenRevokedError`, `MissingClaimsError` (both 401) or
 * `RevocationsUnavailableError` (503). Without an error handler of the application's own, Express
 * answers with just these.
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
 * Where middleware leaves the claims: `req.auth.payload` (express-oauth2-jwt-bearer), `req.auth`
 * (express-jwt), `req.user` (older versions of it, and Passport where it is given the claims). The
 * first that is there counts, so that no second identity can stand in for the token's.
 */
function claimsOf(request: { auth?: unknown; user?: unknown }): AccessTokenClaims | undefined {
  const { auth, user } = request;
  return objectOf(objectOf(auth)?.["payload"]) ?? objectOf(auth) ?? objectOf(user);
}

const objectOf = (value: unknown): Record<string, unknown> | undefined =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
