//! `session_revoked`: sessions were revoked through the Management API.

use crate::sources::{
    affected::Affected,
    record_view::{RecordView, non_empty_id},
};

/// Matches the revocation of one session if the response names its user
/// (`DELETE /api/v2/sessions/{id}`, `POST /api/v2/sessions/{id}/revoke`), or of all sessions of a
/// user (`DELETE /api/v2/users/{id}/sessions`).
pub(in crate::sources) fn from_api_operation<'r>(
    record: &'r RecordView<'_>,
) -> Option<Affected<'r>> {
    let operation = record.operation()?;
    match (operation.method, operation.path_segments().as_slice()) {
        ("DELETE", ["sessions", id]) | ("POST", ["sessions", id, "revoke"]) => {
            let user_id = operation.response_user_id()?;
            Some(Affected::session(user_id, non_empty_id(*id)?))
        }
        ("DELETE", ["users", id, "sessions"]) => Some(Affected::user(non_empty_id(*id)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::sources::test_support::{api_operation, event_summary};

    #[test]
    fn a_single_session_is_revoked_if_the_response_names_its_user() {
        let user = r#"{"user_id":"auth0|1"}"#;
        let revoked = Some(("session_revoked", "auth0|1", Some("s1"), Some("session")));
        assert_eq!(
            event_summary(&api_operation("delete", "/api/v2/sessions/s1", "{}", user)),
            revoked
        );
        assert_eq!(
            event_summary(&api_operation(
                "post",
                "/api/v2/sessions/s1/revoke",
                "{}",
                user
            )),
            revoked
        );
        assert_eq!(
            event_summary(&api_operation("delete", "/api/v2/sessions/s1", "{}", "{}")),
            None
        );
        assert_eq!(
            event_summary(&api_operation("delete", "/api/v2/sessions/", "{}", user)),
            None
        );
        assert_eq!(
            event_summary(&api_operation("get", "/api/v2/sessions/s1", "{}", user)),
            None
        );
    }

    #[test]
    fn all_sessions_of_the_user_in_the_path_are_revoked() {
        assert_eq!(
            event_summary(&api_operation(
                "delete",
                "/api/v2/users/auth0%7C1/sessions",
                "{}",
                "{}"
            )),
            Some(("session_revoked", "auth0|1", None, Some("user")))
        );
        assert_eq!(
            event_summary(&api_operation(
                "delete",
                "/api/v2/users//sessions",
                "{}",
                "{}"
            )),
            None
        );
    }
}
