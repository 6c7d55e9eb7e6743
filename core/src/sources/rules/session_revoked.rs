//! `session_revoked`: sessions were revoked through the Management API or by an Action.
//!
//! Source: Auth0, "Manage Sessions with Actions" and "Management API: Revoke User Access".

use crate::sources::{affected::Affected, record_view::RecordView};

/// Matches the revocation of a session by an Action. A record that does not name the session revokes
/// all of the user's.
pub(in crate::sources) fn from_log_record<'r>(record: &'r RecordView<'_>) -> Option<Affected<'r>> {
    Some(Affected::session_or_user(
        record.user_id()?,
        record.session_id(),
    ))
}

/// Matches the revocation of one session if the response names its user
/// (`DELETE /api/v2/sessions/{id}`, `POST /api/v2/sessions/{id}/revoke`), of all sessions of a user
/// (`DELETE /api/v2/users/{id}/sessions`), or of one or all of them
/// (`POST /api/v2/users/{id}/revoke-access`, with or without a `session_id` in the body).
pub(in crate::sources) fn from_api_operation<'r>(
    record: &'r RecordView<'_>,
) -> Option<Affected<'r>> {
    let operation = record.operation()?;
    match (operation.method, operation.api_path().as_slice()) {
        ("DELETE", ["sessions", id]) | ("POST", ["sessions", id, "revoke"]) => {
            let user_id = operation.response_user_id()?;
            Some(Affected::session(user_id, *id))
        }
        ("DELETE", ["users", id, "sessions"]) => Some(Affected::user(*id)),
        ("POST", ["users", id, "revoke-access"]) => Some(Affected::session_or_user(
            *id,
            operation.request_session_id(),
        )),
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

    #[test]
    fn the_access_of_a_user_is_revoked_for_one_session_or_for_all() {
        let revoke = |body| {
            let path = "/api/v2/users/auth0%7C1/revoke-access";
            event_summary(&api_operation("post", path, body, "null"))
        };
        assert_eq!(
            revoke(r#"{"session_id":"s1","preserve_refresh_tokens":true}"#),
            Some(("session_revoked", "auth0|1", Some("s1"), Some("session")))
        );
        for body in ["{}", "null", r#"{"session_id":""}"#, r#"{"session_id":1}"#] {
            assert_eq!(
                revoke(body),
                Some(("session_revoked", "auth0|1", None, Some("user")))
            );
        }
    }

    #[test]
    fn an_action_revokes_the_session_that_its_record_names() {
        let record = |members| event_summary(&format!(r#"{{"type":"session_revoked"{members}}}"#));
        assert_eq!(
            record(r#","user_id":"auth0|1","details":{"session_id":"s1"}"#),
            Some(("session_revoked", "auth0|1", Some("s1"), Some("session")))
        );
        assert_eq!(
            record(r#","user_id":"auth0|1""#),
            Some(("session_revoked", "auth0|1", None, Some("user")))
        );
        assert_eq!(record(r#","details":{"session_id":"s1"}"#), None);
    }
}
