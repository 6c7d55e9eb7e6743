//! `universal_logout`: an identity provider ended all sessions of the user (Universal Logout). Auth0
//! also revokes the user's refresh tokens.

use crate::sources::{affected::Affected, record_view::RecordView};

/// Matches a successful Universal Logout if the record names a user.
pub(in crate::sources) fn from_log_record<'r>(record: &'r RecordView<'_>) -> Option<Affected<'r>> {
    record.user_id().map(Affected::user)
}

#[cfg(test)]
mod tests {
    use crate::sources::test_support::event_summary;

    #[test]
    fn a_universal_logout_revokes_all_sessions_of_the_user() {
        assert_eq!(
            event_summary(r#"{"type":"universal_logout_succeeded","user_id":"okta|c|1"}"#),
            Some(("universal_logout", "okta|c|1", None, Some("user")))
        );
        for data in [
            r#"{"type":"universal_logout_succeeded"}"#,
            r#"{"type":"universal_logout_failed","user_id":"okta|c|1"}"#,
        ] {
            assert_eq!(event_summary(data), None);
        }
    }
}
