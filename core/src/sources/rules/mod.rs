//! The rules for log records: one file per event type.
//!
//! A rule named `from_log_record` reads records with a code of their own. A rule named
//! `from_api_operation` reads records of Management API operations (code `sapi`).

pub(super) mod account_locked;
pub(super) mod email_changed;
pub(super) mod logout;
pub(super) mod mfa_changed;
pub(super) mod password_changed;
pub(super) mod refresh_token_revoked;
pub(super) mod session_revoked;
pub(super) mod user_blocked;
pub(super) mod user_deleted;
pub(super) mod user_unblocked;
