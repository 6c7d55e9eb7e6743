//! Entity tags, which identify a version of a response (RFC 9110, section 8.8.3).

use base64ct::{Base64UrlUnpadded, Encoding};
use sha2::{Digest, Sha256};

/// Returns the entity tag of a body. Different bodies have different tags.
pub fn etag(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    format!("\"{}\"", Base64UrlUnpadded::encode_string(&digest))
}

/// Returns whether an `If-None-Match` header matches a tag. Weak and strong tags are compared alike
/// (RFC 9110, section 13.1.2).
pub fn matches(if_none_match: &str, etag: &str) -> bool {
    if_none_match
        .split(',')
        .map(str::trim)
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_matches_in_a_list_as_a_weak_tag_and_by_a_wildcard() {
        let (tag, other) = (etag(b"one"), etag(b"two"));
        assert_ne!(tag, other);
        for header in [
            tag.clone(),
            format!("W/{tag}"),
            format!("{other}, {tag}"),
            "*".into(),
        ] {
            assert!(matches(&header, &tag), "{header}");
        }
        for header in ["", &other, tag.trim_matches('"')] {
            assert!(!matches(header, &tag), "{header}");
        }
    }
}
