//! Verifying an access token, without the signature, which is the runtime's work.

use std::{
    future::Future,
    hint::black_box,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use base64ct::{Base64UrlUnpadded, Encoding};
use criterion::{Criterion, criterion_group, criterion_main};
use session_events_core::{error::ApiError, tenant::{Tenant, config::Config}, timestamp::Timestamp, tokens::{access_token::{Verifier, verify}, algorithm::Algorithm, key_set::{KeySet, SigningKey}}};

const HEADER: &str = r#"{"alg":"RS256","typ":"JWT","kid":"key-1"}"#;
const CLAIMS: &str = r#"{"iss":"https://acme.us.auth0.com/","sub":"auth0|6182002f34f4dd006b05b5c7","aud":"https://events.auth0a.com/api","iat":1700000000,"exp":1700003600,"azp":"1TAdZxKQk1kZ9hJ0dyWpm3vC0bLxPq2S","scope":"listen:events:self"}"#;

/// Knows the key, and takes signatures for genuine, or none.
struct Stub {
    key: SigningKey,
    is_genuine: bool,
}

impl Verifier for Stub {
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
        Ok(self.is_genuine)
    }
}

fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => unreachable!("nothing here waits"),
    }
}

fn token(criterion: &mut Criterion) {
    let encode = |bytes: &[u8]| Base64UrlUnpadded::encode_string(bytes);
    let parts = [HEADER.as_bytes(), CLAIMS.as_bytes(), &[7; 256]].map(encode);
    let good = parts.join(".");
    let tenant = Tenant::from_slug("acme@us").expect("a tenant");
    let config = Config::read(|_| None).expect("a configuration");
    let keys = format!(
        r#"{{"keys":[{{"kty":"RSA","kid":"key-1","use":"sig","n":"{}","e":"AQAB"}}]}}"#,
        encode(&[0xff; 256])
    );
    let keys = KeySet::from_json(&keys).expect("a key set");
    let key = keys
        .signing_key("key-1", Algorithm::Rs256)
        .expect("the key");

    let mut group = criterion.benchmark_group("token");
    for (name, token, is_genuine) in [
        ("good", good.as_str(), true),
        ("forged", good.as_str(), false),
        ("not a token", "not a token", false),
    ] {
        let key = key.clone();
        let stub = Stub { key, is_genuine };
        let verdict = || ready(verify(black_box(token), &tenant, &config, &stub));
        assert_eq!(verdict().is_ok(), is_genuine, "{name}");
        group.bench_function(name, |bencher| bencher.iter(verdict));
    }
    group.finish();
}

criterion_group! {
    name = benches;
    // The whole is to be done in half a minute.
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = token
}
criterion_main!(benches);
