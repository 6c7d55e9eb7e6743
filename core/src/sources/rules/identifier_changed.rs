//! `email_changed`, `phone_changed` and `username_changed`: an identifier with which the user logs in
//! changed. Auth0 ends all sessions of the user.
//!
//! Source: Auth0, "Sessions" (session expiry after a change of password, email, phone number or
//! username).

use serde::{Deserialize, de::IgnoredAny};

use crate::sources::{affected::Affected, record_view::RecordView};

/// Matches a change of an identifier by the user.
pub(in crate::sources) fn from_log_record<'r>(record: &'r RecordView<'_>) -> Option<Affected<'r>> {
    record.user_id().map(Affected::user)
}

// Only the presence of these members matters: Auth0 may mask their values.

#[derive(Deserialize)]
struct Email {
    #[serde(rename = "email")]
    _email: IgnoredAny,
}

#[derive(Deserialize)]
struct Phone {
    #[serde(rename = "phone_number")]
    _phone_number: IgnoredAny,
}

#[derive(Deserialize)]
struct Username {
    #[serde(rename = "username")]
    _username: IgnoredAny,
}

/// Matches an update of a user with an `email`.
pub(in crate::sources) fn email_from_api_operation<'r>(
    record: &'r RecordView<'_>,
) -> Option<Affected<'r>> {
    record.user_updated_with::<Email>().map(Affected::user)
}

/// Matches an update of a user with a `phone_number`.
pub(in crate::sources) fn phone_from_api_operation<'r>(
    record: &'r RecordView<'_>,
) -> Option<Affected<'r>> {
    record.user_updated_with::<Phone>().map(Affected::user)
}

/// Matches an update of a user with a `username`.
pub(in crate::sources) fn username_from_api_operation<'r>(
    record: &'r RecordView<'_>,
) -> Option<Affected<'r>> {
    record.user_updated_with::<Username>().map(Affected::user)
}

#[cfg(test)]
mod tests {
    use crate::sources::test_support::{api_operation, event_summary};

    #[test]
    fn a_changed_identifier_revokes_all_sessions_of_the_user() {
        for (code, event_type) in [
            ("sce", "email_changed"),
            ("scpn", "phone_changed"),
            ("scu", "username_changed"),
        ] {
            let data = |user| format!(r#"{{"type":"{code}"{user}}}"#);
            assert_eq!(
                event_summary(&data(r#","user_id":"auth0|1""#)),
                Some((event_type, "auth0|1", None, Some("user")))
            );
            assert_eq!(event_summary(&data("")), None);
        }
    }

    #[test]
    fn an_identifier_that_an_administrator_changes_does_the_same() {
        for (member, event_type) in [
            ("email", "email_changed"),
            ("phone_number", "phone_changed"),
            ("username", "username_changed"),
        ] {
            let changed = Some((event_type, "auth0|1", None, Some("user")));
            let body = format!(r#"{{"{member}":"*****"}}"#);
            for response in [r#"{"user_id":"auth0|1"}"#, "{}", "null"] {
                let data = api_operation("patch", "/api/v2/users/auth0%7C1", &body, response);
                assert_eq!(event_summary(&data), changed, "{response}");
            }
            let data = api_operation("post", "/api/v2/users", &body, r#"{"user_id":"auth0|1"}"#);
            assert_eq!(event_summary(&data), None);
        }
    }

    #[test]
    fn a_verified_email_address_or_phone_number_makes_no_event() {
        for body in [r#"{"email_verified":true}"#, r#"{"phone_verified":true}"#] {
            let response = r#"{"user_id":"auth0|1","email":"a@b"}"#;
            let data = api_operation("patch", "/api/v2/users/auth0%7C1", body, response);
            assert_eq!(event_summary(&data), None);
        }
    }
}
