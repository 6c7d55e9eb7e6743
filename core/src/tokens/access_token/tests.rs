use std::{
    cell::RefCell,
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use base64ct::{Base64UrlUnpadded, Encoding};
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::{
    error::{ApiError, TokenError},
    protocol::filter::Filter,
    sessions::listener::Listener,
    tenant::{Slug, config::Config},
    timestamp::Timestamp,
    tokens::{
        algorithm::Algorithm,
        key_set::{KeySet, SigningKey},
        signature::MAX_TOKEN_BYTES,
    },
};

const NOW: i64 = 1_700_000_000;
const GOOD_HEADER: &str = r#"{"alg":"RS256","typ":"JWT","kid":"k"}"#;
const GOOD_CLAIMS: &str = r#"{"iss":"https://acme.us.auth0.com/","sub":"auth0|1","aud":"https://events.auth0a.com/api","iat":1700000000,"exp":1700000001,"scope":"listen:events"}"#;

/// Accepts the signature `good`, and records each request for a key.
struct TestVerifier {
    key_requests: RefCell<Vec<String>>,
}

impl Verifier for TestVerifier {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(NOW * 1000)
    }

    async fn signing_key(
        &self,
        jwks_uri: &str,
        kid: &str,
        algorithm: Algorithm,
    ) -> Result<SigningKey, ApiError> {
        self.key_requests
            .borrow_mut()
            .push(format!("{kid} at {jwks_uri}"));
        if kid == "unavailable" {
            return Err(ApiError::KeysUnavailable);
        }
        let n = Base64UrlUnpadded::encode_string(&[0xff; 256]);
        let jwks = format!(
            r#"{{"keys":[{{"kty":"RSA","kid":"k","n":"{n}","e":"AQAB"}},{{"kty":"RSA","kid":"rs","alg":"RS256","n":"{n}","e":"AQAB"}}]}}"#
        );
        let keys = KeySet::from_json(&jwks).unwrap();
        Ok(keys.signing_key(kid, algorithm)?.clone())
    }

    async fn check_signature(
        &self,
        _algorithm: Algorithm,
        _key: &SigningKey,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, ApiError> {
        assert_eq!(message.iter().filter(|byte| **byte == b'.').count(), 1);
        Ok(signature == b"good")
    }
}

/// Returns the output of a future that never waits.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("the future is pending"),
    }
}

