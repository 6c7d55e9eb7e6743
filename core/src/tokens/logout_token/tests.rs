use serde_json::json;

use super::*;

const NOW: i64 = 1_700_000_000;

fn good() -> Value {
    json!({
        "iss": "https://acme.us.auth0.com/",
        "sub": "auth0|1",
        "sid": "s1",
        "aud": "client",
        "iat": NOW,
        "exp": NOW + 120,
        "jti": "j1",
        "events": { LOGOUT_EVENT: {} },
    })
}

/// Returns the result for claims after a change. A changed value of null removes the claim.
fn check(changes: Value) -> Result<LogoutToken, LogoutTokenError> {
    let mut claims = good();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => claims.as_object_mut().unwrap().remove(name),
            value => claims
                .as_object_mut()
                .unwrap()
                .insert(name.clone(), value.clone()),
        };
    }
    let claims: ParsedClaims = serde_json::from_value(claims).unwrap();
    let audiences = ["other".to_owned(), "client".to_owned()];
    LogoutToken::new(&claims, &audiences, Timestamp::from_millis(NOW * 1000))
}

#[test]
fn a_logout_token_names_its_user_and_its_session() {
    let token = check(json!({})).unwrap();
    assert_eq!(token.sub, "auth0|1");
    assert_eq!(token.sid.as_deref(), Some("s1"));
    assert_eq!(token.issued_at, Timestamp::from_millis(NOW * 1000));
    let without_session = check(json!({ "sid": null })).unwrap();
    assert_eq!(without_session.sid, None);
}

#[test]
fn an_invalid_session_does_not_log_the_user_out_of_all_sessions() {
    for sid in [json!(""), json!(1), json!(["s1"]), json!("s".repeat(257))] {
        let rejected = Err(LogoutTokenError::SessionId);
        assert_eq!(check(json!({ "sid": sid })), rejected, "{sid}");
    }
    let claims = format!(
        r#"{{"iss":"i","sub":"u","sid":null,"aud":"client","iat":{NOW},"jti":"j","events":{{"{LOGOUT_EVENT}":{{}}}}}}"#
    );
    let claims: ParsedClaims = serde_json::from_str(&claims).unwrap();
    let token = LogoutToken::new(
        &claims,
        &["client".to_owned()],
        Timestamp::from_millis(NOW * 1000),
    );
    assert_eq!(token, Err(LogoutTokenError::SessionId));
}

#[test]
fn the_id_depends_on_the_issuer_and_the_jti_alone() {
    let id = |changes| check(changes).unwrap().id;
    assert_eq!(
        id(json!({})),
        id(json!({ "sub": "auth0|2", "iat": NOW - 1 }))
    );
    assert_ne!(id(json!({})), id(json!({ "jti": "j2" })));
    assert_ne!(
        id(json!({})),
        id(json!({ "iss": "https://b.us.auth0.com/" }))
    );
    assert_ne!(token_id("a", "bc"), token_id("ab", "c"));
}

#[test]
fn the_audience_is_or_contains_one_of_the_clients() {
    for aud in [json!("other"), json!(["x", "client"])] {
        assert!(check(json!({ "aud": aud })).is_ok());
    }
    for aud in [json!("x"), json!(["x"]), json!([]), json!({}), Value::Null] {
        let rejected = Err(LogoutTokenError::Audience);
        assert_eq!(check(json!({ "aud": aud })), rejected, "{aud}");
    }
}

#[test]
fn a_token_without_the_logout_event_is_rejected() {
    for events in [
        Value::Null,
        json!({}),
        json!([LOGOUT_EVENT]),
        json!(LOGOUT_EVENT),
        json!({ LOGOUT_EVENT: true }),
    ] {
        let rejected = Err(LogoutTokenError::NoLogoutEvent);
        assert_eq!(check(json!({ "events": events })), rejected, "{events}");
    }
    let event_with_members = json!({ LOGOUT_EVENT: { "a": 1 }, "other": {} });
    assert!(check(json!({ "events": event_with_members })).is_ok());
}

#[test]
fn a_token_with_a_nonce_is_rejected() {
    for nonce in [json!("n"), json!(""), json!(false)] {
        assert_eq!(
            check(json!({ "nonce": nonce })),
            Err(LogoutTokenError::Nonce)
        );
    }
}

#[test]
fn a_token_is_accepted_for_five_minutes_after_its_issue_and_before_its_expiry() {
    for (changes, result) in [
        (json!({ "iat": NOW - 300 }), Ok(())),
        (json!({ "iat": NOW - 301 }), Err(LogoutTokenError::IssuedAt)),
        (json!({ "iat": null }), Err(LogoutTokenError::IssuedAt)),
        (json!({ "iat": NOW + 60 }), Ok(())),
        (
            json!({ "iat": NOW + 61 }),
            Err(LogoutTokenError::Token(TokenError::NotYetValid)),
        ),
        (
            json!({ "nbf": NOW + 61 }),
            Err(LogoutTokenError::Token(TokenError::NotYetValid)),
        ),
        (
            json!({ "exp": NOW }),
            Err(LogoutTokenError::Token(TokenError::Expired)),
        ),
        (json!({ "exp": null }), Ok(())),
    ] {
        assert_eq!(check(changes.clone()).map(|_| ()), result, "{changes}");
    }
}

#[test]
fn a_token_needs_a_jti_and_a_subject() {
    for jti in [Value::Null, json!(""), json!(1)] {
        assert_eq!(check(json!({ "jti": jti })), Err(LogoutTokenError::Jti));
    }
    for (changes, error) in [
        (json!({ "sub": null }), LogoutTokenError::OnlySession),
        (json!({ "sub": "" }), LogoutTokenError::OnlySession),
        (
            json!({ "sub": null, "sid": null }),
            LogoutTokenError::Subject,
        ),
        (
            json!({ "sub": "u".repeat(1025) }),
            LogoutTokenError::Subject,
        ),
    ] {
        assert_eq!(check(changes), Err(error));
    }
}
