/** All event types, in the order of the catalogue. */
export const EVENT_TYPES = [
  "user_deleted",
  "user_blocked",
  "universal_logout",
  "password_changed",
  "email_changed",
  "phone_changed",
  "username_changed",
  "logout",
  "session_revoked",
  "refresh_token_revoked",
  "user_unblocked",
  "mfa_changed",
  "account_locked",
  "account_unlocked",
];
