//! Runs `session-events publish-token` as a process.

#![allow(clippy::expect_used, reason = "a panic fails the test")]

use std::process::{Command, Output};

const SECRET: &str = "5f2b1c0d9e8a76543210fedcba987654";

fn run(secret: Option<&str>, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_session-events"));
    command
        .args(arguments)
        .env_remove("PUBLISH_SECRET")
        .env_remove("SESSION_EVENTS_URL")
        .env_remove("SESSION_EVENTS_DOMAIN");
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
    let output = run(Some(SECRET), &["publish-token", "acme@us"]);
    assert!(output.status.success());
    // The token equals the output of `openssl dgst -sha256 -hmac SECRET` for acme.us.auth0.com.
    assert_eq!(
        text(&output.stdout),
        "publish_token\trEBeAMKWght7ySvzEw2HUBZsN8YYi2d2YPKUnavmDrM\npayload_path\t/acme@us/api/publish\n"
    );
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn with_the_url_of_the_worker_it_also_prints_the_payload_url() {
    // No Worker listens there, so the domain is that of Auth0's public cloud.
    let url = "http://127.0.0.1:1/";
    let output = run(Some(SECRET), &["publish-token", "acme@us", "--url", url]);
    assert!(self::text(&output.stderr).contains("the token is for acme.us.auth0.com, because"));
    let text = text(&output.stdout);
    let lines: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(
        lines,
        [
            "payload_path\t/acme@us/api/publish",
            "payload_url\thttp://127.0.0.1:1/acme@us/api/publish"
        ]
    );
}

#[test]
fn the_token_of_a_tenant_with_a_domain_is_derived_from_the_domain() {
    let output = run(
        Some(SECRET),
        &["publish-token", "corp", "--domain", "sso.corp.example"],
    );
    assert_eq!(
        text(&output.stdout),
        "publish_token\tb0qwoz88JNRw8SJr_8ZVR5T6b8Qq_v_Zr9z-sDitUHc\npayload_path\t/corp/api/publish\n"
    );
    let output = run(
        Some(SECRET),
        &[
            "publish-token",
            "corp",
            "--domain",
            "https://sso.corp.example/",
        ],
    );
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("sso.corp.example"));
}

#[test]
fn a_secret_of_less_than_32_bytes_is_rejected_as_in_the_worker() {
    let output = run(Some("short"), &["publish-token", "acme@us"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "");
    let error = text(&output.stderr);
    assert!(
        error.contains("PUBLISH_SECRET is shorter than 32 bytes"),
        "{error}"
    );
    assert!(error.contains("openssl rand -hex 32"), "{error}");
}

#[test]
fn without_the_secret_the_command_line_is_invalid_and_the_error_shows_how_to_give_it() {
    for secret in [None, Some(""), Some("\n")] {
        let output = run(secret, &["publish-token", "acme@us"]);
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(text(&output.stdout), "");
        assert_eq!(
            text(&output.stderr),
            "error: there is no publish secret: give --publish-secret (or set PUBLISH_SECRET)\n"
        );
    }
}

#[test]
fn no_token_is_derived_from_a_secret_with_surrounding_white_space() {
    for secret in [format!("{SECRET}\n"), format!(" {SECRET}")] {
        let output = run(Some(&secret), &["publish-token", "acme@us"]);
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(text(&output.stdout), "");
        let error = text(&output.stderr);
        assert!(
            error.starts_with("error: the publish secret starts or ends with white space: give"),
            "{error}"
        );
    }
}

#[test]
fn the_error_for_an_invalid_tenant_shows_the_format() {
    let output = run(Some(SECRET), &["publish-token", "acme.us.auth0.com"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("acme@us for acme.us.auth0.com"));
}
