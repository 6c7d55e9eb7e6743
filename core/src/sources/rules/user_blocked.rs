//! `user_blocked`: an administrator blocked the user through the Management API, or an identity
//! provider deactivated the user through SCIM.
//!
//! The response names the user and confirms the block. If the record contains no response, the user in
//! the path counts.
//!
//! Source: Auth0, "Management API: Update a User" (`PATCH /api/v2/users/{id}`) and "Inbound SCIM".

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::sources::{affected::Affected, record_view::RecordView, scim};

#[derive(Deserialize)]
struct Update<'a> {
    /// A boolean, unparsed: serde's error for text in its place would quote all of the text.
    #[serde(borrow)]
    blocked: &'a RawValue,
}

/// Matches an update that blocks a user.
pub(in crate::sources) fn from_api_operation<'r>(
    record: &'r RecordView<'_>,
) -> Option<Affected<'r>> {
    user_with_changed_block(record, true).map(Affected::user)
}

/// Matches an update that deactivates a user, unless the response says that the user is active.
pub(in crate::sources) fn from_scim_operation<'r>(
    record: &'r RecordView<'_>,
) -> Option<Affected<'r>> {
    let operation = record.operation()?;
    let user_id = operation.scim_user_id()?;
    let requested = match operation.method {
        "PATCH" => operation.request_body::<scim::Patch<'_>>()?.active(),
        "PUT" => operation.request_body::<scim::User<'_>>()?.active(),
        _ => None,
    };
    let response: Option<scim::User<'_>> = operation.response_body();
    let contradicts = response.and_then(|user| user.active()) == Some(true);
    (requested == Some(false) && !contradicts).then(|| Affected::user(user_id))
}

/// Returns the user of an update that sets `blocked` to this value, unless the response contradicts
/// it.
pub(super) fn user_with_changed_block<'r>(
    record: &'r RecordView<'_>,
    blocked: bool,
) -> Option<Cow<'r, str>> {
    let operation = record.operation()?;
    let updated_user_id = operation.updated_user_id()?;
    let expected = if blocked { "true" } else { "false" };
    let update: Update<'_> = operation.request_body()?;
    if update.blocked.get() != expected {
        return None;
    }
    if operation.has_empty_response() {
        return Some(updated_user_id.into());
    }
    let updated: Update<'_> = operation.response_body()?;
    if updated.blocked.get() != expected {
        return None;
    }
    operation.response_user_id()
}

#[cfg(test)]
mod tests {
    use crate::sources::test_support::{event_json, event_summary, scim_operation};

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
    fn without_a_response_the_user_in_the_path_counts() {
        for response in [
            "",
            r#","response":null"#,
            r#","response":{"statusCode":200}"#,
            r#","response":{"body":null}"#,
            r#","response":{"body":{}}"#,
            r#","response":{"body":""}"#,
        ] {
            let event = event_json_of_details(&format!("{REQUEST}{response}"));
            let is_of_user = event.is_some_and(|event| event.contains(r#""user_id":"auth0|1""#));
            assert!(is_of_user, "{response}");
        }
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
        for details in [RESPONSE, ""] {
            assert_eq!(event_json_of_details(details), None, "{details}");
        }
        assert_eq!(event_json(r#"{"type":"sapi","user_id":"auth0|1"}"#), None);
    }

    fn scim_update(method: &str, request: &str, response: &str) -> bool {
        let path = "/scim/v2/connections/con_1/Users/okta%7Cc%7C1";
        let blocked = Some(("user_blocked", "okta|c|1", None, Some("user")));
        let event = event_summary(&scim_operation(method, path, request, response));
        assert!(event.is_none() || event == blocked);
        event.is_some()
    }

    #[test]
    fn a_deactivation_through_scim_blocks_the_user() {
        for operations in [
            r#"[{"op":"replace","value":{"active":false}}]"#,
            r#"[{"op":"Replace","path":"active","value":"False"}]"#,
            r#"[{"op":"add","path":"Active","value":false}]"#,
            r#"[{"op":"replace","path":"urn:ietf:params:scim:schemas:core:2.0:User:active","value":false}]"#,
            r#"[{"op":"replace","path":"name.givenName","value":"A"},{"op":"replace","value":{"active":"False","title":"x"}}]"#,
            r#"[{"op":"replace","path":"active","value":true},{"op":"replace","path":"active","value":false}]"#,
        ] {
            let request = format!(r#"{{"Operations":{operations}}}"#);
            for response in ["null", "{}", r#"{"active":false}"#, r#"{"id":"okta|c|1"}"#] {
                assert!(scim_update("PATCH", &request, response), "{operations}");
            }
            assert!(!scim_update("PATCH", &request, r#"{"active":true}"#));
            assert!(!scim_update("POST", &request, "null"));
        }
        assert!(scim_update(
            "PUT",
            r#"{"userName":"a","active":false}"#,
            "null"
        ));
    }

    #[test]
    fn no_other_scim_operation_blocks_the_user() {
        for operations in [
            r#"[{"op":"replace","value":{"active":true}}]"#,
            r#"[{"op":"replace","path":"active","value":"True"}]"#,
            r#"[{"op":"replace","path":"active","value":0}]"#,
            r#"[{"op":"remove","path":"active","value":false}]"#,
            r#"[{"op":"replace","path":"name.active","value":false}]"#,
            r#"[{"op":"replace","path":"active","value":false},{"op":"replace","path":"active","value":true}]"#,
            r#"[{"path":"active","value":false}]"#,
            r#"[["replace","active",false]]"#,
            "[]",
            "null",
            r#""active""#,
        ] {
            let request = format!(r#"{{"Operations":{operations}}}"#);
            assert!(!scim_update("PATCH", &request, "null"), "{operations}");
        }
        for request in ["null", "{}", r#"{"active":true}"#, r#"{"active":null}"#] {
            assert!(!scim_update("PUT", request, "null"), "{request}");
        }
    }
}
