//! The rules for log records: one file per event type, except that types with the same rule share
//! one.
//!
//! A rule named `from_api_operation` reads records of Management API operations (code `sapi`), and one
//! named `from_scim_operation` those of SCIM operations (code `sscim`). All others read records with a
//! code of their own.

pub(super) mod account_locked;
pub(super) mod identifier_changed;
pub(super) mod logout;
pub(super) mod mfa_changed;
pub(super) mod password_changed;
pub(super) mod refresh_token_revoked;
pub(super) mod session_revoked;
pub(super) mod universal_logout;
pub(super) mod user_blocked;
pub(super) mod user_deleted;
pub(super) mod user_unblocked;
