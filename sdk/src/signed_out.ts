// Recognises the errors with which a login library says that no user is signed in.
import { readMember, withCauses } from "./thrown.ts";

/** The error code of the login library. */
export type SignedOutReason = "login_required" | "invalid_grant" | "missing_refresh_token";

/**
 * `login_required`: the issuer has no session of the user (OpenID Connect Core, section 3.1.2.6).
 * `invalid_grant`: the issuer rejected the refresh token, for example because the user is blocked
 * (RFC 6749, section 5.2). `missing_refresh_token`: the user signed out in another tab.
 * `missing_session`: the code of `@auth0/nextjs-auth0` for a cookie that is gone.
 *
 * `consent_required`, `interaction_required`, `account_selection_required`, `mfa_required` and
 * `access_denied` are absent: they leave the user signed in, and the next attempt may succeed.
 */
const REASONS: ReadonlyMap<unknown, SignedOutReason> = new Map([
  ["login_required", "login_required"],
  ["invalid_grant", "invalid_grant"],
  ["missing_refresh_token", "missing_refresh_token"],
  ["missing_session", "login_required"],
]);

/**
 * Returns the reason if an error, or an error among its causes, means that no user is signed in.
 * Most libraries have the code in `error`, as in the response of the issuer; some in `code`.
 */
export function signedOutReason(thrown: unknown): SignedOutReason | undefined {
  for (const error of withCauses(thrown)) {
    const reason =
      REASONS.get(readMember(error, "error")) ?? REASONS.get(readMember(error, "code"));
    if (reason) return reason;
  }
  return undefined;
}
