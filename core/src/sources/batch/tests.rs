use super::*;

const RECEIVED_ON: &str = "2026-01-01T00:00:00.000Z";

fn batch(body: &str) -> Result<Batch, ApiError> {
    batch_of(body, &EventTypes::default())
}

fn batch_of(body: &str, kinds: &EventTypes) -> Result<Batch, ApiError> {
    let tenant = Tenant::from_slug("acme@us").unwrap_or_else(|| panic!("a valid slug"));
    read_batch(
        body.as_bytes(),
        &tenant,
        kinds,
        Timestamp::from_millis(1_767_225_600_000),
    )
}

/// The one event of a record with this `data`, as it goes over the wire.
pub(in crate::sources) fn event_of(data: &str) -> Option<String> {
    let batch = batch(&format!(r#"{{"log_id":"1","data":{data}}}"#));
    let batch = batch.unwrap_or_else(|fault| panic!("{fault:?}: {data}"));
    assert_eq!(batch.received, 1);
    let event = batch.events.first()?;
    serde_json::to_string(event).ok()
}

/// The data of a `sapi` record.
pub(in crate::sources) fn api(method: &str, path: &str, request: &str, response: &str) -> String {
    format!(
        r#"{{"type":"sapi","user_id":"auth0|admin","details":{{"request":{{"method":"{method}","path":"{path}","body":{request}}},"response":{{"statusCode":200,"body":{response}}}}}}}"#
    )
}

type Told = (
    &'static str,
    &'static str,
    Option<&'static str>,
    Option<&'static str>,
);

/// The one event of a record with this `data` where all kinds count: its type, its user, its
/// session and what it revokes. Whatever it is, it is none where no kind counts.
pub(in crate::sources) fn any_event_of(data: &str) -> Option<Told> {
    let body = format!(r#"{{"log_id":"1","data":{data}}}"#);
    let none = batch_of(&body, &EventTypes::only([])).unwrap();
    assert_eq!((none.events.len(), none.ignored), (0, 1));
    let batch = batch_of(&body, &EventTypes::all()).unwrap();
    let event = batch.events.first()?;
    let json = serde_json::to_value(event).unwrap();
    let word =
        |name: &str| -> Option<&'static str> { Some(json.get(name)?.as_str()?.to_owned().leak()) };
    Some((
        word("type")?,
        word("user_id")?,
        word("session_id"),
        word("revokes"),
    ))
}

#[test]
fn a_record_that_is_several_things_is_the_one_that_ends_most() {
    let path = "/api/v2/users/auth0|1";
    let answer = |blocked| format!(r#"{{"user_id":"auth0|1","blocked":{blocked}}}"#);
    for (blocked, kind) in [(true, "user_blocked"), (false, "password_changed")] {
        let request = format!(r#"{{"blocked":{blocked},"password":"*****"}}"#);
        let event = any_event_of(&api("patch", path, &request, &answer(blocked)));
        assert_eq!(event, Some((kind, "auth0|1", None, Some("user"))));
    }
}

#[test]
fn an_array_is_not_taken_for_the_object_in_whose_place_it_stands() {
    let path = "/api/v2/users/auth0|1";
    let user = r#"{"user_id":"auth0|1","blocked":true}"#;
    for (request, response) in [
        (r#"[{"blocked":true}]"#, user),
        (r#"["*****"]"#, user),
        ("[true]", user),
        (r#"{"blocked":true}"#, r#"[true,"auth0|1"]"#),
    ] {
        let data = api("patch", path, request, response);
        assert_eq!(any_event_of(&data), None, "{request} {response}");
    }
    let session = api("delete", "/api/v2/sessions/s1", "{}", r#"["auth0|1"]"#);
    assert_eq!(any_event_of(&session), None);
    for details in [
        r#"["s1",{},{}]"#,
        r#"{"request":["PATCH","/",{}],"response":[{}]}"#,
    ] {
        let data = format!(r#"{{"type":"slo","user_id":"auth0|1","details":{details}}}"#);
        let logout = any_event_of(&data).unwrap();
        assert_eq!(logout, ("logout", "auth0|1", None, Some("user")));
    }
}

#[test]
fn a_kind_that_does_not_count_leaves_its_record_to_those_that_do() {
    let path = "/api/v2/users/auth0|1";
    let data = api(
        "patch",
        path,
        r#"{"blocked":true,"password":"x"}"#,
        r#"{"user_id":"auth0|1","blocked":true}"#,
    );
    let body = format!(r#"{{"log_id":"1","data":{data}}}"#);
    let kinds = EventTypes::only([EventType::PasswordChanged]);
    let batch = batch_of(&body, &kinds).unwrap();
    assert_eq!(batch.events[0].kind, EventType::PasswordChanged);
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
    let batch = batch(body).unwrap_or_else(|fault| panic!("{fault:?}"));
    let ids: Vec<&str> = batch.events.iter().map(|event| event.id.as_str()).collect();
    assert_eq!(ids, ["1", "6", "8"]);
    assert_eq!(batch.malformed, [3, 4]);
    assert_eq!((batch.received, batch.ignored), (8, 3));
}

#[test]
fn only_a_body_in_which_nothing_can_be_read_is_refused() {
    for body in [
        "", " ", "nonsense", "1", "[1,2]", "null", "\"{}\"", "[", "\u{feff}",
    ] {
        let refused = matches!(batch(body), Err(ApiError::InvalidRequest(_)));
        assert!(refused, "{body:?}");
    }
    assert_eq!(batch("[]"), Ok(Batch::default()));
    for body in ["{}", "[{}]", "{\"log_id\":", r#"[{"foo":1}]"#] {
        let malformed = batch(body).map(|batch| batch.malformed);
        assert_eq!(malformed, Ok(vec![0]), "{body:?}");
    }
}

#[test]
fn an_event_without_a_readable_date_has_the_time_of_receipt() {
    for date in [
        "",
        r#","date":"""#,
        r#","date":"soon""#,
        r#","date":null"#,
        r#","date":1767323045000"#,
        r#","date":{}"#,
    ] {
        assert_eq!(
            event_of(&format!(r#"{{"type":"scp","user_id":"auth0|1"{date}}}"#)),
            Some(format!(
                r#"{{"id":"1","type":"password_changed","date":"{RECEIVED_ON}","user_id":"auth0|1","revokes":"user"}}"#
            ))
        );
    }
}

#[test]
fn ids_of_users_and_sessions_are_bounded() {
    for (user, session, malformed) in [(1024, 256, 0), (1025, 0, 1), (1, 257, 1)] {
        let body = format!(
            r#"{{"log_id":"1","data":{{"type":"slo","user_id":"{}","details":{{"session_id":"{}"}}}}}}"#,
            "u".repeat(user),
            "s".repeat(session),
        );
        let count = batch(&body).map(|batch| batch.malformed.len());
        assert_eq!(count, Ok(malformed), "{user} {session}");
    }
}

#[test]
fn a_body_of_more_records_than_are_taken_is_refused_whole() {
    let body = |count| format!("[{}]", vec!["{}"; count].join(","));
    let received = |count| batch(&body(count)).map(|batch| batch.received);
    assert_eq!(received(50_000), Ok(50_000));
    assert_eq!(received(50_001), Err(ApiError::TooManyRecords));
}

#[test]
fn the_longest_event_there_can_be_is_bounded() {
    let text = |bytes| "\\u0001".repeat(bytes);
    let body = format!(
        r#"{{"log_id":"{}","data":{{"type":"slo","user_id":"{}","date":"{}","details":{{"session_id":"{}"}}}}}}"#,
        "\\\\".repeat(256),
        text(1024),
        "2021-11-03T05:53:57.123456789Z",
        text(256),
    );
    let batch = batch(&body).expect("a readable body");
    let event = serde_json::to_string(&batch.events).expect("an event");
    assert!((8_000..10_000).contains(&event.len()), "{}", event.len());
}
