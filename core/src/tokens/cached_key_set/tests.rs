use super::*;
use crate::error::TokenError;

/// Returns a key set with these key ids.
fn key_set(kids: &[&str]) -> KeySet {
    // 2048 bits in base64url.
    let modulus = "_".repeat(341) + "w";
    let keys: Vec<String> = kids
        .iter()
        .map(|kid| format!(r#"{{"kty":"RSA","kid":"{kid}","n":"{modulus}","e":"AQAB"}}"#))
        .collect();
    let json = format!(r#"{{"keys":[{}]}}"#, keys.join(","));
    KeySet::from_json(&json).unwrap_or_else(|_| panic!("{json}"))
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000).plus_seconds(seconds)
}

/// Returns the cached set after a fetch at second `now` returned these keys for a token with `kid`.
fn fetch(kids: &[&str], kid: &str, before: &CachedKeySet, now: i64) -> CachedKeySet {
    CachedKeySet::after_fetch(key_set(kids), kid, before, at(now))
}

#[test]
fn a_set_is_used_for_ten_minutes_without_another_fetch() {
    assert!(CachedKeySet::default().needs_fetch("a", at(0)));
    let cached = fetch(&["a"], "a", &CachedKeySet::default(), 0);
    assert!(!cached.needs_fetch("a", at(0)));
    assert!(!cached.needs_fetch("a", at(599)));
    assert!(cached.needs_fetch("a", at(600)));
    assert!(!cached.needs_fetch("a", at(-5)));
}

#[test]
fn an_unknown_key_causes_at_most_one_fetch_in_thirty_seconds() {
    let cached = fetch(&["a"], "a", &CachedKeySet::default(), 0);
    assert!(cached.needs_fetch("b", at(1)));
    let rotated = fetch(&["a", "b"], "b", &cached, 1);
    assert!(!rotated.needs_fetch("b", at(2)));
    assert!(!rotated.needs_fetch("c", at(30)));
    assert!(rotated.needs_fetch("c", at(31)));
}

#[test]
fn a_first_fetch_that_does_not_find_the_key_counts_as_a_fetch_for_an_unknown_key() {
    let cached = fetch(&["a"], "b", &CachedKeySet::default(), 0);
    assert!(!cached.needs_fetch("b", at(29)));
    assert!(!cached.needs_fetch("c", at(29)));
    assert!(cached.needs_fetch("b", at(30)));
}

#[test]
fn a_set_stays_usable_for_a_day_while_fetches_fail() {
    let cached = fetch(&["a"], "a", &CachedKeySet::default(), 0).after_failure(at(700));
    assert!(!cached.needs_fetch("a", at(729)));
    assert!(cached.needs_fetch("a", at(730)));
    let find = |kid, now| cached.signing_key(kid, Algorithm::Rs256, at(now));
    assert!(find("a", 24 * 3600 - 1).is_ok());
    assert_eq!(find("b", 24 * 3600 - 1), Err(TokenError::UnknownKey.into()));
    assert_eq!(find("a", 24 * 3600), Err(ApiError::KeysUnavailable));
    assert!(cached.needs_fetch("a", at(24 * 3600)));
}

#[test]
fn a_failed_fetch_for_an_unknown_key_is_not_repeated_for_thirty_seconds() {
    let cached = fetch(&["a"], "a", &CachedKeySet::default(), 0).after_failure(at(1));
    assert!(!cached.needs_fetch("b", at(30)));
    assert!(cached.needs_fetch("b", at(31)));
    assert_eq!(fetch(&["a"], "a", &cached, 700).failed_at, None);
}

#[test]
fn without_a_usable_set_fetches_pause_after_the_fifth_failure_in_a_row() {
    let mut failed = CachedKeySet::default();
    for _ in 0..5 {
        assert!(failed.needs_fetch("a", at(0)));
        failed = failed.after_failure(at(0));
    }
    let find = |now| failed.signing_key("a", Algorithm::Rs256, at(now));
    for now in [0, 4, 5, 24 * 3600] {
        assert_eq!(find(now), Err(ApiError::KeysUnavailable));
        assert_eq!(failed.needs_fetch("a", at(now)), now >= 5);
    }
    assert_eq!(ApiError::KeysUnavailable.retry_after(), Some(5));
    let failed_again = failed.clone().after_failure(at(5));
    assert!(!failed_again.needs_fetch("a", at(9)));

    let recovered = fetch(&["a"], "b", &failed, 6);
    assert!(!recovered.needs_fetch("a", at(6)));
    assert!(!recovered.needs_fetch("b", at(35)));
    let failing_again = recovered.after_failure(at(6 + 24 * 3600));
    assert!(failing_again.needs_fetch("a", at(6 + 24 * 3600)));
}
