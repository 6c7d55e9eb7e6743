//! Property: verifying an access token.

use std::{
    cell::RefCell,
    future::Future,
    pin::pin,
    sync::LazyLock,
    task::{Context, Poll, Waker},
};

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Map, Value};
use session_events_core::{
    error::{ApiError, TokenError},
    protocol::filter::Filter,
    sessions::listener::Listener,
    tenant::{
        Slug,
        config::{Config, TenantConfig},
    },
    timestamp::Timestamp,
    tokens::{
        access_token::{AccessToken, verify},
        algorithm::Algorithm,
        key_set::{KeySet, SigningKey},
        signature::{MAX_TOKEN_BYTES, Verifier},
    },
};

const NOW: i64 = 1_700_000_000;
const AUDIENCE: &str = "https://events.auth0a.com/api";
const TENANTS: &str = r#"{"acme@us":{"issuers":["https://login.acme.com/"]}}"#;

static ACME: LazyLock<TenantConfig> = LazyLock::new(|| {
    let config = Config::read(|name| match name {
        "AUDIENCE" => Some(AUDIENCE.to_owned()),
        "TENANTS" => Some(TENANTS.to_owned()),
        _ => None,
    });
    let acme = Slug::parse("acme@us").expect("a slug");
    let config = config.expect("a configuration");
    config.tenant(&acme).expect("a tenant").into_owned()
});

