use super::*;

fn n(bits: usize) -> String {
    let mut bytes = vec![0xff; bits / 8];
    if let Some(last) = bytes.last_mut() {
        *last = 0x01;
    }
    Base64UrlUnpadded::encode_string(&bytes)
}

fn key(kid: &str, more: &str) -> String {
    format!(
        r#"{{"kty":"RSA","kid":"{kid}","n":"{}","e":"AQAB"{more}}}"#,
        n(2048)
    )
}

fn jwks(keys: &[String]) -> String {
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

fn key_set(keys: &[String]) -> KeySet {
    KeySet::from_json(&jwks(keys)).unwrap_or_else(|_| panic!("{keys:?}"))
}

#[test]
fn a_signing_key_may_say_what_it_is_for_or_leave_it_open() {
    for more in [
        "",
        r#","use":"sig""#,
        r#","alg":"RS256""#,
        r#","key_ops":["verify"]"#,
        r#","key_ops":["sign","verify"],"use":"sig","alg":"RS256","x5c":["MII"],"x5t":"x""#,
        r#","use":null,"alg":null,"key_ops":null"#,
    ] {
        let keys = key_set(&[key("a", more)]);
        assert!(keys.signing_key("a", Algorithm::Rs256).is_ok(), "{more}");
    }
}

#[test]
fn a_key_for_anything_else_or_with_its_private_half_is_not_there() {
    for more in [
        r#","use":"enc""#,
        r#","use":"""#,
        r#","alg":"RS512""#,
        r#","alg":"HS256""#,
        r#","alg":"""#,
        r#","key_ops":["sign"]"#,
        r#","key_ops":[]"#,
        r#","key_ops":"verify""#,
        r#","use":1"#,
        r#","d":"AQAB""#,
        r#","d":1"#,
    ] {
        assert!(!key_set(&[key("a", more)]).holds("a"), "{more}");
    }
    let without_kid = key("a", "").replace(r#""kid":"a","#, "");
    let elliptic = key("a", "").replace("RSA", "EC");
    for bad in [
        without_kid,
        elliptic,
        "1".into(),
        "{}".into(),
        "null".into(),
    ] {
        assert_eq!(key_set(&[bad]), KeySet::default());
    }
}

#[test]
fn a_key_restricted_to_one_algorithm_checks_no_other() {
    let keys = key_set(&[key("a", r#","alg":"RS256""#)]);
    assert!(keys.signing_key("a", Algorithm::Rs256).is_ok());
    assert_eq!(
        keys.signing_key("a", Algorithm::Ps256),
        Err(TokenError::UnknownKey)
    );
}

#[test]
fn a_key_has_2048_to_8192_bits_and_an_exponent_that_the_runtime_takes() {
    let sized = |bits| key("a", "").replace(&n(2048), &n(bits));
    for (bits, fit) in [
        (1024, false),
        (2040, false),
        (3072, true),
        (8192, true),
        (8200, false),
    ] {
        assert_eq!(key_set(&[sized(bits)]).holds("a"), fit, "{bits}");
    }
    let padded = format!("AA{}", n(2048));
    assert_eq!(modulus_bits(&n(2048)), Some(2048));
    assert_eq!(modulus_bits("AAAA"), None);
    assert!(modulus_bits(&padded).is_none_or(|bits| bits <= 2064));
    for (exponent, fit) in [
        ("AQAB", true),
        ("Aw", true),
        ("EQ", true),
        ("JQ", true),
        ("AAEAAQ", true),
        ("BQ", false),
        ("AQE", false),
        ("AQAD", false),
        ("AQ", false),
        ("AQAA", false),
        ("AAAA", false),
        ("", false),
        ("AQAAAAE", false),
        ("=", false),
    ] {
        let key = key("a", "").replace("AQAB", exponent);
        assert_eq!(key_set(&[key]).holds("a"), fit, "{exponent}");
    }
}

#[test]
fn two_keys_with_one_id_are_ambiguous_unless_their_algorithms_tell_them_apart() {
    let twins = key_set(&[key("a", ""), key("a", "")]);
    assert_eq!(
        twins.signing_key("a", Algorithm::Rs256),
        Err(TokenError::AmbiguousKey)
    );
    let told_apart = key_set(&[key("a", r#","alg":"RS256""#), key("a", r#","alg":"PS256""#)]);
    assert!(told_apart.signing_key("a", Algorithm::Rs256).is_ok());
    assert!(told_apart.signing_key("a", Algorithm::Ps256).is_ok());
    assert_eq!(
        told_apart.signing_key("b", Algorithm::Ps256),
        Err(TokenError::UnknownKey)
    );
}

#[test]
fn what_is_not_a_key_set_is_told_from_an_empty_one() {
    for text in ["", "{}", "[]", r#"{"keys":{}}"#, "<html>", r#"{"keys":"#] {
        assert_eq!(KeySet::from_json(text), Err(NotAKeySet), "{text}");
    }
    assert_eq!(KeySet::from_json(r#"{"keys":[]}"#), Ok(KeySet::default()));
}

#[test]
fn a_list_of_a_set_s_or_a_key_s_fields_is_neither() {
    let set = format!("[[{}]]", key("a", ""));
    assert_eq!(KeySet::from_json(&set), Err(NotAKeySet));
    let fields = format!(r#"["RSA","a","{}","AQAB",null,null,null]"#, n(2048));
    assert_eq!(key_set(&[fields]), KeySet::default());
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000).plus_seconds(seconds)
}

fn fetch(keys: &[&str], kid: &str, before: &CachedKeySet, now: i64) -> CachedKeySet {
    let keys: Vec<String> = keys.iter().map(|kid| key(kid, "")).collect();
    CachedKeySet::fetched(key_set(&keys), kid, before, at(now))
}

#[test]
fn a_set_is_used_for_ten_minutes_without_asking_again() {
    assert!(CachedKeySet::default().needs_fetch("a", at(0)));
    let cached = fetch(&["a"], "a", &CachedKeySet::default(), 0);
    assert!(!cached.needs_fetch("a", at(0)));
    assert!(!cached.needs_fetch("a", at(599)));
    assert!(cached.needs_fetch("a", at(600)));
    assert!(!cached.needs_fetch("a", at(-5)));
}

#[test]
fn an_unknown_key_is_asked_for_at_most_once_in_thirty_seconds() {
    let cached = fetch(&["a"], "a", &CachedKeySet::default(), 0);
    assert!(cached.needs_fetch("b", at(1)));
    let rotated = fetch(&["a", "b"], "b", &cached, 1);
    assert!(!rotated.needs_fetch("b", at(2)));
    assert!(!rotated.needs_fetch("c", at(30)));
    assert!(rotated.needs_fetch("c", at(31)));
}

#[test]
fn a_first_fetch_for_a_key_that_is_not_there_counts_as_asking_for_it() {
    let cached = fetch(&["a"], "b", &CachedKeySet::default(), 0);
    assert!(!cached.needs_fetch("b", at(29)));
    assert!(!cached.needs_fetch("c", at(29)));
    assert!(cached.needs_fetch("b", at(30)));
}

#[test]
fn a_set_that_cannot_be_had_anew_serves_on_for_a_day() {
    let cached = fetch(&["a"], "a", &CachedKeySet::default(), 0).failed(at(700));
    assert!(!cached.needs_fetch("a", at(729)));
    assert!(cached.needs_fetch("a", at(730)));
    let find = |kid, now| cached.signing_key(kid, Algorithm::Rs256, at(now));
    assert!(find("a", 24 * 3600 - 1).is_ok());
    assert_eq!(find("b", 24 * 3600 - 1), Err(TokenError::UnknownKey.into()));
    assert_eq!(find("a", 24 * 3600), Err(ApiError::TemporarilyUnavailable));
    assert!(cached.needs_fetch("a", at(24 * 3600)));
}

#[test]
fn a_fetch_that_failed_for_an_unknown_key_is_not_repeated_at_once() {
    let cached = fetch(&["a"], "a", &CachedKeySet::default(), 0).failed(at(1));
    assert!(!cached.needs_fetch("b", at(30)));
    assert!(cached.needs_fetch("b", at(31)));
    assert_eq!(fetch(&["a"], "a", &cached, 700).failed_at, None);
}

#[test]
fn where_no_set_serves_the_fifth_failure_in_a_row_makes_for_a_pause() {
    let mut failed = CachedKeySet::default();
    for _ in 0..5 {
        assert!(failed.needs_fetch("a", at(0)));
        failed = failed.failed(at(0));
    }
    let find = |now| failed.signing_key("a", Algorithm::Rs256, at(now));
    for now in [0, 4, 5, 24 * 3600] {
        assert_eq!(find(now), Err(ApiError::TemporarilyUnavailable));
        assert_eq!(failed.needs_fetch("a", at(now)), now >= 5);
    }
    assert_eq!(ApiError::TemporarilyUnavailable.retry_after(), Some(5));
    let again = failed.clone().failed(at(5));
    assert!(!again.needs_fetch("a", at(9)));

    let at_last = fetch(&["a"], "b", &failed, 6);
    assert!(!at_last.needs_fetch("a", at(6)));
    assert!(!at_last.needs_fetch("b", at(35)));
    let lost_again = at_last.failed(at(6 + 24 * 3600));
    assert!(lost_again.needs_fetch("a", at(6 + 24 * 3600)));
}
