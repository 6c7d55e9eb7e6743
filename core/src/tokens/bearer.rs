//! The access token in the `Authorization` header.

use crate::{Result, error::TokenError};

/// Returns the access token in an `Authorization: Bearer …` header (RFC 6750, section 2.1), or
/// `None` without a header or with another scheme. The scheme is case-insensitive (RFC 9110,
/// section 11.1).
///
/// # Errors
///
/// [`TokenError::DpopScheme`] if the scheme is `DPoP` (RFC 9449, section 7.1). Its client expects
/// the proof to be checked, so the request must not count as one without a token.
pub fn access_token(authorization: Option<&str>) -> Result<Option<&str>> {
    match authorization.map(scheme_and_credentials) {
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("dpop") => {
            Err(TokenError::DpopScheme.into())
        }
        Some((scheme, credentials)) if is_bearer(scheme) => Ok(Some(credentials)),
        _ => Ok(None),
    }
}

/// Returns the credentials of an `Authorization: Bearer …` header, or `None` with another scheme.
pub(super) fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, credentials) = scheme_and_credentials(authorization);
    is_bearer(scheme).then_some(credentials)
}

fn is_bearer(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("bearer")
}

fn scheme_and_credentials(authorization: &str) -> (&str, &str) {
    let authorization = authorization.trim();
    let (scheme, credentials) = authorization.split_once(' ').unwrap_or((authorization, ""));
    (scheme, credentials.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_scheme_bearer_carries_an_access_token() {
        for header in ["Bearer a.b.c", "bearer  a.b.c ", " BEARER a.b.c"] {
            assert_eq!(access_token(Some(header)), Ok(Some("a.b.c")), "{header}");
        }
        for header in [None, Some(""), Some("Basic YTpi"), Some("a.b.c")] {
            assert_eq!(access_token(header), Ok(None), "{header:?}");
        }
    }

    #[test]
    fn the_scheme_dpop_is_rejected() {
        for header in ["DPoP a.b.c", "dpop a.b.c", "DPOP"] {
            let rejected = Err(TokenError::DpopScheme.into());
            assert_eq!(access_token(Some(header)), rejected, "{header}");
        }
    }
}
