//! Every kind of event: one row a kind, and the rules by which log records make it.
//!
//! A record makes at most one event, by the first row that takes it; so rows that end more stand
//! above those that end less. Which rows count is the operator's choice.

use super::{
    Kind, Scope, account_locked, email_changed, logout, mfa_changed, password_changed,
    record::Record, refresh_token_revoked, session_revoked, user_blocked, user_deleted,
    user_unblocked,
};

/// Whose session a record says is over, or whose account it says has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Affected {
    pub(super) user_id: String,
    pub(super) session_id: Option<String>,
    /// What can no longer be trusted of what was there before.
    pub(super) revokes: Option<Scope>,
}

/// Takes from a record whom it affects, or leaves the record.
pub(super) type Rule = fn(&Record<'_>) -> Option<Affected>;

/// A kind of event.
pub(super) struct Row {
    pub(super) kind: Kind,
    /// Which codes of Auth0's log can make it (Auth0, "Log Event Type Codes"), each by its rule.
    pub(super) rules: &'static [(&'static str, Rule)],
    /// Whether it counts where the operator has not chosen.
    pub(super) by_default: bool,
}

/// Success API Operation: somebody used the Management API.
const SAPI: &str = "sapi";

/// All of them.
pub(super) const CATALOGUE: [Row; 11] = [
    Row {
        kind: Kind::UserDeleted,
        rules: &[("sdu", user_deleted::by_log), (SAPI, user_deleted::by_api)],
        by_default: false,
    },
    Row {
        kind: Kind::UserBlocked,
        rules: &[(SAPI, user_blocked::by_api)],
        by_default: true,
    },
    Row {
        kind: Kind::PasswordChanged,
        rules: &[
            ("scp", password_changed::by_log),
            (SAPI, password_changed::by_api),
        ],
        by_default: true,
    },
    Row {
        kind: Kind::Logout,
        rules: &[("slo", logout::by_log)],
        by_default: true,
    },
    Row {
        kind: Kind::SessionRevoked,
        rules: &[(SAPI, session_revoked::by_api)],
        by_default: false,
    },
    Row {
        kind: Kind::RefreshTokenRevoked,
        rules: &[
            ("srrt", refresh_token_revoked::by_log),
            (SAPI, refresh_token_revoked::by_api),
        ],
        by_default: false,
    },
    Row {
        kind: Kind::UserUnblocked,
        rules: &[(SAPI, user_unblocked::by_api)],
        by_default: false,
    },
    Row {
        kind: Kind::EmailChanged,
        rules: &[("sce", email_changed::by_log)],
        by_default: false,
    },
    Row {
        kind: Kind::MfaChanged,
        rules: &[
            ("gd_unenroll", mfa_changed::by_log),
            ("gd_enrollment_complete", mfa_changed::by_log),
            (SAPI, mfa_changed::by_api),
        ],
        by_default: false,
    },
    Row {
        kind: Kind::AccountLocked,
        rules: &[("limit_wc", account_locked::by_log)],
        by_default: false,
    },
    Row {
        kind: Kind::AccountUnlocked,
        rules: &[("ublkdu", account_locked::by_log)],
        by_default: false,
    },
];

impl Affected {
    /// All sessions of a user.
    pub(super) fn user(user_id: &str) -> Self {
        Self {
            user_id: user_id.to_owned(),
            session_id: None,
            revokes: Some(Scope::User),
        }
    }

    /// One session of a user where it is known which, and all of them otherwise.
    pub(super) fn session_or_user(user_id: &str, session_id: Option<&str>) -> Self {
        Self {
            user_id: user_id.to_owned(),
            session_id: session_id.map(str::to_owned),
            revokes: Some(match session_id {
                Some(_) => Scope::Session,
                None => Scope::User,
            }),
        }
    }

    /// A user of whom nothing is revoked.
    pub(super) fn nothing_of(user_id: &str) -> Self {
        Self {
            user_id: user_id.to_owned(),
            session_id: None,
            revokes: None,
        }
    }
}
