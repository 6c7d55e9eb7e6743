//! What a protected resource is told of a token that it was shown.
//!
//! The answer is `active` only for a token that one of the tenant's issuers has signed, whose time
//! it is, and that no event has revoked. Of any other nothing is told but that: not why, and not
//! whether it ever was good.
//!
//! Source: RFC 7662 (OAuth 2.0 Token Introspection).

use serde_json::{Map, Value};

use crate::{error::ApiError, tokens::access_token::IssuedToken};

/// The longest form that is taken, in bytes: room for the longest token, percent-encoded.
pub const MAX_FORM_BYTES: usize = 32 * 1024;
/// How a form is marked (RFC 7662, section 2.1).
const FORM: &str = "application/x-www-form-urlencoded";

/// Reads the token out of the form that a client has posted.
///
/// # Errors
///
/// [`ApiError::InvalidRequest`] where there is none, or more than one.
pub fn token_of(content_type: Option<&str>, form: &[u8]) -> Result<String, ApiError> {
    let media_type = content_type.and_then(|value| value.split(';').next());
    if !media_type.is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case(FORM)) {
        return Err(ApiError::InvalidRequest(
            "The body must be a form: send token=… as application/x-www-form-urlencoded.",
        ));
    }
    let mut tokens = form_urlencoded::parse(form).filter(|(name, _)| name == "token");
    match (tokens.next(), tokens.next()) {
        (Some((_, token)), None) if !token.is_empty() => Ok(token.into_owned()),
        _ => Err(ApiError::InvalidRequest(
            "The form must hold the token that is asked about, once: token=….",
        )),
    }
}

/// The user and the session that a token is of, as far as it tells.
pub fn subject(token: &IssuedToken) -> (Option<&str>, Option<&str>) {
    let text = |name| {
        let text = token.claims().get(name).and_then(Value::as_str);
        text.filter(|text| !text.is_empty())
    };
    (text("sub"), text("sid"))
}

/// The answer for a token that is not to be trusted (RFC 7662, section 2.2).
pub fn inactive() -> Map<String, Value> {
    let mut answer = Map::new();
    answer.insert("active".to_owned(), Value::Bool(false));
    answer
}

/// The answer for a token that is: its claims, and those members of RFC 7662 that Auth0 names
/// otherwise. No claim can pass for a member that is ours.
pub fn active(token: &IssuedToken) -> Map<String, Value> {
    let mut answer = token.claims().clone();
    if let (None, Some(azp)) = (answer.get("client_id"), answer.get("azp")) {
        answer.insert("client_id".to_owned(), azp.clone());
    }
    answer.insert("token_type".to_owned(), "Bearer".into());
    answer.insert("active".to_owned(), Value::Bool(true));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_stands_in_a_form_once() {
        let form = Some("application/x-www-form-urlencoded");
        for content_type in [
            "application/x-www-form-urlencoded",
            "Application/X-WWW-Form-Urlencoded; charset=UTF-8",
        ] {
            let body = b"token=a.b%2Dc&token_type_hint=access_token";
            assert_eq!(token_of(Some(content_type), body), Ok("a.b-c".into()));
        }
        for body in [
            "",
            "token=",
            "token",
            "token=a&token=b",
            "access_token=a",
            "{\"token\":\"a\"}",
        ] {
            let refused = token_of(form, body.as_bytes());
            assert!(
                matches!(refused, Err(ApiError::InvalidRequest(_))),
                "{body}"
            );
        }
        for content_type in [None, Some(""), Some("application/json"), Some("text/plain")] {
            let refused = token_of(content_type, b"token=a");
            assert!(matches!(refused, Err(ApiError::InvalidRequest(_))));
        }
    }
}
