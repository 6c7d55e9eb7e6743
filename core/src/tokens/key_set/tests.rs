use super::*;

fn modulus(bits: usize) -> String {
    let mut bytes = vec![0xff; bits / 8];
    if let Some(last) = bytes.last_mut() {
        *last = 0x01;
    }
    Base64UrlUnpadded::encode_string(&bytes)
}

fn key(kid: &str, more_members: &str) -> String {
    format!(
        r#"{{"kty":"RSA","kid":"{kid}","n":"{}","e":"AQAB"{more_members}}}"#,
        modulus(2048)
    )
}

fn jwks(keys: &[String]) -> String {
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

fn key_set(keys: &[String]) -> KeySet {
    KeySet::from_json(&jwks(keys)).unwrap_or_else(|_| panic!("{keys:?}"))
}

#[test]
fn a_key_may_declare_that_it_is_for_signatures_or_declare_nothing() {
    for more_members in [
        "",
        r#","use":"sig""#,
        r#","alg":"RS256""#,
        r#","key_ops":["verify"]"#,
        r#","key_ops":["sign","verify"],"use":"sig","alg":"RS256","x5c":["MII"],"x5t":"x""#,
        r#","use":null,"alg":null,"key_ops":null"#,
    ] {
        let keys = key_set(&[key("a", more_members)]);
        assert!(
            keys.signing_key("a", Algorithm::Rs256).is_ok(),
            "{more_members}"
        );
    }
}

#[test]
fn a_key_for_another_purpose_or_with_a_private_exponent_is_ignored() {
    for more_members in [
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
        assert!(
            !key_set(&[key("a", more_members)]).contains("a"),
            "{more_members}"
        );
    }
    let without_kid = key("a", "").replace(r#""kid":"a","#, "");
    let elliptic = key("a", "").replace("RSA", "EC");
    for unusable in [
        without_kid,
        elliptic,
        "1".into(),
        "{}".into(),
        "null".into(),
    ] {
        assert_eq!(key_set(&[unusable]), KeySet::default());
    }
}

#[test]
fn a_key_restricted_to_one_algorithm_is_unknown_for_the_other() {
    let keys = key_set(&[key("a", r#","alg":"RS256""#)]);
    assert!(keys.signing_key("a", Algorithm::Rs256).is_ok());
    assert_eq!(
        keys.signing_key("a", Algorithm::Ps256),
        Err(TokenError::UnknownKey)
    );
}

#[test]
fn a_key_has_2048_to_8192_bits_and_an_exponent_that_the_runtime_supports() {
    let sized = |bits| key("a", "").replace(&modulus(2048), &modulus(bits));
    for (bits, is_accepted) in [
        (1024, false),
        (2040, false),
        (3072, true),
        (8192, true),
        (8200, false),
    ] {
        assert_eq!(key_set(&[sized(bits)]).contains("a"), is_accepted, "{bits}");
    }
    let padded = format!("AA{}", modulus(2048));
    assert_eq!(modulus_bits(&modulus(2048)), Some(2048));
    assert_eq!(modulus_bits("AAAA"), None);
    assert!(modulus_bits(&padded).is_none_or(|bits| bits <= 2064));
    for (exponent, is_accepted) in [
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
        assert_eq!(key_set(&[key]).contains("a"), is_accepted, "{exponent}");
    }
}

#[test]
fn two_keys_with_the_same_id_are_ambiguous_unless_their_algorithms_differ() {
    let duplicates = key_set(&[key("a", ""), key("a", "")]);
    assert_eq!(
        duplicates.signing_key("a", Algorithm::Rs256),
        Err(TokenError::AmbiguousKey)
    );
    let distinct = key_set(&[key("a", r#","alg":"RS256""#), key("a", r#","alg":"PS256""#)]);
    assert!(distinct.signing_key("a", Algorithm::Rs256).is_ok());
    assert!(distinct.signing_key("a", Algorithm::Ps256).is_ok());
    assert_eq!(
        distinct.signing_key("b", Algorithm::Ps256),
        Err(TokenError::UnknownKey)
    );
}

#[test]
fn an_invalid_key_set_is_an_error_and_an_empty_one_is_not() {
    for text in ["", "{}", "[]", r#"{"keys":{}}"#, "<html>", r#"{"keys":"#] {
        assert_eq!(KeySet::from_json(text), Err(InvalidKeySet), "{text}");
    }
    assert_eq!(KeySet::from_json(r#"{"keys":[]}"#), Ok(KeySet::default()));
}

#[test]
fn an_array_of_field_values_is_neither_a_key_set_nor_a_key() {
    let set = format!("[[{}]]", key("a", ""));
    assert_eq!(KeySet::from_json(&set), Err(InvalidKeySet));
    let fields = format!(r#"["RSA","a","{}","AQAB",null,null,null]"#, modulus(2048));
    assert_eq!(key_set(&[fields]), KeySet::default());
}
