//! Runs `session-events publish-token` as a process.

#![allow(clippy::expect_used, reason = "a panic fails the test")]

use std::process::{Command, Output};

fn run(secret: Option<&str>, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_session-events"));
    command
        .args(arguments)
        .env_remove("PUBLISH_SECRET")
        .env_remove("SESSION_EVENTS_URL");
    if let Some(secret) = secret {
        command.env("PUBLISH_SECRET", secret);
    }
    command.output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8 output")
}

#[test]
fn without_a_terminal_it_prints_named_values_separated_by_tabs() {
    let output = run(Some("secret"), &["publish-token", "acme@us"]);
    assert!(output.status.success());
    // The token equals the output of `openssl dgst -sha256 -hmac secret` for acme.us.auth0.com.
    assert_eq!(
        text(&output.stdout),
        "publish_token\tzrStr_q1tgpyotwZd7iVbNbUAqi5rE3nXR7UBkNwrQ0\npayload_path\t/acme@us/api/publish\n"
    );
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn with_the_url_of_the_worker_it_also_prints_the_payload_url() {
    let url = "https://events.example.com/";
    let output = run(Some("secret"), &["publish-token", "acme@us", "--url", url]);
    let text = text(&output.stdout);
    let lines: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(
        lines,
        [
            "payload_path\t/acme@us/api/publish",
            "payload_url\thttps://events.example.com/acme@us/api/publish"
        ]
    );
}

#[test]
fn without_the_secret_the_error_shows_how_to_set_it() {
    for secret in [None, Some("")] {
        let output = run(secret, &["publish-token", "acme@us"]);
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(text(&output.stdout), "");
        assert!(text(&output.stderr).contains("PUBLISH_SECRET=… npm run token -- acme@us"));
    }
}

#[test]
fn the_error_for_an_invalid_tenant_shows_the_format() {
    let output = run(Some("secret"), &["publish-token", "acme.us.auth0.com"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("acme@us for acme.us.auth0.com"));
}
