//! Token introspection (RFC 7662).
//!
//! A token is `active` if one of the tenant's issuers has signed it, its times are valid, and no
//! revocation applies to it. The response for any other token contains nothing else, so it does not
//! reveal why the token is inactive.

use serde_json::{Map, Value};

use super::access_token::IssuedToken;

/// Returns the `sub` and the `sid` of a token: its user and its user session. Each is `None` if it
/// is missing or empty.
pub fn user_and_session(token: &IssuedToken) -> (Option<&str>, Option<&str>) {
    let text = |name| {
        token
            .claims()
            .get(name)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    (text("sub"), text("sid"))
}

/// Returns the response for an inactive token (RFC 7662, section 2.2).
pub fn inactive_response() -> Map<String, Value> {
    Map::from_iter([("active".to_owned(), false.into())])
}

/// Returns the response for an active token: its claims, and the members of RFC 7662 for which
/// Auth0 uses different names. A claim cannot override `active` or `token_type`.
pub fn active_response(token: &IssuedToken) -> Map<String, Value> {
    let mut response = token.claims().clone();
    if let (None, Some(azp)) = (response.get("client_id"), response.get("azp")) {
        response.insert("client_id".to_owned(), azp.clone());
    }
    response.insert("token_type".to_owned(), token_type(token.claims()).into());
    response.insert("active".to_owned(), true.into());
    response
}

/// Returns the type of a token: `DPoP` if it is bound to a key that its client must prove to have
/// (`cnf.jkt`; RFC 9449, section 6.2). A token that is bound to a TLS certificate (`x5t#S256`; RFC
/// 8705, section 3) has the type `Bearer`, as has a token without a binding.
fn token_type(claims: &Map<String, Value>) -> &'static str {
    let thumbprint = claims.get("cnf").and_then(|cnf| cnf.get("jkt"));
    match thumbprint {
        Some(Value::String(_)) => "DPoP",
        _ => "Bearer",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_token_that_is_bound_to_a_dpop_key_has_the_type_dpop() {
        let token_type_of = |cnf: Value| token_type(&Map::from_iter([("cnf".to_owned(), cnf)]));
        let (jkt, certificate) = (json!({"jkt": "0ZcO"}), json!({"x5t#S256": "bwcK"}));
        assert_eq!(token_type_of(jkt), "DPoP");
        assert_eq!(
            token_type_of(json!({"jkt": "0ZcO", "x5t#S256": "bwcK"})),
            "DPoP"
        );
        for cnf in [
            certificate,
            json!({"jkt": null}),
            json!("jkt"),
            json!(["jkt"]),
            Value::Null,
        ] {
            assert_eq!(token_type_of(cnf), "Bearer");
        }
        assert_eq!(token_type(&Map::new()), "Bearer");
    }
}
