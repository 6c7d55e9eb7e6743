use std::{
    cell::RefCell,
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use base64ct::{Base64UrlUnpadded, Encoding};
use proptest::prelude::*;

use super::*;
use crate::tokens::key_set::KeySet;
use crate::{protocol::filter::Filter, sessions::listener::Listener};

const NOW: i64 = 1_700_000_000;
const GOOD_HEADER: &str = r#"{"alg":"RS256","typ":"JWT","kid":"k"}"#;
const GOOD_CLAIMS: &str = r#"{"iss":"https://acme.us.auth0.com/","sub":"auth0|1","aud":"https://events.auth0a.com/api","iat":1700000000,"exp":1700000001,"scope":"listen:events"}"#;

/// Takes the signature `good` for genuine, and writes down what it was asked.
struct TestVerifier {
    asked: RefCell<Vec<String>>,
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
        self.asked.borrow_mut().push(format!("{kid} at {jwks_uri}"));
        if kid == "unavailable" {
            return Err(ApiError::TemporarilyUnavailable);
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

fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("nothing here waits"),
    }
}

fn verify_asking(token: &str) -> (Result<AccessToken, ApiError>, Vec<String>) {
    let tenant = Tenant::from_slug("acme@us").unwrap();
    let config = Config::read(|name| {
        (name == "ISSUERS").then(|| r#"{"acme@us":[{"issuer":"https://login.acme.com/"}]}"#.into())
    })
    .unwrap();
    let verifier = TestVerifier {
        asked: RefCell::default(),
    };
    let outcome = ready(verify(token, &tenant, &config, &verifier));
    (outcome, verifier.asked.into_inner())
}

fn encode(header: &str, claims: &str, signature: &str) -> String {
    let [header, claims, signature] =
        [header, claims, signature].map(|part| Base64UrlUnpadded::encode_string(part.as_bytes()));
    format!("{header}.{claims}.{signature}")
}

fn with_header(header: &str) -> Result<AccessToken, ApiError> {
    verify_asking(&encode(header, GOOD_CLAIMS, "good")).0
}

fn with_claims(claims: &str) -> Result<AccessToken, ApiError> {
    verify_asking(&encode(GOOD_HEADER, claims, "good")).0
}

/// The good claims with one of them changed.
fn with(from: &str, to: &str) -> Result<AccessToken, ApiError> {
    assert!(GOOD_CLAIMS.contains(from), "{from}");
    with_claims(&GOOD_CLAIMS.replace(from, to))
}

fn refused(fault: TokenError) -> Result<AccessToken, ApiError> {
    Err(ApiError::InvalidToken(fault))
}

#[test]
fn a_good_token_hands_out_its_claims() {
    let token = with_claims(GOOD_CLAIMS).unwrap();
    assert_eq!(token.sub(), "auth0|1");
    assert_eq!(token.expires_at.as_millis(), 1_700_000_001_000);
    let expected: Value = serde_json::from_str(GOOD_CLAIMS).unwrap();
    assert_eq!(Value::Object(token.claims().clone()), expected);
}

#[test]
fn both_algorithms_and_both_profiles_are_taken() {
    for header in [
        r#"{"alg":"RS256","kid":"k"}"#,
        r#"{"alg":"PS256","kid":"k"}"#,
        r#"{"alg":"RS256","kid":"k","typ":"at+jwt"}"#,
        r#"{"alg":"RS256","kid":"rs","typ":"JWT","x5t":"lDpwLQbzRZmu4fjajvn3KWAx1pk"}"#,
    ] {
        assert!(with_header(header).is_ok(), "{header}");
    }
}

#[test]
fn no_other_algorithm_is_taken_however_it_is_spelled() {
    for alg in [
        "none", "None", "NONE", "", "HS256", "RS384", "RS512", "PS512", "ES256", "EdDSA", "rs256",
        "RS256 ", "RSA",
    ] {
        let header = format!(r#"{{"alg":"{alg}","kid":"k"}}"#);
        assert_eq!(with_header(&header), refused(TokenError::Algorithm));
    }
    for header in [
        r#"{"kid":"k"}"#,
        r#"{"alg":null,"kid":"k"}"#,
        r#"{"alg":["RS256"],"kid":"k"}"#,
    ] {
        assert_eq!(with_header(header), refused(TokenError::Malformed));
    }
}

#[test]
fn a_header_parameter_that_stands_there_twice_is_refused() {
    for twice in [r#""kid":"k","kid":"k""#, r#""kid":"k","x":1,"x":1"#] {
        let header = format!(r#"{{"alg":"RS256",{twice}}}"#);
        assert_eq!(with_header(&header), refused(TokenError::Malformed));
    }
}

#[test]
fn a_header_that_brings_its_own_key_or_rules_is_refused_and_nothing_is_looked_up() {
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
        let (outcome, asked) = verify_asking(&encode(&header, GOOD_CLAIMS, "good"));
        assert_eq!(outcome, refused(TokenError::Header), "{parameter}");
        assert!(asked.is_empty());
    }
}

#[test]
fn the_type_is_jwt_or_at_jwt() {
    for typ in [
        "",
        "at",
        "logout+jwt",
        "application/at+jwt",
        "JWE",
        "id+jwt",
    ] {
        let header = format!(r#"{{"alg":"RS256","kid":"k","typ":"{typ}"}}"#);
        assert_eq!(with_header(&header), refused(TokenError::Type), "{typ}");
    }
}

#[test]
fn a_key_must_be_named_and_known() {
    for header in [
        r#"{"alg":"RS256"}"#,
        r#"{"alg":"RS256","kid":""}"#,
        r#"{"alg":"RS256","kid":"K"}"#,
        r#"{"alg":"PS256","kid":"rs"}"#,
    ] {
        assert_eq!(with_header(header), refused(TokenError::UnknownKey));
    }
    assert_eq!(
        with_header(r#"{"alg":"RS256","kid":"unavailable"}"#),
        Err(ApiError::TemporarilyUnavailable)
    );
}

#[test]
fn a_signature_that_is_not_the_issuer_s_is_refused() {
    for signature in ["", "bad", "goo", "good "] {
        let token = encode(GOOD_HEADER, GOOD_CLAIMS, signature);
        assert_eq!(verify_asking(&token).0, refused(TokenError::Signature));
    }
}

#[test]
fn keys_are_looked_up_only_where_the_tenant_s_issuer_has_them() {
    let ask = |iss: &str| {
        let claims = GOOD_CLAIMS.replace("https://acme.us.auth0.com/", iss);
        verify_asking(&encode(GOOD_HEADER, &claims, "good"))
    };
    let (outcome, asked) = ask("https://acme.us.auth0.com/");
    assert!(outcome.is_ok());
    assert_eq!(
        asked,
        ["k at https://acme.us.auth0.com/.well-known/jwks.json"]
    );
    let (outcome, asked) = ask("https://login.acme.com/");
    assert!(outcome.is_ok());
    assert_eq!(asked, ["k at https://login.acme.com/.well-known/jwks.json"]);
    for iss in [
        "",
        "https://acme.us.auth0.com",
        "https://ACME.us.auth0.com/",
        "https://other.us.auth0.com/",
        "https://acme.us.auth0.com.evil.example/",
        "https://acme.us.auth0.com@evil.example/",
        "https://\u{430}cme.us.auth0.com/",
    ] {
        let (outcome, asked) = ask(iss);
        assert_eq!(outcome, refused(TokenError::Issuer), "{iss}");
        assert!(asked.is_empty());
    }
    for iss in ["null", "1", r#"["https://acme.us.auth0.com/"]"#] {
        let outcome = with(r#""https://acme.us.auth0.com/""#, iss);
        assert_eq!(outcome, refused(TokenError::Issuer));
    }
}

#[test]
fn the_audience_is_or_contains_ours() {
    let ours = r#""https://events.auth0a.com/api""#;
    for aud in [
        r#"["https://events.auth0a.com/api"]"#,
        r#"["https://acme.us.auth0.com/userinfo","https://events.auth0a.com/api"]"#,
    ] {
        assert!(with(ours, aud).is_ok());
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
        assert_eq!(with(ours, aud), refused(TokenError::Audience), "{aud}");
    }
    assert_eq!(
        with(r#","aud":"https://events.auth0a.com/api""#, ""),
        refused(TokenError::Audience)
    );
}

#[test]
fn the_subject_is_text_and_not_empty() {
    for sub in [
        r#""sub":"""#,
        r#""sub":null"#,
        r#""sub":1"#,
        r#""nosub":"x""#,
    ] {
        assert_eq!(
            with(r#""sub":"auth0|1""#, sub),
            refused(TokenError::Subject),
            "{sub}"
        );
    }
}

#[test]
fn the_subject_is_at_most_1024_bytes() {
    let of = |sub: String| with("auth0|1", &sub);
    assert_eq!(of("ł".repeat(512)).unwrap().sub().len(), 1_024);
    for sub in ["a".repeat(1_025), "ł".repeat(513)] {
        assert_eq!(of(sub), refused(TokenError::Subject));
    }
}

#[test]
fn a_token_ends_at_its_exp_to_the_second() {
    assert!(with("1700000001", "1700000001.5").is_ok());
    for exp in ["1700000000", "1700000000.9", "1699999999", "0", "-1"] {
        assert_eq!(
            with("1700000001", exp),
            refused(TokenError::Expired),
            "{exp}"
        );
    }
    assert_eq!(
        with(r#""exp":1700000001,"#, ""),
        refused(TokenError::Expired)
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
            with("1700000001", exp),
            refused(TokenError::Malformed),
            "{exp}"
        );
    }
}

#[test]
fn nbf_and_iat_may_lie_a_minute_ahead() {
    let iat = r#""iat":1700000000"#;
    for times in [
        r#""iat":1700000060"#,
        r#""nbf":1700000060,"iat":1"#,
        r#""nbf":0"#,
        r#""auth_time":1700000000"#,
    ] {
        assert!(with(iat, times).is_ok(), "{times}");
    }
    for times in [
        r#""iat":1700000061"#,
        r#""nbf":1700000061"#,
        r#""nbf":1700000061,"iat":1700000000"#,
    ] {
        assert_eq!(
            with(iat, times),
            refused(TokenError::NotYetValid),
            "{times}"
        );
    }
    for times in [r#""nbf":"soon""#, r#""iat":"now""#, r#""iat":{}"#] {
        assert_eq!(with(iat, times), refused(TokenError::Malformed), "{times}");
    }
}

#[test]
fn what_is_not_a_token_in_compact_form_is_refused() {
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
            verify_asking(token).0,
            refused(TokenError::Malformed),
            "{token}"
        );
    }
    assert_eq!(verify_asking("").0, refused(TokenError::Missing));
}

#[test]
fn claims_are_nested_no_deeper_than_64() {
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let nested = |depth: usize| {
            let (open, close) = (open.repeat(depth), close.repeat(depth));
            with(r#""scope""#, &format!(r#""x":{open}1{close},"scope""#))
        };
        // The claims themselves are the outermost object.
        assert!(nested(63).is_ok());
        for depth in [64, 120, 200, 500] {
            assert_eq!(nested(depth), refused(TokenError::Malformed), "{depth}");
        }
    }
}

#[test]
fn a_claim_that_stands_there_twice_is_refused() {
    for claim in [
        r#""sub":"auth0|1""#,
        r#""iss":"https://acme.us.auth0.com/""#,
        r#""exp":1700000001"#,
        r#""scope":"listen:events""#,
    ] {
        assert_eq!(
            with(claim, &format!("{claim},{claim}")),
            refused(TokenError::Malformed),
            "{claim}"
        );
    }
}

#[test]
fn a_token_over_8_kib_is_refused_unread() {
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
    assert!(verify_asking(&longest).0.is_ok());
    assert_eq!(
        verify_asking(&"x".repeat(8193)).0,
        refused(TokenError::TooLong)
    );
    assert_eq!(verify_asking(&padded(7000)).0, refused(TokenError::TooLong));
}

#[test]
fn rights_are_whole_words_of_scope_or_permissions_and_the_narrower_wins() {
    let filter = |rights: &str| {
        let token = with(r#""scope":"listen:events""#, rights).unwrap();
        let listener = Listener::authorize(&token)
            .ok()
            .map(|listener| listener.filter);
        (listener, token.authorize_all_users().is_ok())
    };
    for (rights, expected) in [
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
            (Some(Filter::Own), true),
        ),
        (
            r#""scope":"listen:events","permissions":["listen:events:self"]"#,
            (Some(Filter::Own), true),
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
        assert_eq!(filter(rights), expected, "{rights}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic_or_passes(token in r#"[A-Za-z0-9_.=-]{0,80}|\PC{0,40}"#) {
        prop_assert!(verify_asking(&token).0.is_err());
    }

    #[test]
    fn no_header_and_claims_make_the_reader_panic(header in r#"[{}\[\]":,a-z0-9]{0,40}"#, claims in any::<String>()) {
        prop_assert!(verify_asking(&encode(&header, &claims, "good")).0.is_err());
    }

    #[test]
    fn whatever_byte_is_changed_keys_are_asked_of_the_tenant_s_issuers_alone(
        place in 0_usize..300,
        byte in 32_u8..127,
    ) {
        let mut bytes = encode(GOOD_HEADER, GOOD_CLAIMS, "good").into_bytes();
        if let Some(changed) = bytes.get_mut(place) {
            *changed = byte;
        }
        let (_, asked) = verify_asking(&String::from_utf8(bytes).unwrap());
        for uri in asked {
            prop_assert!(
                uri.ends_with(" at https://acme.us.auth0.com/.well-known/jwks.json"),
                "{uri}"
            );
        }
    }
}
