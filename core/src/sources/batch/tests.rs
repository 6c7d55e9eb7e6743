use super::*;
use crate::events::event::{Revokes, is_first_of_record};
use crate::sources::test_support::{
    RECEIVED_AT, api_operation, event_json, event_summary, events_of, read_default_types,
    read_types, record,
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
fn a_record_that_affects_several_users_makes_an_event_for_each() {
    let of = |user_id: &'static str, revokes| Affected {
        user_id: user_id.into(),
        session_id: None,
        revokes,
    };
    let chosen = most_revoking_per_user(vec![
        (EventType::UserUnblocked, of("a", None)),
        (EventType::PasswordChanged, of("b", Some(Revokes::User))),
        (EventType::SessionRevoked, of("a", Some(Revokes::Session))),
        (EventType::EmailChanged, of("b", Some(Revokes::User))),
        (EventType::MfaChanged, of("b", None)),
    ]);
    let chosen: Vec<(EventType, &str)> = chosen
        .iter()
        .map(|(event_type, affected)| (*event_type, affected.user_id.as_ref()))
        .collect();
    assert_eq!(
        chosen,
        [
            (EventType::SessionRevoked, "a"),
            (EventType::PasswordChanged, "b")
        ]
    );
    let ids = [0, 1, 2].map(|index| event_id("9002", index));
    assert_eq!(ids, ["9002", "9002#2", "9002#3"]);
    let first = ids.map(|id| is_first_of_record(&id));
    assert_eq!(first, [true, false, false]);
    assert!(is_first_of_record("9002#") && is_first_of_record("#a"));
}

#[test]
fn an_array_with_the_name_logs_is_read_like_an_array() {
    let record = |id| format!(r#"{{"log_id":"{id}","data":{{"type":"slo","user_id":"a"}}}}"#);
    let records = format!("{},{}", record(1), record(2));
    let array = read_default_types(&format!("[{records}]")).expect("two records");
    for body in [
        format!(r#"{{"logs":[{records}]}}"#),
        format!("\u{feff} {{ \"logs\" :\n[{records} ] }}\n"),
        format!(r#"{{"logs":[{records}],"total":2}}"#),
    ] {
        assert_eq!(read_default_types(&body).as_ref(), Ok(&array), "{body}");
    }
    let malformed = read_default_types(&format!(r#"{{"logs":[{records},{{oops}}]}}"#));
    assert_eq!(malformed.map(|batch| batch.malformed_indices), Ok(vec![2]));
    assert_eq!(read_default_types(r#"{"logs":[]}"#), Ok(Batch::default()));
    // Records on later lines must not get lost without a trace.
    let lines = read_default_types(&format!("{{\"logs\":[{records}]}}\n{}", record(3)));
    let counts = lines.map(|batch| (batch.malformed, batch.with_events));
    assert_eq!(counts, Ok((1, 1)));
    for body in [r#"{"logs":["#, r#"{"logs":[1]}"#] {
        let rejected = matches!(read_default_types(body), Err(ApiError::InvalidRequest(_)));
        assert!(rejected, "{body}");
    }
    let of_a_record = r#"{"logs":[],"log_id":"1","data":{"type":"slo","user_id":"a"}}"#;
    let batch = read_default_types(of_a_record).expect("a record");
    assert_eq!((batch.received, batch.with_events), (1, 1));
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
    assert_eq!(events_of(&batch)[0].event_type, EventType::PasswordChanged);
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
    let events = events_of(&batch);
    let ids: Vec<&str> = events.iter().map(|event| event.id.as_str()).collect();
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
    let event = batch.events.into_text();
    assert!((8_000..10_000).contains(&event.len()), "{}", event.len());
}
