//! `refresh_token_revoked`: refresh tokens of the user were revoked.
//!
//! If the record names the session of a refresh token, that session is revoked. A single refresh
//! token without a known session revokes nothing, because the user's sessions may continue.

use crate::sources::{
    affected::Affected,
    record_view::{RecordView, non_empty_id},
};

/// Matches "Success Revoke Refresh Token".
pub(in crate::sources) fn from_log_record<'r>(record: &'r RecordView<'_>) -> Option<Affected<'r>> {
    let user_id = record.user_id()?;
    Some(match record.session_id() {
        Some(session_id) => Affected::session(user_id, session_id),
        None => Affected::nothing(user_id),
    })
}

/// Matches the revocation of all refresh tokens of a user
/// (`DELETE /api/v2/users/{id}/refresh-tokens`), or of one refresh token if the response names its
/// user (`DELETE /api/v2/refresh-tokens/{id}`).
pub(in crate::sources) fn from_api_operation<'r>(
    record: &'r RecordView<'_>,
) -> Option<Affected<'r>> {
    let operation = record.operation()?;
    match (operation.method, operation.path_segments().as_slice()) {
        ("DELETE", ["users", id, "refresh-tokens"]) => Some(Affected::user(non_empty_id(*id)?)),
        ("DELETE", ["refresh-tokens", id]) if !id.is_empty() => {
            Some(Affected::nothing(operation.response_user_id()?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::sources::test_support::{api_operation, event_summary};

    #[test]
    fn a_revoked_refresh_token_revokes_its_session_if_the_record_names_it() {
        assert_eq!(
            event_summary(r#"{"type":"srrt","user_id":"auth0|1","details":{"session_id":"s1"}}"#),
            Some((
                "refresh_token_revoked",
                "auth0|1",
                Some("s1"),
                Some("session")
            ))
        );
        assert_eq!(
            event_summary(r#"{"type":"srrt","user_id":"auth0|1","details":{}}"#),
            Some(("refresh_token_revoked", "auth0|1", None, None))
        );
        assert_eq!(event_summary(r#"{"type":"srrt"}"#), None);
    }

    #[test]
    fn the_revocation_of_all_refresh_tokens_revokes_all_sessions_of_the_user() {
        assert_eq!(
            event_summary(&api_operation(
                "delete",
                "/api/v2/users/auth0%7C1/refresh-tokens",
                "{}",
                "{}"
            )),
            Some(("refresh_token_revoked", "auth0|1", None, Some("user")))
        );
        let one = |response| {
            event_summary(&api_operation(
                "delete",
                "/api/v2/refresh-tokens/r1",
                "{}",
                response,
            ))
        };
        let revoked = Some(("refresh_token_revoked", "auth0|1", None, None));
        assert_eq!(one(r#"{"user_id":"auth0|1"}"#), revoked);
        assert_eq!(one("{}"), None);
    }
}
