//! An access token.

use std::{
    cell::RefCell,
    future::Future,
    pin::pin,
    sync::LazyLock,
    task::{Context, Poll, Waker},
};

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Map, Value};
use session_events_core::sessions::listener::Listener;
use session_events_core::{
    error::{ApiError, TokenError},
    protocol::messages::messages::filter::Filter,
    tenant::config::{Config, DEFAULT_AUDIENCE},
    timestamp::Timestamp,
    tokens::{
        access_token::{AccessToken, MAX_TOKEN_BYTES, Verifier, verify},
        algorithm::Algorithm,
        key_set::{KeySet, SigningKey},
    },
};

use super::acme;

const NOW: i64 = 1_700_000_000;
const ISSUERS: &str = r#"{"acme@us":[{"issuer":"https://login.acme.com/"}]}"#;

static CONFIG: LazyLock<Config> = LazyLock::new(|| {
    Config::read(|name| (name == "ISSUERS").then(|| ISSUERS.to_owned())).expect("a configuration")
});

static KEYS: LazyLock<KeySet> = LazyLock::new(|| {
    let n = Base64UrlUnpadded::encode_string(&[0xff; 256]);
    let key = format!(r#"{{"kty":"RSA","kid":"k","n":"{n}","e":"AQAB"}}"#);
    KeySet::from_json(&format!(r#"{{"keys":[{key}]}}"#)).expect("a key set")
});

/// There are no claims without a genuine signature over just these bytes, and what is then taken
/// keeps to the rules, which are looked up here in the token's own text. Three lines are a header,
/// claims and a signature, to be encoded; anything else is a token as it stands.
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
    let forged = verdict(&token, false).0;
    let (genuine, asked) = verdict(&token, true);
    match genuine {
        Ok(taken) => {
            assert_eq!(forged, Err(ApiError::InvalidToken(TokenError::Signature)));
            let [
                Asked::Key(jwks_uri),
                Asked::Signature(algorithm, message, signature),
            ] = asked.as_slice()
            else {
                panic!("a key, then the signature: {asked:?}");
            };
            assert_eq!(token, format!("{message}.{signature}"));
            check(&token, &taken, *algorithm, jwks_uri);
        }
        Err(fault) => {
            assert!(forged.is_err());
            assert!(!matches!(fault, ApiError::Internal(_)));
        }
    }
}

#[derive(Debug)]
enum Asked {
    Key(String),
    Signature(Algorithm, String, String),
}

/// Holds one key, takes each signature for genuine or none, and notes what it was asked.
struct FakeVerifier {
    genuine: bool,
    asked: RefCell<Vec<Asked>>,
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
        self.asked
            .borrow_mut()
            .push(Asked::Key(jwks_uri.to_owned()));
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
        let asked = Asked::Signature(algorithm, message, signature);
        self.asked.borrow_mut().push(asked);
        Ok(self.genuine)
    }
}

fn verdict(token: &str, genuine: bool) -> (Result<AccessToken, ApiError>, Vec<Asked>) {
    let asked = RefCell::default();
    let verifier = FakeVerifier { genuine, asked };
    let tenant = acme();
    let future = verify(token, &tenant, &CONFIG, &verifier);
    let outcome = ready(future);
    (outcome, verifier.asked.into_inner())
}

fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("nothing here waits"),
    }
}

fn check(token: &str, taken: &AccessToken, algorithm: Algorithm, jwks_uri: &str) {
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
    for refused in ["crit", "b64", "jwk", "x5c"] {
        assert!(!header.contains_key(refused), "{refused}");
    }
    for refused in ["jku", "x5u"] {
        assert!(header.get(refused).is_none_or(Value::is_null), "{refused}");
    }
    let iss = claims["iss"].as_str().expect("an issuer");
    assert!(["https://acme.us.auth0.com/", "https://login.acme.com/"].contains(&iss));
    assert_eq!(jwks_uri, format!("{iss}.well-known/jwks.json"));
    let audience = DEFAULT_AUDIENCE;
    let several = claims["aud"].as_array().into_iter().flatten();
    assert!(claims["aud"] == audience || several.into_iter().any(|aud| aud == audience));
    assert!(!taken.sub().is_empty() && claims["sub"] == taken.sub());
    for name in ["nbf", "iat"] {
        let time = claims.get(name).and_then(Value::as_f64);
        assert!(time.is_none_or(|time| time < (NOW + 61) as f64), "{name}");
    }
    assert!(claims["exp"].as_f64().is_some_and(|exp| exp > NOW as f64));
    for (name, claim) in taken.claims() {
        let same = claims.get(name) == Some(claim);
        assert!(
            same || ["exp", "nbf", "iat"].contains(&name.as_str()),
            "{name}"
        );
    }
    check_rights(taken, &claims);
    let kept = serde_json::to_string(taken).expect("JSON");
    let read: AccessToken = serde_json::from_str(&kept).expect("a token");
    // Not the claims as a whole: a fraction of many digits may come back as its neighbour.
    assert_eq!(read.sub(), taken.sub());
    assert_eq!(Listener::authorize(&read), Listener::authorize(taken));
    assert!(read.claims().keys().eq(taken.claims().keys()));
}

fn check_rights(taken: &AccessToken, claims: &Map<String, Value>) {
    let granted = |right: &str| {
        let scope = claims.get("scope").and_then(Value::as_str).unwrap_or("");
        let permissions = claims.get("permissions").and_then(Value::as_array);
        let mut permissions = permissions.into_iter().flatten();
        scope.split(' ').any(|word| word == right) || permissions.any(|word| word == right)
    };
    let (all, own) = (granted("listen:events"), granted("listen:events:self"));
    assert_eq!(taken.authorize_all_users().is_ok(), all);
    let Ok(listener) = Listener::authorize(taken) else {
        return assert!(!all && !own);
    };
    assert_eq!(listener.filter, if own { Filter::Own } else { Filter::All });
    assert!(all || own);
    assert_eq!(listener.sub, taken.sub());
    assert!(listener.expires_at > Timestamp::from_millis(NOW * 1000));
}

fn decode(part: &str) -> Map<String, Value> {
    let bytes = Base64UrlUnpadded::decode_vec(part).expect("base64url");
    serde_json::from_slice(&bytes).unwrap_or_default()
}
