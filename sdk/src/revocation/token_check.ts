// The check of one access token against a list of revocations.
import { MissingClaimsError, RevocationsUnavailableError, TokenRevokedError } from "./errors.ts";
import type { RevocationList } from "./list.ts";
import { sessionIdOf, type SessionClaims } from "./rule.ts";

/** The claims of an access token whose signature, issuer, audience and expiry were verified. */
export type AccessTokenClaims = SessionClaims & Readonly<Record<string, unknown>>;

export interface TokenCheckOptions {
  /**
   * Decides about tokens without a known revocation while the list is not up to date: before `ready`,
   * from a lost connection until the list is complete again, and while the list is too small
   * (`revocations_incomplete`). `"refuse"` rejects all tokens (fail closed). `"pass"` accepts them,
   * even if they were revoked in the meantime (fail open). Known revocations are always rejected.
   * Required.
   */
  readonly whileDisconnected: "refuse" | "pass";
  /**
   * Returns the session id of a token. Default: the claim `sid`. If it returns nothing, the end of
   * any session of the user revokes the token. Auth0 adds `sid` only to ID tokens; an Action can add
   * it to access tokens as a claim with a namespace.
   */
  readonly sessionId?: ((claims: AccessTokenClaims) => unknown) | undefined;
}

export class TokenCheck {
  readonly #refuse: boolean;
  readonly #sessionId: (claims: AccessTokenClaims) => unknown;

  /** Throws a `TypeError` if `whileDisconnected` is neither of its values. */
  constructor({ whileDisconnected, sessionId = sessionIdOf }: TokenCheckOptions) {
    if (whileDisconnected !== "refuse" && whileDisconnected !== "pass")
      throw new TypeError(
        'whileDisconnected must be chosen: "refuse" rejects every request with 503 while there is ' +
          'no connection, "pass" accepts tokens that may have been revoked in the meantime',
      );
    this.#refuse = whileDisconnected === "refuse";
    this.#sessionId = sessionId;
  }

  /**
   * Returns if the token with these verified claims is accepted. Throws a `RevocationError`
   * otherwise. `upToDate` says whether the list has all revocations.
   */
  check(verified: unknown, list: RevocationList, upToDate: boolean): void {
    const claims = verified as AccessTokenClaims | null | undefined;
    if (typeof claims?.sub !== "string" || claims.sub === "") throw new MissingClaimsError();
    const { sub, iat } = claims;
    const revokedAt = list.revokedAt({ sub, iat, sid: this.#sessionId(claims) });
    if (revokedAt) throw new TokenRevokedError(revokedAt);
    if (this.#refuse && !upToDate) throw new RevocationsUnavailableError();
  }
}
