import { redact } from "./describe_error.ts";
import type { SignedOutReason } from "./signed_out.ts";

/** An error of the client. Its message never contains a token. */
export class SessionEventsError extends Error {
  override readonly name = "SessionEventsError";
  /**
   * A stable code for programs.
   *
   * From the server: `invalid_token`, `insufficient_scope`, `temporarily_unavailable`,
   * `too_many_requests`, `too_many_sockets`, `reconnect`, `misconfigured`, `internal_error`,
   * `invalid_message`, `message_too_big`, `too_many_invalid_messages`. Newer servers may add others.
   *
   * From the client: `token_unavailable` (`getToken` failed), `signed_out` (`getToken` failed because
   * no user is signed in), `token_unchanged` (`getToken` returned the same token although a fresh one
   * was requested), `connection_failed` (the platform refused to open a socket). From `events()`:
   * `too_slow` (more events wait than `limit`) and `closed` (the client stopped without an error).
   *
   * From `session-events/revocation`: `own_events_only`, `events_missed`, `revocations_unavailable`,
   * `revocations_incomplete` (more user-wide revocations than `maxEntries`), and `closed` (`ready`
   * rejects because the connection was closed without an error).
   *
   * From `session-events/browser` and `session-events/react`: `wrong_user`. From the latter also
   * `invalid_options` (the provider does not connect).
   */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** `getToken` failed because no user is signed in. */
export class SignedOutError extends SessionEventsError {
  readonly reason: SignedOutReason;

  constructor(reason: SignedOutReason, details: string, options: ErrorOptions) {
    const remedy = reason === "missing_refresh_token" ? MISSING_REFRESH_TOKEN : "";
    super(
      "signed_out",
      `getToken failed because no user is signed in (${details}): call connect() after the next sign-in.${remedy}`,
      options,
    );
    this.reason = reason;
  }
}

const MISSING_REFRESH_TOKEN =
  " If this happens right after a sign-in, the login library has no refresh token for the audience: " +
  "sign in with the audience of the Worker's API, or set useRefreshTokensFallback.";

/** Returns an error that the server reported. Its texts are not trusted: they may repeat the token. */
export const serverError = (code: string, description: unknown): SessionEventsError =>
  new SessionEventsError(
    redact(code),
    redact(typeof description === "string" ? description : code),
  );
