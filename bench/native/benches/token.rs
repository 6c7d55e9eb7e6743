//! Verifies access tokens, except for the signature, which the runtime verifies in production.

use std::{
    future::Future,
    hint::black_box,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use base64ct::{Base64UrlUnpadded, Encoding};
use criterion::{Criterion, criterion_group, criterion_main};
use session_events_core::{error::ApiError, tenant::{Slug, config::Config}, timestamp::Timestamp, tokens::{access_token::verify, signature::Verifier, algorithm::Algorithm, key_set::{KeySet, SigningKey}}};

const HEADER: &str = r#"{"alg":"RS256","typ":"JWT","kid":"key-1"}"#;
const CLAIMS: &str = r#"{"iss":"https://acme.us.auth0.com/","sub":"auth0|6182002f34f4dd006b05b5c7","aud":"https://events.auth0a.com/api","iat":1700000000,"exp":1700003600,"azp":"1TAdZxKQk1kZ9hJ0dyWpm3vC0bLxPq2S","scope":"listen:events:self"}"#;

/// Returns a fixed key, and accepts every signature or none.
struct StubVerifier {
    key: SigningKey,
    accepts_signature: bool,
}

impl Verifier for StubVerifier {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000)
    }

    async fn signing_key(&self, _: &str, _: &str, _: Algorithm) -> Result<SigningKey, ApiError> {
        Ok(self.key.clone())
    }

    async fn check_signature(
        &self,
        _: Algorithm,
        _: &SigningKey,
        _: &[u8],
        _: &[u8],
    ) -> Result<bool, ApiError> {
        Ok(self.accepts_signature)
    }
}

/// Polls a future that completes without waiting.
fn poll_ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => unreachable!("the stub never waits"),
    }
}

fn token(criterion: &mut Criterion) {
    let encode = |bytes: &[u8]| Base64UrlUnpadded::encode_string(bytes);
    let parts = [HEADER.as_bytes(), CLAIMS.as_bytes(), &[7; 256]].map(encode);
    let valid_token = parts.join(".");
    let config = Config::read(|name| match name {
        "AUDIENCE" => Some("https://events.auth0a.com/api".to_owned()),
        "TENANTS" => Some("acme@us".to_owned()),
        _ => None,
    });
    let config = config.expect("a configuration");
    let tenant = config.tenant(&Slug::parse("acme@us").expect("a slug")).expect("a tenant");
    let key_set = format!(
        r#"{{"keys":[{{"kty":"RSA","kid":"key-1","use":"sig","n":"{}","e":"AQAB"}}]}}"#,
        encode(&[0xff; 256])
    );
    let key_set = KeySet::from_json(&key_set).expect("a key set");
    let key = key_set
        .signing_key("key-1", Algorithm::Rs256)
        .expect("the key");

    let mut group = criterion.benchmark_group("token");
    for (name, token, is_valid) in [
        ("good", valid_token.as_str(), true),
        ("forged", valid_token.as_str(), false),
        ("not a token", "not a token", false),
    ] {
        let key = key.clone();
        let verifier = StubVerifier {
            key,
            accepts_signature: is_valid,
        };
        let verify_token = || poll_ready(verify(black_box(token), &tenant, &verifier));
        assert_eq!(verify_token().is_ok(), is_valid, "{name}");
        group.bench_function(name, |bencher| bencher.iter(verify_token));
    }
    group.finish();
}

criterion_group! {
    name = benches;
    // All benchmarks together should take half a minute.
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = token
}
criterion_main!(benches);
