//! What tells one version of an answer from another (RFC 9110, section 8.8.3).

use base64ct::{Base64UrlUnpadded, Encoding};
use sha2::{Digest, Sha256};

/// The tag of a body: two bodies that differ have different ones.
pub fn etag(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    format!("\"{}\"", Base64UrlUnpadded::encode_string(&digest))
}

/// Whether an `If-None-Match` names the tag; weak or strong does not matter there (RFC 9110,
/// section 13.1.2).
pub fn matches(if_none_match: &str, etag: &str) -> bool {
    let named = |one: &str| {
        let one = one.trim();
        one == "*" || one.strip_prefix("W/").unwrap_or(one) == etag
    };
    if_none_match.split(',').any(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_known_by_itself_in_a_list_weak_or_strong() {
        let (tag, other) = (etag(b"one"), etag(b"two"));
        assert_ne!(tag, other);
        for known in [
            tag.clone(),
            format!("W/{tag}"),
            format!("{other}, {tag}"),
            "*".into(),
        ] {
            assert!(matches(&known, &tag), "{known}");
        }
        for known in ["", &other, tag.trim_matches('"')] {
            assert!(!matches(known, &tag), "{known}");
        }
    }
}
