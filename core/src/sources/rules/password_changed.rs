//! `password_changed`: the user's password changed. Another person may have known the old
//! password, so all of the user's sessions are revoked.

use serde::{Deserialize, de::IgnoredAny};

use crate::sources::{affected::Affected, record_view::RecordView};

/// Matches "Success Change Password": the user changed the password.
pub(in crate::sources) fn from_log_record<'r>(record: &'r RecordView<'_>) -> Option<Affected<'r>> {
    record.user_id().map(Affected::user)
}

#[derive(Deserialize)]
struct Update {
    /// Only its presence matters: Auth0 may mask the value.
    #[serde(rename = "password")]
    _password: IgnoredAny,
}

/// Matches a change of the password through the Management API (`PATCH /api/v2/users/{id}` with a
/// `password`).
pub(in crate::sources) fn from_api_operation<'r>(
    record: &'r RecordView<'_>,
) -> Option<Affected<'r>> {
    record.user_updated_with::<Update>().map(Affected::user)
}

#[cfg(test)]
mod tests {
    use crate::sources::test_support::event_json;

    #[test]
    fn a_changed_password_revokes_all_sessions_of_the_user() {
        assert_eq!(
            event_json(
                r#"{"type":"scp","date":"2021-11-03T05:53:57.546Z","user_id":"auth0|1","details":{"session_id":"x"}}"#
            )
            .as_deref(),
            Some(
                r#"{"id":"1","type":"password_changed","date":"2021-11-03T05:53:57.546Z","user_id":"auth0|1","revokes":"user"}"#
            )
        );
    }

    #[test]
    fn a_changed_password_without_a_user_makes_no_event() {
        assert_eq!(event_json(r#"{"type":"scp"}"#), None);
        assert_eq!(event_json(r#"{"type":"fcp","user_id":"auth0|1"}"#), None);
    }
}
