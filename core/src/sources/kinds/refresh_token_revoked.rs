//! `refresh_token_revoked`: an application of the user can get no more tokens. Where it is known
//! which session the refresh token was of, that session is over; one refresh token alone, whose
//! session is not known, says nothing of the user's other sessions.

use crate::sources::{
    affected::Affected,
    record::{Record, named},
};

/// Success Revoke Refresh Token.
pub(in crate::sources) fn by_log(record: &Record<'_>) -> Option<Affected> {
    let user_id = record.user_id()?;
    Some(match record.session_id() {
        Some(session) => Affected::session_or_user(user_id, Some(&session)),
        None => Affected::nothing(user_id),
    })
}

/// All of a user's (`DELETE /api/v2/users/{id}/refresh-tokens`), or one, where the answer tells
/// whose it was (`DELETE /api/v2/refresh-tokens/{id}`).
pub(in crate::sources) fn by_api(record: &Record<'_>) -> Option<Affected> {
    let operation = record.operation()?;
    match (operation.method.as_str(), operation.path().as_slice()) {
        ("DELETE", ["users", id, "refresh-tokens"]) => Some(Affected::user(&named(id)?)),
        ("DELETE", ["refresh-tokens", id]) => {
            named(id)?;
            Some(Affected::nothing(&operation.answered_user()?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::sources::batch::tests::{any_event_of, api};

    #[test]
    fn the_session_of_the_refresh_token_is_over_where_it_is_known() {
        assert_eq!(
            any_event_of(r#"{"type":"srrt","user_id":"auth0|1","details":{"session_id":"s1"}}"#),
            Some((
                "refresh_token_revoked",
                "auth0|1",
                Some("s1"),
                Some("session")
            ))
        );
        assert_eq!(
            any_event_of(r#"{"type":"srrt","user_id":"auth0|1","details":{}}"#),
            Some(("refresh_token_revoked", "auth0|1", None, None))
        );
        assert_eq!(any_event_of(r#"{"type":"srrt"}"#), None);
    }

    #[test]
    fn without_any_refresh_token_left_all_of_a_user_s_sessions_are_over() {
        assert_eq!(
            any_event_of(&api(
                "delete",
                "/api/v2/users/auth0%7C1/refresh-tokens",
                "{}",
                "{}"
            )),
            Some(("refresh_token_revoked", "auth0|1", None, Some("user")))
        );
        let one = |answer| any_event_of(&api("delete", "/api/v2/refresh-tokens/r1", "{}", answer));
        let revoked = Some(("refresh_token_revoked", "auth0|1", None, None));
        assert_eq!(one(r#"{"user_id":"auth0|1"}"#), revoked);
        assert_eq!(one("{}"), None);
    }
}
