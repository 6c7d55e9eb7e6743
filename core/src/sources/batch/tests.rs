use super::*;
use crate::sources::test_support::{
    RECEIVED_AT, api_operation, event_json, event_summary, read_default_types, read_types, record,
};

#[test]
fn a_record_that_matches_several_event_types_makes_the_one_that_revokes_most() {
    let path = "/api/v2/users/auth0|1";
    let response = |blocked| format!(r#"{{"user_id":"auth0|1","blocked":{blocked}}}"#);
    for (blocked, kind) in [(true, "user_blocked"), (false, "password_changed")] {
        let request = format!(r#"{{"blocked":{blocked},"password":"*****"}}"#);
        let event = event_summary(&api_operation("patch", path, &request, &response(blocked)));
        assert_eq!(event, Some((kind, "auth0|1", None, Some("user"))));
    }
}

#[test]
fn an_array_in_place_of_an_object_does_not_match() {
    let path = "/api/v2/users/auth0|1";
    let user = r#"{"user_id":"auth0|1","blocked":true}"#;
    for (request, response) in [
        (r#"[{"blocked":true}]"#, user),
        (r#"["*****"]"#, user),
        ("[true]", user),
        (r#"{"blocked":true}"#, r#"[true,"auth0|1"]"#),
    ] {
        let data = api_operation("patch", path, request, response);
        assert_eq!(event_summary(&data), None, "{request} {response}");
    }
    let session = api_operation("delete", "/api/v2/sessions/s1", "{}", r#"["auth0|1"]"#);
    assert_eq!(event_summary(&session), None);
    for details in [
        r#"["s1",{},{}]"#,
        r#"{"request":["PATCH","/",{}],"response":[{}]}"#,
    ] {
        let data = format!(r#"{{"type":"slo","user_id":"auth0|1","details":{details}}}"#);
        let logout = event_summary(&data).unwrap();
        assert_eq!(logout, ("logout", "auth0|1", None, Some("user")));
    }
}

#[test]
fn a_record_makes_only_an_event_of_a_reported_type() {
    let path = "/api/v2/users/auth0|1";
    let data = api_operation(
        "patch",
        path,
        r#"{"blocked":true,"password":"x"}"#,
        r#"{"user_id":"auth0|1","blocked":true}"#,
    );
    let body = record(&data);
    let event_types = EventTypes::only([EventType::PasswordChanged]);
    let batch = read_types(&body, &event_types).unwrap();
    assert_eq!(batch.events[0].event_type, EventType::PasswordChanged);
}

#[test]
fn every_record_is_counted_once() {
    let body = r#"[
            {"log_id":"1","data":{"type":"slo","user_id":"auth0|1"}},
            {"log_id":"2","data":{"type":"s","user_id":"auth0|1"}},
            {"log_id":"3","data":{"type":"slo"}},
            {"log_id":"4"},
            5,
            {"log_id":"6","data":{"type":"scp","user_id":"auth0|2","tenant_name":"acme"}},
            {"log_id":"7","data":{"type":"scp","user_id":"auth0|2","tenant_name":"other"}},
            {"log_id":"8","data":{"type":"scp","user_id":"auth0|2","tenant_name":""}}
        ]"#;
    let batch = read_default_types(body).unwrap_or_else(|error| panic!("{error:?}"));
    let ids: Vec<&str> = batch.events.iter().map(|event| event.id.as_str()).collect();
    assert_eq!(ids, ["1", "6", "8"]);
    assert_eq!(batch.malformed_indices, [3, 4]);
    assert_eq!((batch.received, batch.ignored, batch.malformed), (8, 3, 2));
}

#[test]
fn only_a_body_without_any_object_is_rejected() {
    for body in [
        "", " ", "nonsense", "1", "[1,2]", "null", "\"{}\"", "[", "\u{feff}",
    ] {
        let rejected = matches!(read_default_types(body), Err(ApiError::InvalidRequest(_)));
        assert!(rejected, "{body:?}");
    }
    assert_eq!(read_default_types("[]"), Ok(Batch::default()));
    for body in ["{}", "[{}]", "{\"log_id\":", r#"[{"foo":1}]"#] {
        let malformed = read_default_types(body).map(|batch| batch.malformed_indices);
        assert_eq!(malformed, Ok(vec![0]), "{body:?}");
    }
}

#[test]
fn an_event_without_a_valid_date_has_the_time_of_receipt() {
    for date in [
        "",
        r#","date":"""#,
        r#","date":"soon""#,
        r#","date":null"#,
        r#","date":1767323045000"#,
        r#","date":{}"#,
    ] {
        assert_eq!(
            event_json(&format!(r#"{{"type":"scp","user_id":"auth0|1"{date}}}"#)),
            Some(format!(
                r#"{{"id":"1","type":"password_changed","date":"{RECEIVED_AT}","user_id":"auth0|1","revokes":"user"}}"#
            ))
        );
    }
}

#[test]
fn a_record_with_a_user_id_or_session_id_that_is_too_long_is_malformed() {
    for (user, session, malformed) in [(1024, 256, 0), (1025, 0, 1), (1, 257, 1)] {
        let body = format!(
            r#"{{"log_id":"1","data":{{"type":"slo","user_id":"{}","details":{{"session_id":"{}"}}}}}}"#,
            "u".repeat(user),
            "s".repeat(session),
        );
        let count = read_default_types(&body).map(|batch| batch.malformed);
        assert_eq!(count, Ok(malformed), "{user} {session}");
    }
}

#[test]
fn a_body_with_too_many_records_is_rejected() {
    let body = |count| format!("[{}]", vec!["{}"; count].join(","));
    let received = |count| read_default_types(&body(count)).map(|batch| batch.received);
    assert_eq!(received(50_000), Ok(50_000));
    assert_eq!(received(50_001), Err(ApiError::TooManyRecords));
}

#[test]
fn the_length_of_an_event_is_bounded() {
    let text = |bytes| "\\u0001".repeat(bytes);
    let body = format!(
        r#"{{"log_id":"{}","data":{{"type":"slo","user_id":"{}","date":"{}","details":{{"session_id":"{}"}}}}}}"#,
        "\\\\".repeat(256),
        text(1024),
        "2021-11-03T05:53:57.123456789Z",
        text(256),
    );
    let batch = read_default_types(&body).expect("a valid body");
    let event = serde_json::to_string(&batch.events).expect("an event");
    assert!((8_000..10_000).contains(&event.len()), "{}", event.len());
}
