//! `session_revoked`: an administrator or an application has ended sessions through the Management
//! API.

use crate::sources::{
    affected::Affected,
    record::{Record, named},
};

/// One session (`DELETE /api/v2/sessions/{id}`, `POST /api/v2/sessions/{id}/revoke`), where the
/// answer tells whose it was, or all of a user's (`DELETE /api/v2/users/{id}/sessions`).
pub(in crate::sources) fn by_api(record: &Record<'_>) -> Option<Affected> {
    let operation = record.operation()?;
    match (operation.method.as_str(), operation.path().as_slice()) {
        ("DELETE", ["sessions", id]) | ("POST", ["sessions", id, "revoke"]) => {
            let user_id = operation.answered_user()?;
            Some(Affected::session_or_user(&user_id, Some(&named(id)?)))
        }
        ("DELETE", ["users", id, "sessions"]) => Some(Affected::user(&named(id)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::sources::batch::tests::{any_event_of, api};

    #[test]
    fn one_session_is_over_where_it_is_known_whose_it_was() {
        let whose = r#"{"user_id":"auth0|1"}"#;
        let over = Some(("session_revoked", "auth0|1", Some("s1"), Some("session")));
        assert_eq!(
            any_event_of(&api("delete", "/api/v2/sessions/s1", "{}", whose)),
            over
        );
        assert_eq!(
            any_event_of(&api("post", "/api/v2/sessions/s1/revoke", "{}", whose)),
            over
        );
        assert_eq!(
            any_event_of(&api("delete", "/api/v2/sessions/s1", "{}", "{}")),
            None
        );
        assert_eq!(
            any_event_of(&api("delete", "/api/v2/sessions/", "{}", whose)),
            None
        );
        assert_eq!(
            any_event_of(&api("get", "/api/v2/sessions/s1", "{}", whose)),
            None
        );
    }

    #[test]
    fn all_sessions_of_the_user_in_the_path_are_over() {
        assert_eq!(
            any_event_of(&api(
                "delete",
                "/api/v2/users/auth0%7C1/sessions",
                "{}",
                "{}"
            )),
            Some(("session_revoked", "auth0|1", None, Some("user")))
        );
        assert_eq!(
            any_event_of(&api("delete", "/api/v2/users//sessions", "{}", "{}")),
            None
        );
    }
}
