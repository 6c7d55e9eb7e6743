//! What is measured is in `benches/`; here is what it is measured with.

use std::fmt::Write;

/// A record of a login, which ends no session: most of a log is of this kind.
pub fn login(number: usize) -> String {
    record(
        number,
        "s",
        r#""description":"Successful login","details":{}"#,
    )
}

/// A record of a logout, which does.
pub fn logout(number: usize) -> String {
    let details = r#""description":"User successfully logged out","details":{"return_to":"http://localhost:3000","allowed_logout_url":["http://localhost:3000"],"session_id":"1TAd-4kVuzC9jBWqZbNnDTyIrh6FWMxO"}"#;
    record(number, "slo", details)
}

fn record(number: usize, code: &str, rest: &str) -> String {
    let log_id = format!("90020211103055400418223355659153263714766654532{number:09}");
    format!(
        r#"{{"log_id":"{log_id}","data":{{"date":"2021-11-03T05:53:57.546Z","connection":"Username-Password-Authentication","connection_id":"con_7W0XzPmTQnGmRQbF","client_id":"aI61p8I8aFjmYRliLWgvM9ev97kCCNDB","client_name":"Default App","ip":"203.0.113.7","user_agent":"Firefox 94.0.0 / Mac OS X 10.15.0","hostname":"acme.au.auth0.com","log_id":"{log_id}","type":"{code}",{rest},"user_id":"auth0|6182002f34f4dd006b05b5c7","user_name":"jane@example.com"}}}}"#
    )
}

/// JSON lines of as many records as `take` says, each made by `record`.
pub fn lines(
    mut take: impl FnMut(usize, &str) -> bool,
    record: impl Fn(usize) -> String,
) -> String {
    let mut body = String::new();
    for number in 0.. {
        if !take(number, &body) {
            break;
        }
        let _written = writeln!(body, "{}", record(number));
    }
    body
}
