//! The `Authorization: Bearer` header.

/// Returns the credentials of an `Authorization: Bearer …` header (RFC 6750, section 2.1). The
/// scheme is case-insensitive (RFC 9110, section 11.1).
pub fn bearer(authorization: &str) -> Option<&str> {
    let authorization = authorization.trim();
    let (scheme, credentials) = authorization.split_once(' ').unwrap_or((authorization, ""));
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| credentials.trim())
}
