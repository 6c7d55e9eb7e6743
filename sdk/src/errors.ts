/** Something that went wrong. No message holds a token. */
export class SessionEventsError extends Error {
  override readonly name = "SessionEventsError";
  /**
   * For programs. The server's own codes: `invalid_token`, `insufficient_scope`,
   * `temporarily_unavailable`, `misconfigured`, `internal_error`, `invalid_message`,
   * `message_too_big`, `too_many_invalid_messages`. Those of this client: `token_unavailable`
   * (getToken failed), `token_unchanged` (it gave the token that another was needed for),
   * `connection_failed` (the platform would not so much as try). Those of what is built on it:
   * `own_events_only`, `events_missed`, `revocations_unavailable` (`session-events/revocation`),
   * `wrong_user` (`session-events/react`).
   */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