static KEYS: LazyLock<KeySet> = LazyLock::new(|| {
    let n = Base64UrlUnpadded::encode_string(&[0xff; 256]);
    let key = format!(r#"{{"kty":"RSA","kid":"k","n":"{n}","e":"AQAB"}}"#);
    KeySet::from_json(&format!(r#"{{"keys":[{key}]}}"#)).expect("a key set")
});

/// A token without a valid signature over its text is rejected. An accepted token satisfies every
/// rule, checked here against the token's text. An input of three lines is the header, claims and
/// signature of a token before encoding; any other input is the token itself.
pub fn token(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let parts: Vec<&str> = text.splitn(3, '\n').collect();
    let token = match parts.as_slice() {
        [header, claims, signature] => [header, claims, signature]
            .map(|part| Base64UrlUnpadded::encode_string(part.as_bytes()))
            .join("."),
        _ => text.to_owned(),
    };
    let (unsigned, _) = verify_with(&token, false);
    let (signed, calls) = verify_with(&token, true);
    match signed {
        Ok(accepted) => {
            assert_eq!(unsigned, Err(ApiError::InvalidToken(TokenError::Signature)));
            let [
                Call::SigningKey(jwks_uri),
                Call::CheckSignature(algorithm, message, signature),
            ] = calls.as_slice()
            else {
                panic!("the key must be looked up before the signature is checked: {calls:?}");
            };
            assert_eq!(token, format!("{message}.{signature}"));
            check(&token, &accepted, *algorithm, jwks_uri);
        }
        Err(fault) => {
            assert!(unsigned.is_err());
            assert!(!matches!(fault, ApiError::Internal(_)));
        }
    }
}

#[derive(Debug)]
enum Call {
    SigningKey(String),
    CheckSignature(Algorithm, String, String),
}

/// Has one key, accepts all signatures or none, and records the calls.
struct FakeVerifier {
    accepts_signatures: bool,
    calls: RefCell<Vec<Call>>,
}

impl Verifier for FakeVerifier {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(NOW * 1000)
    }

    async fn signing_key(
        &self,
        jwks_uri: &str,
        kid: &str,
        algorithm: Algorithm,
    ) -> Result<SigningKey, ApiError> {
        let call = Call::SigningKey(jwks_uri.to_owned());
        self.calls.borrow_mut().push(call);
        Ok(KEYS.signing_key(kid, algorithm)?.clone())
    }

    async fn check_signature(
        &self,
        algorithm: Algorithm,
        _key: &SigningKey,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, ApiError> {
        let message = String::from_utf8(message.to_vec()).expect("the token's text");
        let signature = Base64UrlUnpadded::encode_string(signature);
        let call = Call::CheckSignature(algorithm, message, signature);
        self.calls.borrow_mut().push(call);
        Ok(self.accepts_signatures)
    }
}

/// Verifies a token with a fake verifier. Returns the result and the calls to that verifier.
fn verify_with(
    token: &str,
    accepts_signatures: bool,
) -> (Result<AccessToken, ApiError>, Vec<Call>) {
    let verifier = FakeVerifier {
        accepts_signatures,
        calls: RefCell::default(),
    };
    let result = poll_once(verify(token, &ACME, &verifier));
    (result, verifier.calls.into_inner())
}

fn poll_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the fake verifier never waits"),
    }
}

fn check(token: &str, accepted: &AccessToken, algorithm: Algorithm, jwks_uri: &str) {
    assert!(token.len() <= MAX_TOKEN_BYTES);
    let mut parts = token.split('.').map(decode);
    let header = parts.next().expect("a header");
    let claims = parts.next().expect("claims");

    let name = match algorithm {
        Algorithm::Rs256 => "RS256",
        Algorithm::Ps256 => "PS256",
    };
    assert_eq!(header["alg"], name);
    assert_eq!(header["kid"], "k");
    for name in ["crit", "b64", "jwk", "x5c"] {
        assert!(!header.contains_key(name), "{name}");
    }
    for name in ["jku", "x5u"] {
        assert!(header.get(name).is_none_or(Value::is_null), "{name}");
    }
    let iss = claims["iss"].as_str().expect("an issuer");
    assert!(["https://acme.us.auth0.com/", "https://login.acme.com/"].contains(&iss));
    assert_eq!(jwks_uri, format!("{iss}.well-known/jwks.json"));
    let audience = AUDIENCE;
    let audiences = claims["aud"].as_array().into_iter().flatten();
    assert!(claims["aud"] == audience || audiences.into_iter().any(|aud| aud == audience));
    assert!(!accepted.sub().is_empty() && claims["sub"] == accepted.sub());
    for name in ["nbf", "iat"] {
        let time = claims.get(name).and_then(Value::as_f64);
        assert!(time.is_none_or(|time| time < (NOW + 61) as f64), "{name}");
    }
    assert!(claims["exp"].as_f64().is_some_and(|exp| exp > NOW as f64));
    for (name, claim) in accepted.claims() {
        let is_unchanged = claims.get(name) == Some(claim);
        assert!(
            is_unchanged || ["exp", "nbf", "iat"].contains(&name.as_str()),
            "{name}"
        );
    }
    check_scope(accepted, &claims);
    let stored = serde_json::to_string(accepted).expect("JSON");
    let restored: AccessToken = serde_json::from_str(&stored).expect("a token");
    // The claims are not compared as a whole, because a long fraction may change by rounding.
    assert_eq!(restored.sub(), accepted.sub());
    assert_eq!(
        Listener::authorize(&restored),
        Listener::authorize(accepted)
    );
    assert!(restored.claims().keys().eq(accepted.claims().keys()));
}

fn check_scope(accepted: &AccessToken, claims: &Map<String, Value>) {
    let is_granted = |permission: &str| {
        let scope = claims.get("scope").and_then(Value::as_str).unwrap_or("");
        let permissions = claims.get("permissions").and_then(Value::as_array);
        let mut permissions = permissions.into_iter().flatten();
        scope.split(' ').any(|word| word == permission)
            || permissions.any(|word| word == permission)
    };
    let all = is_granted("listen:events");
    let own = is_granted("listen:events:self");
    assert_eq!(accepted.authorize_all_users().is_ok(), all && !own);
    let Ok(listener) = Listener::authorize(accepted) else {
        return assert!(!all && !own);
    };
    assert_eq!(listener.filter, if own { Filter::Own } else { Filter::All });
    assert!(all || own);
    assert_eq!(listener.sub, accepted.sub());
    assert!(listener.expires_at > Timestamp::from_millis(NOW * 1000));
}

fn decode(part: &str) -> Map<String, Value> {
    let bytes = Base64UrlUnpadded::decode_vec(part).expect("base64url");
    serde_json::from_slice(&bytes).unwrap_or_default()
}
