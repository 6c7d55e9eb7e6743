//! `publish-token`, run as a user runs it.

#![allow(clippy::expect_used, reason = "a test that panics fails")]

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
    command.output().expect("the program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[test]
fn a_pipe_gets_the_token_and_the_path_by_their_names() {
    let output = run(Some("secret"), &["publish-token", "acme@us"]);
    assert!(output.status.success());
    // The token is what `openssl dgst -sha256 -hmac secret` makes of acme.us.auth0.com.
    assert_eq!(
        text(&output.stdout),
        "publish_token\tzrStr_q1tgpyotwZd7iVbNbUAqi5rE3nXR7UBkNwrQ0\npayload_path\t/acme@us/api/publish\n"
    );
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn with_the_address_of_the_worker_a_pipe_gets_the_whole_url_besides() {
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
fn without_the_secret_it_says_how_to_give_it() {
    for secret in [None, Some("")] {
        let output = run(secret, &["publish-token", "acme@us"]);
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(text(&output.stdout), "");
        assert!(text(&output.stderr).contains("PUBLISH_SECRET=… npm run token -- acme@us"));
    }
}

#[test]
fn what_is_no_tenant_is_refused_with_the_way_to_write_one() {
    let output = run(Some("secret"), &["publish-token", "acme.us.auth0.com"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("acme@us for acme.us.auth0.com"));
}
