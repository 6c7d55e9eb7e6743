//! Generates log records for the benchmarks in `benches/`.

use std::fmt::Write;

/// A log record of a login, which ends no session. Most records of a tenant are of this type.
pub fn login_record(number: usize) -> String {
    log_record(
        number,
        "s",
        r#""description":"Successful login","details":{}"#,
    )
}

/// A log record of a logout, which ends a session.
pub fn logout_record(number: usize) -> String {
    let details = r#""description":"User successfully logged out","details":{"return_to":"http://localhost:3000","allowed_logout_url":["http://localhost:3000"],"session_id":"1TAd-4kVuzC9jBWqZbNnDTyIrh6FWMxO"}"#;
    log_record(number, "slo", details)
}

fn log_record(number: usize, code: &str, details: &str) -> String {
    let log_id = format!("90020211103055400418223355659153263714766654532{number:09}");
    format!(
        r#"{{"log_id":"{log_id}","data":{{"date":"2021-11-03T05:53:57.546Z","connection":"Username-Password-Authentication","connection_id":"con_7W0XzPmTQnGmRQbF","client_id":"aI61p8I8aFjmYRliLWgvM9ev97kCCNDB","client_name":"Default App","ip":"203.0.113.7","user_agent":"Firefox 94.0.0 / Mac OS X 10.15.0","hostname":"acme.au.auth0.com","log_id":"{log_id}","type":"{code}",{details},"user_id":"auth0|6182002f34f4dd006b05b5c7","user_name":"jane@example.com"}}}}"#
    )
}

/// JSON lines of the records that `record` returns for 0, 1, 2 and so on. Calls `has_more` with the
/// record's number and the body so far, and stops when it returns false.
pub fn json_lines(
    mut has_more: impl FnMut(usize, &str) -> bool,
    record: impl Fn(usize) -> String,
) -> String {
    let mut body = String::new();
    for number in 0.. {
        if !has_more(number, &body) {
            break;
        }
        let _written = writeln!(body, "{}", record(number));
    }
    body
}
