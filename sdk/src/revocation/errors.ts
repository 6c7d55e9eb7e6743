// The errors of rejected requests. Express and Fastify respond with `status` (or `statusCode`) and
// `headers` by default. No message contains a part of a token.

/** The base class of all rejections. */
export abstract class RevocationError extends Error {
  /** A stable code for programs. */
  abstract readonly code: "invalid_token" | "missing_claims" | "temporarily_unavailable";
  /** The HTTP status of the response. */
  abstract readonly status: 401 | 503;
  /** The required headers of the response. */
  abstract readonly headers: Readonly<Record<string, string>>;

  /** The same as `status`. Fastify and older middleware read this name. */
  get statusCode(): 401 | 503 {
    return this.status;
  }
}

/** The session of the token has ended; see `appliesTo` for the rule (RFC 6750, section 3.1). */
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

/** The request has no claims with a `sub`, so the user is unknown. */
export class MissingClaimsError extends RevocationError {
  override readonly name = "MissingClaimsError";
  readonly code = "missing_claims";
  readonly status = 401;
  readonly headers = { "WWW-Authenticate": "Bearer" };

  constructor() {
    super(
      "The request has no verified claims with a sub: put the check for revoked tokens after the " +
        "one that verifies the JWT, and only on routes that require a token. The options claims and " +
        "anonymous of the Express middleware are for claims in other places and for other routes.",
    );
  }
}

/** Revocations may be unknown: there is no connection, or the list is too small. */
export class RevocationsUnavailableError extends RevocationError {
  override readonly name = "RevocationsUnavailableError";
  readonly code = "temporarily_unavailable";
  readonly status = 503;
  readonly headers = { "Retry-After": "5" };

  constructor() {
    super(
      "The access token cannot be checked for revocation at present: try again in a few seconds.",
    );
  }
}
