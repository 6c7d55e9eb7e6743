//! `refresh_token_revoked`: refresh tokens of the user were revoked.
//!
//! If the record names the session of a refresh token, that session is revoked. Refresh tokens without
//! a known session revoke nothing unless all tokens of the user were revoked, because the user's
//! sessions may continue.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::sources::{affected::Affected, record_view::RecordView};

/// Matches "Success Revoke Refresh Token".
pub(in crate::sources) fn from_log_record<'r>(record: &'r RecordView<'_>) -> Option<Affected<'r>> {
    let user_id = record.user_id()?;
    let session_id = record
        .session_id()
        .or_else(|| record.refresh_token_session_id());
    Some(match session_id {
        Some(session_id) => Affected::session(user_id, session_id),
        None => Affected::nothing(user_id),
    })
}

/// Matches "Failed Exchange": Auth0 detected the reuse of a rotated refresh token and revoked its
/// family. The record names no session.
pub(in crate::sources) fn from_reuse<'r>(record: &'r RecordView<'_>) -> Option<Affected<'r>> {
    record.user_id().map(Affected::nothing)
}

/// The members that restrict a revocation to some of the user's refresh tokens.
#[derive(Deserialize)]
struct Restriction<'a> {
    #[serde(borrow, default)]
    ids: Option<&'a RawValue>,
    #[serde(borrow, default)]
    client_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    audience: Option<&'a RawValue>,
}

/// Matches the revocation of all refresh tokens of a user
/// (`DELETE /api/v2/users/{id}/refresh-tokens`), of all grants of a user
/// (`DELETE /api/v2/grants?user_id=`), of all or some refresh tokens of a user
/// (`POST /api/v2/refresh-tokens/revoke`), or of one refresh token if the response names its user
/// (`DELETE /api/v2/refresh-tokens/{id}`).
pub(in crate::sources) fn from_api_operation<'r>(
    record: &'r RecordView<'_>,
) -> Option<Affected<'r>> {
    let operation = record.operation()?;
    match (operation.method, operation.api_path().as_slice()) {
        ("DELETE", ["users", id, "refresh-tokens"]) => Some(Affected::user(*id)),
        ("DELETE", ["grants"]) => Some(Affected::user(operation.query_user_id()?)),
        ("POST", ["refresh-tokens", "revoke"]) => {
            let user_id = operation.request_user_id()?;
            let restriction: Restriction<'_> = operation.request_body()?;
            Some(if restriction.is_empty() {
                Affected::user(user_id)
            } else {
                Affected::nothing(user_id)
            })
        }
        ("DELETE", ["refresh-tokens", id]) if !id.is_empty() => {
            Some(Affected::nothing(operation.response_user_id()?))
        }
        _ => None,
    }
}

impl Restriction<'_> {
    fn is_empty(&self) -> bool {
        [self.ids, self.client_id, self.audience]
            .into_iter()
            .flatten()
            .all(|value| value.get() == "null")
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

    #[test]
    fn the_session_may_be_named_in_the_refresh_token() {
        let session = |details| {
            event_summary(&format!(
                r#"{{"type":"srrt","user_id":"auth0|1","details":{details}}}"#
            ))
        };
        let revoked = Some((
            "refresh_token_revoked",
            "auth0|1",
            Some("s1"),
            Some("session"),
        ));
        assert_eq!(session(r#"{"refresh_token":{"session_id":"s1"}}"#), revoked);
        assert_eq!(
            session(r#"{"session_id":null,"refresh_token":{"session_id":"s1"}}"#),
            revoked
        );
        for details in [
            r#"{"refresh_token":"s1"}"#,
            r#"{"refresh_token":{"session_id":""}}"#,
            r#"{"refresh_token":["s1"]}"#,
        ] {
            let unknown = Some(("refresh_token_revoked", "auth0|1", None, None));
            assert_eq!(session(details), unknown, "{details}");
        }
    }

    #[test]
    fn the_reuse_of_a_refresh_token_revokes_no_session() {
        assert_eq!(
            event_summary(r#"{"type":"ferrt","user_id":"auth0|1","details":{"familyId":"f"}}"#),
            Some(("refresh_token_revoked", "auth0|1", None, None))
        );
        assert_eq!(event_summary(r#"{"type":"ferrt"}"#), None);
    }

    #[test]
    fn all_or_some_refresh_tokens_of_the_user_in_the_body_are_revoked() {
        let revoke = |body| {
            let path = "/api/v2/refresh-tokens/revoke";
            event_summary(&api_operation("post", path, body, "null"))
        };
        let all = Some(("refresh_token_revoked", "auth0|1", None, Some("user")));
        let some = Some(("refresh_token_revoked", "auth0|1", None, None));
        for body in [
            r#"{"user_id":"auth0|1"}"#,
            r#"{"user_id":"auth0|1","client_id":null}"#,
        ] {
            assert_eq!(revoke(body), all);
        }
        for body in [
            r#"{"user_id":"auth0|1","client_id":"c"}"#,
            r#"{"user_id":"auth0|1","audience":"a"}"#,
            r#"{"user_id":"auth0|1","ids":["r1"]}"#,
        ] {
            assert_eq!(revoke(body), some);
        }
        for body in [r#"{"ids":["r1"]}"#, "{}", r#"{"user_id":""}"#] {
            assert_eq!(revoke(body), None);
        }
    }

    #[test]
    fn the_deletion_of_all_grants_of_a_user_revokes_all_sessions_of_the_user() {
        let revoked = Some(("refresh_token_revoked", "auth0|1", None, Some("user")));
        let delete = |path, query| {
            event_summary(&format!(
                r#"{{"type":"sapi","user_id":"auth0|admin","details":{{"request":{{"method":"delete","path":"{path}","query":{query}}}}}}}"#
            ))
        };
        assert_eq!(
            delete("/api/v2/grants", r#"{"user_id":"auth0|1"}"#),
            revoked
        );
        assert_eq!(delete("/api/v2/grants?user_id=auth0%7C1", "{}"), revoked);
        for (path, query) in [
            ("/api/v2/grants", "{}"),
            ("/api/v2/grants?user_id=", "null"),
            ("/api/v2/grants?client_id=c", "null"),
            ("/api/v2/grants/g1", "{}"),
        ] {
            assert_eq!(delete(path, query), None, "{path}");
        }
    }
}
