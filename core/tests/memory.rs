//! A published body must not cost much more memory than its own length, whatever it contains.
//! WebAssembly never returns memory, so the peak counts.

#![allow(clippy::arithmetic_side_effects, reason = "an overflow fails the test")]

use session_events_core::{
    events::{event_lines::EventLines, event_types::EventTypes},
    sources::{
        batch::read_batch,
        log_record::{MAX_BODY_BYTES, MAX_RECORDS},
    },
    timestamp::Timestamp,
};
use session_events_peak_allocator::PeakAllocator;

#[global_allocator]
static ALLOCATOR: PeakAllocator = PeakAllocator::new();

/// Bytes of memory per byte of the body: 40 MiB for a body of the maximum length.
const MAX_BYTES_PER_BYTE: usize = 8;
/// The length of a body with one long member. A body of the maximum length takes proportionally more
/// memory, and longer than a test should.
const LONG_MEMBER_BYTES: usize = MAX_BODY_BYTES / 16;

/// The members of a record, each as the text before its value and the text after it.
const MEMBERS: [(&str, &str); 23] = [
    (r#"{"data":{"type":"slo","user_id":"a"},"log_id":"#, "}"),
    (r#"{"log_id":"1","data":"#, "}"),
    (r#"{"log_id":"1","data":{"user_id":"a","type":"#, "}}"),
    (
        r#"{"log_id":"1","data":{"type":"slo","user_id":"a","date":"#,
        "}}",
    ),
    (
        r#"{"log_id":"1","data":{"type":"slo","user_id":"a","tenant_name":"#,
        "}}",
    ),
    (r#"{"log_id":"1","data":{"type":"slo","user_id":"#, "}}"),
    (
        r#"{"log_id":"1","data":{"type":"slo","user_id":"a","details":"#,
        "}}",
    ),
    (
        r#"{"log_id":"1","data":{"type":"slo","user_id":"a","details":{"session_id":"#,
        "}}}",
    ),
    (
        r#"{"log_id":"1","data":{"type":"sapi","details":{"response":{},"request":"#,
        "}}}",
    ),
    (
        r#"{"log_id":"1","data":{"type":"sapi","details":{"request":{"method":"patch","path":"/api/v2/users/a"},"response":"#,
        "}}}",
    ),
    (
        r#"{"log_id":"1","data":{"type":"sapi","details":{"response":{},"request":{"path":"/api/v2/users/a","method":"#,
        "}}}}",
    ),
    (
        r#"{"log_id":"1","data":{"type":"sapi","details":{"response":{},"request":{"method":"patch","path":"#,
        "}}}}",
    ),
    (
        r#"{"log_id":"1","data":{"type":"sapi","details":{"response":{"body":{}},"request":{"method":"patch","path":"/api/v2/users/a","body":"#,
        "}}}}",
    ),
    (
        r#"{"log_id":"1","data":{"type":"sapi","details":{"response":{"body":{"user_id":"a","blocked":true}},"request":{"method":"patch","path":"/api/v2/users/a","body":{"blocked":"#,
        "}}}}}",
    ),
    (
        r#"{"log_id":"1","data":{"type":"sapi","details":{"request":{"method":"patch","path":"/api/v2/users/a","body":{"blocked":true}},"response":{"body":{"user_id":"a","blocked":"#,
        "}}}}}",
    ),
    (
        r#"{"log_id":"1","data":{"type":"sapi","details":{"request":{"method":"patch","path":"/api/v2/users/a","body":{"blocked":true}},"response":{"body":{"blocked":true,"user_id":"#,
        "}}}}}",
    ),
    (
        r#"{"log_id":"1","data":{"type":"srrt","user_id":"a","details":{"refresh_token":"#,
        "}}}",
    ),
    (
        r#"{"log_id":"1","data":{"type":"srrt","user_id":"a","details":{"refresh_token":{"session_id":"#,
        "}}}}",
    ),
    (
        r#"{"log_id":"1","data":{"type":"gd_unenroll","details":{"enrollment":{"user_id":"#,
        "}}}}",
    ),
    (
        r#"{"log_id":"1","data":{"type":"sapi","details":{"request":{"method":"delete","path":"/api/v2/grants","query":"#,
        "}}}}",
    ),
    (
        r#"{"log_id":"1","data":{"type":"sapi","details":{"request":{"method":"delete","path":"/api/v2/grants","query":{"user_id":"#,
        "}}}}}",
    ),
    (
        r#"{"log_id":"1","data":{"type":"sscim","details":{"request":{"method":"PATCH","path":"/scim/v2/connections/c/Users/a","body":{"Operations":"#,
        "}}}}}",
    ),
    (
        r#"{"log_id":"1","data":{"type":"sscim","details":{"request":{"method":"PATCH","path":"/scim/v2/connections/c/Users/a","body":{"Operations":[{"op":"replace","value":"#,
        "}]}}}}}",
    ),
];

/// Values that are expensive for a parser: the text before, the repeated part, and the text after.
const VALUES: [(&str, &str, &str); 10] = [
    ("[", r#"{"":0},"#, "0]"),
    ("{", r#""":0,"#, r#""":0}"#),
    ("[", "[],", "0]"),
    ("", "[", ""),
    // The escape sequence makes the parser copy the text. DEL is valid in JSON text, and six bytes
    // long in Rust's representation of text for errors.
    (r#""\t"#, "a", r#"""#),
    (r#"""#, "\u{7f}", r#"""#),
    (r#""\t"#, "\u{7f}", r#"""#),
    (r#""/api/v2/"#, "/", r#"""#),
    (r#""/api/v2/"#, "a/", r#"""#),
    (r#""/api/v2/users/"#, "%41", r#"""#),
];

/// Records that are so short that a body contains many of them.
const RECORDS: [&str; 6] = [
    r#"{"log_id":"1","data":{"type":"slo","user_id":"a"}}"#,
    r#"{"log_id":"1","data":{"type":"slo","user_id":"a","details":{"session_id":"a"}}}"#,
    r#"{"log_id":"1","data":{"type":"slo","user_id":"\u0001\u0001\u0001\u0001\u0001\u0001\u0001"}}"#,
    r#"{"log_id":"1","data":{"type":"s"}}"#,
    "{}",
    "1",
];

/// Reads a body as the Worker does, and what the Worker sends to the leader as the leader does.
/// Returns the number of events.
fn publish(body: &str) -> Option<usize> {
    let received_at = Timestamp::from_millis(1_767_225_600_000);
    let batch = read_batch(
        body.as_bytes(),
        Some("acme"),
        &EventTypes::all(),
        received_at,
    )
    .ok()?;
    let events = EventLines::from_text(batch.events.into_text());
    Some(events.iter().filter(Result::is_ok).count())
}

/// All measurements are in one test, because the allocator counts the memory of all threads.
#[test]
fn reading_a_body_costs_at_most_eight_times_its_maximum_length() {
    let long_members = MEMBERS.iter().flat_map(|(start, end)| {
        VALUES.iter().map(move |(before, repeated, after)| {
            let member = repeated.repeat(LONG_MEMBER_BYTES / repeated.len());
            let body = format!("{start}{before}{member}{after}{end}");
            (
                format!("{start}{before}{repeated}"),
                body,
                LONG_MEMBER_BYTES,
            )
        })
    });
    let many_records = RECORDS.iter().flat_map(|record| {
        let records = [*record; MAX_RECORDS].join(",\n");
        let lines = records.replace(",\n", "\n");
        [format!("[{records}]"), lines].map(|body| ((*record).to_owned(), body, MAX_BODY_BYTES))
    });
    let mut expensive = Vec::new();
    for (name, body, max_length) in long_members.chain(many_records) {
        assert!(body.len() <= MAX_BODY_BYTES, "{name}");
        let (_, peak) = ALLOCATOR.measure(|| publish(&body));
        if peak > MAX_BYTES_PER_BYTE * max_length {
            expensive.push(format!("{name}: {peak} bytes for {}", body.len()));
        }
    }
    assert!(expensive.is_empty(), "{expensive:#?}");
}