/// Verifies a token, and returns the requests for keys as well.
fn verify_recording(token: &str) -> (Result<AccessToken, ApiError>, Vec<String>) {
    let config = Config::read(|name| match name {
        "AUDIENCE" => Some("https://events.auth0a.com/api".into()),
        "TENANTS" => Some(r#"{"acme@us":{"issuers":["https://login.acme.com/"]}}"#.into()),
        _ => None,
    })
    .unwrap();
    let tenant = config.tenant(&Slug::parse("acme@us").unwrap()).unwrap();
    let verifier = TestVerifier {
        key_requests: RefCell::default(),
    };
    let outcome = ready(verify(token, &tenant, &verifier));
    (outcome, verifier.key_requests.into_inner())
}

fn encode(header: &str, claims: &str, signature: &str) -> String {
    let [header, claims, signature] =
        [header, claims, signature].map(|part| Base64UrlUnpadded::encode_string(part.as_bytes()));
    format!("{header}.{claims}.{signature}")
}

fn verify_header(header: &str) -> Result<AccessToken, ApiError> {
    verify_recording(&encode(header, GOOD_CLAIMS, "good")).0
}

fn verify_claims(claims: &str) -> Result<AccessToken, ApiError> {
    verify_recording(&encode(GOOD_HEADER, claims, "good")).0
}

/// Verifies a token with the good claims, of which one is replaced.
fn verify_replaced(from: &str, to: &str) -> Result<AccessToken, ApiError> {
    assert!(GOOD_CLAIMS.contains(from), "{from}");
    verify_claims(&GOOD_CLAIMS.replace(from, to))
}

fn rejected(error: TokenError) -> Result<AccessToken, ApiError> {
    Err(ApiError::InvalidToken(error))
}

#[test]
fn a_valid_token_returns_its_claims() {
    let token = verify_claims(GOOD_CLAIMS).unwrap();
    assert_eq!(token.sub(), "auth0|1");
    assert_eq!(token.expires_at().as_millis(), 1_700_000_001_000);
    let expected: Value = serde_json::from_str(GOOD_CLAIMS).unwrap();
    assert_eq!(Value::Object(token.claims().clone()), expected);
}

#[test]
fn both_algorithms_and_both_token_profiles_are_accepted() {
    for header in [
        r#"{"alg":"RS256","kid":"k"}"#,
        r#"{"alg":"PS256","kid":"k"}"#,
        r#"{"alg":"RS256","kid":"k","typ":"at+jwt"}"#,
        r#"{"alg":"RS256","kid":"rs","typ":"JWT","x5t":"lDpwLQbzRZmu4fjajvn3KWAx1pk"}"#,
    ] {
        assert!(verify_header(header).is_ok(), "{header}");
    }
}

#[test]
fn any_other_algorithm_or_spelling_is_rejected() {
    for alg in [
        "none", "None", "NONE", "", "HS256", "RS384", "RS512", "PS512", "ES256", "EdDSA", "rs256",
        "RS256 ", "RSA",
    ] {
        let header = format!(r#"{{"alg":"{alg}","kid":"k"}}"#);
        assert_eq!(verify_header(&header), rejected(TokenError::Algorithm));
    }
    for header in [
        r#"{"kid":"k"}"#,
        r#"{"alg":null,"kid":"k"}"#,
        r#"{"alg":["RS256"],"kid":"k"}"#,
    ] {
        assert_eq!(verify_header(header), rejected(TokenError::Malformed));
    }
}

#[test]
fn a_duplicate_header_parameter_is_rejected() {
    for duplicate in [r#""kid":"k","kid":"k""#, r#""kid":"k","x":1,"x":1"#] {
        let header = format!(r#"{{"alg":"RS256",{duplicate}}}"#);
        assert_eq!(verify_header(&header), rejected(TokenError::Malformed));
    }
}

#[test]
fn a_header_with_its_own_key_or_with_extensions_is_rejected_without_a_key_request() {
    for parameter in [
        r#""crit":["exp"]"#,
        r#""crit":[]"#,
        r#""crit":null"#,
        r#""b64":false"#,
        r#""b64":true"#,
        r#""jku":"https://evil.example/jwks.json""#,
        r#""x5u":"https://evil.example/cert.pem""#,
        r#""x5c":["MIIB"]"#,
        r#""jwk":{"kty":"RSA"}"#,
    ] {
        let header = format!(r#"{{"alg":"RS256","kid":"k",{parameter}}}"#);
        let (outcome, key_requests) = verify_recording(&encode(&header, GOOD_CLAIMS, "good"));
        assert_eq!(outcome, rejected(TokenError::Header), "{parameter}");
        assert!(key_requests.is_empty());
    }
}

#[test]
fn a_typ_other_than_jwt_and_at_jwt_is_rejected() {
    for typ in [
        "",
        "at",
        "logout+jwt",
        "application/at+jwt",
        "JWE",
        "id+jwt",
    ] {
        let header = format!(r#"{{"alg":"RS256","kid":"k","typ":"{typ}"}}"#);
        assert_eq!(verify_header(&header), rejected(TokenError::Type), "{typ}");
    }
}

#[test]
fn the_kid_must_identify_a_known_key() {
    for header in [
        r#"{"alg":"RS256"}"#,
        r#"{"alg":"RS256","kid":""}"#,
        r#"{"alg":"RS256","kid":"K"}"#,
        r#"{"alg":"PS256","kid":"rs"}"#,
    ] {
        assert_eq!(verify_header(header), rejected(TokenError::UnknownKey));
    }
    assert_eq!(
        verify_header(r#"{"alg":"RS256","kid":"unavailable"}"#),
        Err(ApiError::KeysUnavailable)
    );
}

#[test]
fn a_signature_of_anybody_but_the_issuer_is_rejected() {
    for signature in ["", "bad", "goo", "good "] {
        let token = encode(GOOD_HEADER, GOOD_CLAIMS, signature);
        assert_eq!(verify_recording(&token).0, rejected(TokenError::Signature));
    }
}

#[test]
fn keys_are_requested_only_from_the_tenant_s_issuers() {
    let verify_issuer = |iss: &str| {
        let claims = GOOD_CLAIMS.replace("https://acme.us.auth0.com/", iss);
        verify_recording(&encode(GOOD_HEADER, &claims, "good"))
    };
    let (outcome, key_requests) = verify_issuer("https://acme.us.auth0.com/");
    assert!(outcome.is_ok());
    assert_eq!(
        key_requests,
        ["k at https://acme.us.auth0.com/.well-known/jwks.json"]
    );
    let (outcome, key_requests) = verify_issuer("https://login.acme.com/");
    assert!(outcome.is_ok());
    assert_eq!(
        key_requests,
        ["k at https://login.acme.com/.well-known/jwks.json"]
    );
    for iss in [
        "",
        "https://acme.us.auth0.com",
        "https://ACME.us.auth0.com/",
        "https://other.us.auth0.com/",
        "https://acme.us.auth0.com.evil.example/",
        "https://acme.us.auth0.com@evil.example/",
        "https://\u{430}cme.us.auth0.com/",
    ] {
        let (outcome, key_requests) = verify_issuer(iss);
        assert_eq!(outcome, rejected(TokenError::Issuer), "{iss}");
        assert!(key_requests.is_empty());
    }
    for iss in ["null", "1", r#"["https://acme.us.auth0.com/"]"#] {
        let outcome = verify_replaced(r#""https://acme.us.auth0.com/""#, iss);
        assert_eq!(outcome, rejected(TokenError::Issuer));
    }
}

#[test]
fn the_audience_must_be_or_contain_the_configured_one() {
    let configured = r#""https://events.auth0a.com/api""#;
    for aud in [
        r#"["https://events.auth0a.com/api"]"#,
        r#"["https://acme.us.auth0.com/userinfo","https://events.auth0a.com/api"]"#,
    ] {
        assert!(verify_replaced(configured, aud).is_ok());
    }
    for aud in [
        "null",
        "1",
        r#""""#,
        "[]",
        r#"[["https://events.auth0a.com/api"]]"#,
        r#""https://events.auth0a.com/api/""#,
        r#""https://events.auth0a.com""#,
        r#"{"https://events.auth0a.com/api":1}"#,
    ] {
        assert_eq!(
            verify_replaced(configured, aud),
            rejected(TokenError::Audience),
            "{aud}"
        );
    }
    assert_eq!(
        verify_replaced(r#","aud":"https://events.auth0a.com/api""#, ""),
        rejected(TokenError::Audience)
    );
}

#[test]
fn the_subject_must_be_a_string_that_is_not_empty() {
    for sub in [
        r#""sub":"""#,
        r#""sub":null"#,
        r#""sub":1"#,
        r#""nosub":"x""#,
    ] {
        assert_eq!(
            verify_replaced(r#""sub":"auth0|1""#, sub),
            rejected(TokenError::Subject),
            "{sub}"
        );
    }
}

#[test]
fn the_subject_must_not_exceed_1024_bytes() {
    let verify_subject = |sub: String| verify_replaced("auth0|1", &sub);
    assert_eq!(verify_subject("ł".repeat(512)).unwrap().sub().len(), 1_024);
    for sub in ["a".repeat(1_025), "ł".repeat(513)] {
        assert_eq!(verify_subject(sub), rejected(TokenError::Subject));
    }
}

#[test]
fn a_token_expires_at_its_exp_to_the_second() {
    assert!(verify_replaced("1700000001", "1700000001.5").is_ok());
    for exp in ["1700000000", "1700000000.9", "1699999999", "0", "-1"] {
        assert_eq!(
            verify_replaced("1700000001", exp),
            rejected(TokenError::Expired),
            "{exp}"
        );
    }
    assert_eq!(
        verify_replaced(r#""exp":1700000001,"#, ""),
        rejected(TokenError::Expired)
    );
    for exp in [
        r#""1700000001""#,
        "null",
        "true",
        "[1700000001]",
        "1e300",
        "9e99",
    ] {
        assert_eq!(
            verify_replaced("1700000001", exp),
            rejected(TokenError::Malformed),
            "{exp}"
        );
    }
}

#[test]
fn nbf_and_iat_may_be_up_to_a_minute_in_the_future() {
    let iat = r#""iat":1700000000"#;
    for times in [
        r#""iat":1700000060"#,
        r#""nbf":1700000060,"iat":1"#,
        r#""nbf":0"#,
        r#""auth_time":1700000000"#,
    ] {
        assert!(verify_replaced(iat, times).is_ok(), "{times}");
    }
    for times in [
        r#""iat":1700000061"#,
        r#""nbf":1700000061"#,
        r#""nbf":1700000061,"iat":1700000000"#,
    ] {
        assert_eq!(
            verify_replaced(iat, times),
            rejected(TokenError::NotYetValid),
            "{times}"
        );
    }
    for times in [r#""nbf":"soon""#, r#""iat":"now""#, r#""iat":{}"#] {
        assert_eq!(
            verify_replaced(iat, times),
            rejected(TokenError::Malformed),
            "{times}"
        );
    }
}

#[test]
fn a_text_that_is_not_a_compact_jwt_is_rejected() {
    let good = encode(GOOD_HEADER, GOOD_CLAIMS, "good");
    let [header, claims, signature]: [&str; 3] =
        good.split('.').collect::<Vec<_>>().try_into().unwrap();
    for token in [
        "x",
        "..",
        "a.b.c",
        &format!("{header}.{claims}"),
        &format!("{header}.{claims}.{signature}."),
        &format!("{good}.{signature}.{signature}"),
        &format!(".{claims}.{signature}"),
        &format!("{header}..{signature}"),
        &format!("{good}="),
        &format!("{good} "),
        &format!("\n{good}"),
        &good.replace('.', ". "),
        &encode("[]", GOOD_CLAIMS, "good"),
        &encode(GOOD_HEADER, "[]", "good"),
        &encode(GOOD_HEADER, "null", "good"),
        &encode(
            r#"{"alg":"RS256","alg":"RS256","kid":"k"}"#,
            GOOD_CLAIMS,
            "good",
        ),
        &encode(
            r#"{"alg":"RS256","kid":"k","kid":"k"}"#,
            GOOD_CLAIMS,
            "good",
        ),
        &encode(
            r#"{"alg":"RS256","kid":"k","cty":"JWT"}"#,
            GOOD_CLAIMS,
            "good",
        ),
    ] {
        assert_eq!(
            verify_recording(token).0,
            rejected(TokenError::Malformed),
            "{token}"
        );
    }
    assert_eq!(verify_recording("").0, rejected(TokenError::Missing));
}

#[test]
fn claims_nested_deeper_than_64_levels_are_rejected() {
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let nested = |depth: usize| {
            let (open, close) = (open.repeat(depth), close.repeat(depth));
            verify_replaced(r#""scope""#, &format!(r#""x":{open}1{close},"scope""#))
        };
        // The claims themselves are the outermost object.
        assert!(nested(63).is_ok());
        for depth in [64, 120, 200, 500] {
            assert_eq!(nested(depth), rejected(TokenError::Malformed), "{depth}");
        }
    }
}

#[test]
fn a_duplicate_claim_is_rejected() {
    for claim in [
        r#""sub":"auth0|1""#,
        r#""iss":"https://acme.us.auth0.com/""#,
        r#""exp":1700000001"#,
        r#""scope":"listen:events""#,
    ] {
        assert_eq!(
            verify_replaced(claim, &format!("{claim},{claim}")),
            rejected(TokenError::Malformed),
            "{claim}"
        );
    }
}

#[test]
fn a_token_longer_than_8_kib_is_rejected() {
    let padded = |length: usize| {
        let filler = "x".repeat(length);
        let claims = GOOD_CLAIMS.replace(r#""scope""#, &format!(r#""x":"{filler}","scope""#));
        encode(GOOD_HEADER, &claims, "good")
    };
    let longest = (5000..7000)
        .rev()
        .map(padded)
        .find(|token| token.len() <= MAX_TOKEN_BYTES)
        .unwrap();
    assert!(longest.len() > MAX_TOKEN_BYTES - 2);
    assert!(verify_recording(&longest).0.is_ok());
    assert_eq!(
        verify_recording(&"x".repeat(8193)).0,
        rejected(TokenError::TooLong)
    );
    assert_eq!(
        verify_recording(&padded(7000)).0,
        rejected(TokenError::TooLong)
    );
}

#[test]
fn permissions_are_whole_words_of_scope_or_elements_of_permissions_and_the_narrower_takes_precedence()
 {
    let permissions_of = |claims: &str| {
        let token = verify_replaced(r#""scope":"listen:events""#, claims).unwrap();
        let filter = Listener::authorize(&token)
            .ok()
            .map(|listener| listener.filter);
        (filter, token.authorize_all_users().is_ok())
    };
    for (claims, expected) in [
        (r#""scope":"listen:events""#, (Some(Filter::All), true)),
        (
            r#""scope":"openid listen:events email""#,
            (Some(Filter::All), true),
        ),
        (
            r#""permissions":["listen:events"]"#,
            (Some(Filter::All), true),
        ),
        (
            r#""scope":"listen:events:self""#,
            (Some(Filter::Own), false),
        ),
        (
            r#""permissions":["read","listen:events:self"]"#,
            (Some(Filter::Own), false),
        ),
        (
            r#""scope":"listen:events listen:events:self""#,
            (Some(Filter::Own), false),
        ),
        (
            r#""scope":"listen:events","permissions":["listen:events:self"]"#,
            (Some(Filter::Own), false),
        ),
        (
            r#""scope":"listen:eventsx xlisten:events listen""#,
            (None, false),
        ),
        (r#""scope":"LISTEN:EVENTS""#, (None, false)),
        (r#""scope":"listen:events:selfish""#, (None, false)),
        (r#""scope":["listen:events"]"#, (None, false)),
        (r#""permissions":"listen:events""#, (None, false)),
        (r#""permissions":["read listen:events"]"#, (None, false)),
        (r#""permissions":[["listen:events"],null,1]"#, (None, false)),
        (r#""scope":"""#, (None, false)),
        (r#""azp":"x""#, (None, false)),
    ] {
        assert_eq!(permissions_of(claims), expected, "{claims}");
    }
}

#[test]
fn a_token_with_both_permissions_is_told_that_it_is_restricted_to_its_own_events() {
    let authorize = |scope: &str| {
        let token = verify_replaced("listen:events", scope).unwrap();
        token.authorize_all_users()
    };
    assert_eq!(
        authorize("listen:events listen:events:self"),
        Err(ApiError::RestrictedToOwnEvents)
    );
    for scope in ["listen:events:self", "openid"] {
        let needed = LISTEN_TO_ALL;
        let expected = Err(ApiError::InsufficientScope { needed });
        assert_eq!(authorize(scope), expected, "{scope}");
    }
}

#[test]
fn a_verified_token_is_identified_by_its_digest_and_its_claims_are_decoded_as_they_were_verified() {
    let claims = GOOD_CLAIMS.replace("1700000001", "1700000001.5");
    let text = encode(GOOD_HEADER, &claims, "good");
    let verified = verify_recording(&text).0.unwrap();
    assert_eq!(verified.digest(), Some(&TokenDigest::of(&text)));
    assert_eq!(decode_claims(&text).as_ref(), Some(verified.claims()));
    let other = encode(GOOD_HEADER, &claims, "gooe");
    assert_ne!(verified.digest(), Some(&TokenDigest::of(&other)));
    assert_eq!(decode_claims("nonsense"), None);
}

proptest! {
    #[test]
    fn an_arbitrary_text_is_rejected_without_a_panic(token in r#"[A-Za-z0-9_.=-]{0,80}|\PC{0,40}"#) {
        prop_assert!(verify_recording(&token).0.is_err());
    }

    #[test]
    fn arbitrary_header_and_claims_are_rejected_without_a_panic(header in r#"[{}\[\]":,a-z0-9]{0,40}"#, claims in any::<String>()) {
        prop_assert!(verify_recording(&encode(&header, &claims, "good")).0.is_err());
    }

    #[test]
    fn whichever_byte_is_replaced_keys_are_requested_only_from_the_tenant_s_issuers(
        position in 0_usize..300,
        byte in 32_u8..127,
    ) {
        let mut bytes = encode(GOOD_HEADER, GOOD_CLAIMS, "good").into_bytes();
        if let Some(replaced) = bytes.get_mut(position) {
            *replaced = byte;
        }
        let (_, key_requests) = verify_recording(&String::from_utf8(bytes).unwrap());
        for uri in key_requests {
            prop_assert!(
                uri.ends_with(" at https://acme.us.auth0.com/.well-known/jwks.json"),
                "{uri}"
            );
        }
    }
}
