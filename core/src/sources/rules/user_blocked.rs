//! `user_blocked`: an administrator blocked the user through the Management API.
//!
//! Only the response of the operation confirms the block and names the user.
//!
//! Source: Auth0, "Management API: Update a User" (`PATCH /api/v2/users/{id}`).

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::sources::{
    affected::Affected,
    record_view::{RecordView, non_empty_id},
};

#[derive(Deserialize)]
struct Update<'a> {
    /// A boolean, unparsed: serde's error for text in its place would quote all of the text.
    #[serde(borrow)]
    blocked: &'a RawValue,
}

#[derive(Deserialize)]
struct User<'a> {
    /// A boolean, unparsed as in [`Update`].
    #[serde(borrow)]
    blocked: &'a RawValue,
    #[serde(borrow)]
    user_id: Cow<'a, str>,
}

/// Matches an update that blocks a user.
pub(in crate::sources) fn from_api_operation<'r>(
    record: &'r RecordView<'_>,
) -> Option<Affected<'r>> {
    user_with_changed_block(record, true).map(Affected::user)
}

/// Returns the user of an update that sets `blocked` to this value, if the response confirms it.
pub(super) fn user_with_changed_block<'r>(
    record: &'r RecordView<'_>,
    blocked: bool,
) -> Option<Cow<'r, str>> {
    let operation = record.operation()?;
    operation.updated_user_id()?;
    let update: Update<'_> = operation.request_body()?;
    let user: User<'_> = operation.response_body()?;
    let expected = if blocked { "true" } else { "false" };
    if update.blocked.get() != expected || user.blocked.get() != expected {
        return None;
    }
    non_empty_id(user.user_id)
}

#[cfg(test)]
mod tests {
    use crate::sources::test_support::event_json;

    const REQUEST: &str =
        r#""request":{"method":"patch","path":"/api/v2/users/auth0%7C1","body":{"blocked":true}}"#;
    const RESPONSE: &str = r#""response":{"statusCode":200,"body":{"user_id":"auth0|1","blocked":true,"email":"a@b"}}"#;

    fn event_json_of_details(details: &str) -> Option<String> {
        event_json(&format!(
            r#"{{"type":"sapi","date":"2021-11-03T05:53:57.546Z","user_id":"auth0|admin","details":{{{details}}}}}"#
        ))
    }

    #[test]
    fn a_block_revokes_the_sessions_of_the_blocked_user_and_not_of_the_administrator() {
        let expected = Some(
            r#"{"id":"1","type":"user_blocked","date":"2021-11-03T05:53:57.546Z","user_id":"auth0|1","revokes":"user"}"#,
        );
        let event = event_json_of_details(&format!("{REQUEST},{RESPONSE}"));
        assert_eq!(event.as_deref(), expected);
        let bare_id = REQUEST.replace("%7C", "|").replace("patch", "PATCH");
        let event = event_json_of_details(&format!("{bare_id},{RESPONSE}"));
        assert_eq!(event.as_deref(), expected);
    }

    #[test]
    fn no_other_management_api_operation_makes_an_event() {
        for (from, to) in [
            ("patch", "get"),
            ("patch", "post"),
            ("/users/auth0%7C1", "/users"),
            ("/users/auth0%7C1", "/users/"),
            ("/users/auth0%7C1", "/users/auth0%7C1/roles"),
            ("/api/v2/users", "/api/v2/clients"),
            (r#""body":{"blocked":true}"#, r#""body":{"blocked":false}"#),
            (r#""body":{"blocked":true}"#, r#""body":{"blocked":"true"}"#),
            (r#""body":{"blocked":true}"#, r#""body":{"name":"x"}"#),
            (r#""body":{"blocked":true}"#, r#""body":null"#),
            (r#""body":{"blocked":true}"#, r#""nobody":{}"#),
        ] {
            let request = REQUEST.replace(from, to);
            assert_ne!(request, REQUEST);
            let event = event_json_of_details(&format!("{request},{RESPONSE}"));
            assert_eq!(event, None, "{request}");
        }
        for (from, to) in [
            (r#""blocked":true"#, r#""blocked":false"#),
            (r#""blocked":true"#, r#""blocked":1"#),
            (r#""user_id":"auth0|1","#, ""),
            (r#""auth0|1""#, r#""""#),
            (r#""auth0|1""#, "1"),
        ] {
            let response = RESPONSE.replace(from, to);
            assert_ne!(response, RESPONSE);
            let event = event_json_of_details(&format!("{REQUEST},{response}"));
            assert_eq!(event, None, "{response}");
        }
        for details in [REQUEST, RESPONSE, ""] {
            assert_eq!(event_json_of_details(details), None, "{details}");
        }
        assert_eq!(event_json(r#"{"type":"sapi","user_id":"auth0|1"}"#), None);
    }
}
