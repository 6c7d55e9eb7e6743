//! The catalogue: the log codes that make each event type, and the rule for each code.
//!
//! If several rows match a log record, the event that revokes most is made for each user. Among equals
//! the first row takes precedence.

use super::{
    affected::Rule,
    rules::{
        account_locked, identifier_changed, logout, mfa_changed, password_changed,
        refresh_token_revoked, session_revoked, universal_logout, user_blocked, user_deleted,
        user_unblocked,
    },
};
use crate::events::event::EventType;

/// The rules of one event type.
pub(super) struct Row {
    pub(super) event_type: EventType,
    /// Log codes (Auth0, "Log Event Type Codes") and the rule that reads records with this code.
    pub(super) rules: &'static [(&'static str, Rule)],
}

/// "Success API Operation": a successful call of the Management API.
const SAPI: &str = "sapi";

/// "SCIM provisioning": a successful operation of an identity provider on a user.
const SSCIM: &str = "sscim";

/// The rules of every event type.
pub(super) const CATALOGUE: [Row; 14] = [
    Row {
        event_type: EventType::UserDeleted,
        rules: &[
            ("sdu", user_deleted::from_log_record),
            (SAPI, user_deleted::from_api_operation),
            (SSCIM, user_deleted::from_scim_operation),
        ],
    },
    Row {
        event_type: EventType::UserBlocked,
        rules: &[
            (SAPI, user_blocked::from_api_operation),
            (SSCIM, user_blocked::from_scim_operation),
        ],
    },
    Row {
        event_type: EventType::UniversalLogout,
        rules: &[(
            "universal_logout_succeeded",
            universal_logout::from_log_record,
        )],
    },
    Row {
        event_type: EventType::PasswordChanged,
        rules: &[
            ("scp", password_changed::from_log_record),
            (SAPI, password_changed::from_api_operation),
        ],
    },
    Row {
        event_type: EventType::EmailChanged,
        rules: &[
            ("sce", identifier_changed::from_log_record),
            (SAPI, identifier_changed::email_from_api_operation),
        ],
    },
    Row {
        event_type: EventType::PhoneChanged,
        rules: &[
            ("scpn", identifier_changed::from_log_record),
            (SAPI, identifier_changed::phone_from_api_operation),
        ],
    },
    Row {
        event_type: EventType::UsernameChanged,
        rules: &[
            ("scu", identifier_changed::from_log_record),
            (SAPI, identifier_changed::username_from_api_operation),
        ],
    },
    Row {
        event_type: EventType::Logout,
        rules: &[("slo", logout::from_log_record)],
    },
    Row {
        event_type: EventType::SessionRevoked,
        rules: &[
            ("session_revoked", session_revoked::from_log_record),
            (SAPI, session_revoked::from_api_operation),
        ],
    },
    Row {
        event_type: EventType::RefreshTokenRevoked,
        rules: &[
            ("srrt", refresh_token_revoked::from_log_record),
            ("ferrt", refresh_token_revoked::from_reuse),
            (SAPI, refresh_token_revoked::from_api_operation),
        ],
    },
    Row {
        event_type: EventType::UserUnblocked,
        rules: &[(SAPI, user_unblocked::from_api_operation)],
    },
    Row {
        event_type: EventType::MfaChanged,
        rules: &[
            ("gd_unenroll", mfa_changed::from_enrollment),
            ("gd_enrollment_complete", mfa_changed::from_enrollment),
            ("gd_update_device_account", mfa_changed::from_enrollment),
            (
                "my_account_authentication_method_succeeded",
                mfa_changed::from_log_record,
            ),
            (SAPI, mfa_changed::from_api_operation),
        ],
    },
    Row {
        event_type: EventType::AccountLocked,
        rules: &[("limit_wc", account_locked::from_log_record)],
    },
    Row {
        event_type: EventType::AccountUnlocked,
        rules: &[("ublkdu", account_locked::from_log_record)],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_type_has_one_row_in_the_order_of_precedence() {
        let types: Vec<EventType> = CATALOGUE.iter().map(|row| row.event_type).collect();
        assert_eq!(types, EventType::ALL);
    }
}
