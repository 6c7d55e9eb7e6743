//! Property: reading an issuer's key set.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::Value;
use session_events_core::{
    timestamp::Timestamp,
    tokens::{
        algorithm::Algorithm,
        cached_key_set::CachedKeySet,
        key_set::{InvalidKeySet, KeySet, SigningKey},
    },
};

/// A signing key that the set returns was published for signing and for the algorithm, is strong
/// enough, and is the only usable key with its `kid`. A set that was just fetched needs no fetch.
pub fn key_set(bytes: &[u8]) {
    let Ok(json) = std::str::from_utf8(bytes) else {
        return;
    };
    let published: Option<Vec<Value>> = serde_json::from_str::<Value>(json)
        .ok()
        .and_then(|set| Some(set.get("keys")?.as_array()?.clone()));
    let set = match KeySet::from_json(json) {
        Ok(set) => set,
        Err(InvalidKeySet) => return,
    };
    let published = published.expect("an object with a list");
    let stored = serde_json::to_string(&set).expect("JSON");
    assert_eq!(serde_json::from_str::<KeySet>(&stored).expect("a set"), set);

    let now = Timestamp::from_millis(1_700_000_000_000);
    let kids = published.iter().filter_map(|jwk| jwk.get("kid")?.as_str());
    for kid in kids.chain([""]) {
        let cached = CachedKeySet::after_fetch(set.clone(), kid, &CachedKeySet::default(), now);
        assert!(!cached.needs_fetch(kid, now));
        for (algorithm, alg) in [(Algorithm::Rs256, "RS256"), (Algorithm::Ps256, "PS256")] {
            let matches = |jwk: &&Value| is_for(jwk, kid, alg);
            let found = set.signing_key(kid, algorithm);
            let found_in_cache = cached.signing_key(kid, algorithm, now);
            assert_eq!(found.ok(), found_in_cache.as_ref().ok());
            let Ok(key) = found else { continue };
            assert!(set.contains(kid) && !set.is_empty());
            check_strength(key);
            let has_same_numbers = |jwk: &&Value| jwk["n"] == key.n && jwk["e"] == key.e;
            assert!(
                published
                    .iter()
                    .filter(matches)
                    .any(|jwk| has_same_numbers(&jwk))
            );
            let is_usable = |jwk: &&Value| {
                KeySet::from_json(&format!("{{\"keys\":[{jwk}]}}")).is_ok_and(|set| !set.is_empty())
            };
            assert_eq!(
                published.iter().filter(matches).filter(is_usable).count(),
                1
            );
        }
    }
}

/// Returns whether the members of a key allow it to verify signatures of this algorithm (RFC 7517,
/// section 4).
fn is_for(jwk: &Value, kid: &str, alg: &str) -> bool {
    let absent_or = |name: &str, wanted: &str| match &jwk[name] {
        Value::Null => true,
        value => value == wanted,
    };
    let can_verify = match &jwk["key_ops"] {
        Value::Null => true,
        Value::Array(operations) => operations.iter().any(|operation| operation == "verify"),
        _ => false,
    };
    jwk["kty"] == "RSA"
        && jwk["kid"] == kid
        && absent_or("use", "sig")
        && absent_or("alg", alg)
        && can_verify
}

fn check_strength(key: &SigningKey) {
    let number = |text: &str| {
        let bytes = Base64UrlUnpadded::decode_vec(text).expect("base64url");
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        bytes[zeros..].to_vec()
    };
    let (n, e) = (number(&key.n), number(&key.e));
    let bits = n.len() * 8 - n.first().map_or(0, |top| top.leading_zeros() as usize);
    assert!((2048..=8192).contains(&bits), "{bits} bits");
    assert!(e.len() <= 4 && e.last().is_some_and(|low| low % 2 == 1));
    assert!(e != [1]);
}
