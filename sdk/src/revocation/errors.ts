// Why a request is turned away, as errors that frameworks understand: Express and Fastify answer
// with `status` (or `statusCode`) and `headers` by themselves. No message holds a part of a token.

/** What all refusals have in common. */
export abstract class RevocationError extends Error {
  /** For programs; stable. */
  abstract readonly code: "invalid_token" | "missing_claims" | "temporarily_unavailable";
  /** The HTTP status to answer with. */
  abstract readonly status: 401 | 503;
  /** The headers that the answer needs. */
  abstract readonly headers: Readonly<Record<string, string>>;

  /** The same as `status`, under the name that Fastify and older middleware read. */
  get statusCode(): 401 | 503 {
    return this.status;
  }
}

/** The token was issued before an event that ended its session (RFC 6750, section 3.1). */
export class TokenRevokedError extends RevocationError {
  override readonly name = "TokenRevokedError";
  readonly code = "invalid_token";
  readonly status = 401;
  readonly headers: Readonly<Record<string, string>>;
  /** The date of the event. */
  readonly revokedAt: Date;

  constructor(revokedAt: Date) {
    super("The session that this access token belongs to has ended.");
    this.revokedAt = revokedAt;
    this.headers = {
      "WWW-Authenticate": `Bearer error="invalid_token", error_description="${this.message}"`,
    };
  }
}

/** There are no claims with a `sub`, so nobody knows whose token it is, if there was one at all. */
export class MissingClaimsError extends RevocationError {
  override readonly name = "MissingClaimsError";
  readonly code = "missing_claims";
  readonly status = 401;
  readonly headers = { "WWW-Authenticate": "Bearer" };

  constructor() {
    super(
      "The request has no verified claims with a sub: put the check for revoked tokens after the " +
        "one that verifies the JWT, and only on routes that require a token.",
    );
  }
}

/** There is no connection, so a revocation may have been missed. */
export class RevocationsUnavailableError extends RevocationError {
  override readonly name = "RevocationsUnavailableError";
  readonly code = "temporarily_unavailable";
  readonly status = 503;
  readonly headers = { "Retry-After": "5" };

  constructor() {
    super("Whether the access token has been revoked cannot be told just now.");
  }
}
