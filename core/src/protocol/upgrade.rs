//! The access token on a WebSocket upgrade request.
//!
//! A backend sends it as `Authorization: Bearer …`. A browser cannot set headers on a WebSocket, so
//! it offers the subprotocols `session-events, bearer.TOKEN`. The response only ever selects the
//! first of these, so that it does not contain the token.

use crate::{Result, error::ApiError, tokens::bearer::access_token};

/// The subprotocol that the response selects.
pub const SUBPROTOCOL: &str = "session-events";
/// Precedes the access token in an offered subprotocol.
const TOKEN_PREFIX: &str = "bearer.";

/// The content of an upgrade request.
#[derive(Debug, PartialEq, Eq)]
pub struct Upgrade<'a> {
    /// The access token, unverified.
    pub token: Option<&'a str>,
    /// Whether the client offers [`SUBPROTOCOL`], so that the response must select it.
    pub selects_subprotocol: bool,
}

impl<'a> Upgrade<'a> {
    /// Parses the headers `Authorization` and `Sec-WebSocket-Protocol`.
    ///
    /// # Errors
    ///
    /// - [`ApiError::InvalidRequest`] if the request contains more than one token (RFC 6750,
    ///   section 2, allows only one).
    /// - The errors of [`access_token`].
    pub fn parse(authorization: Option<&'a str>, subprotocols: Option<&'a str>) -> Result<Self> {
        let offered: Vec<&str> = subprotocols
            .unwrap_or_default()
            .split(',')
            .map(str::trim)
            .collect();
        let offered_tokens = offered
            .iter()
            .filter_map(|subprotocol| subprotocol.strip_prefix(TOKEN_PREFIX));
        let mut tokens = access_token(authorization)?
            .into_iter()
            .chain(offered_tokens);
        let token = tokens.next();
        if tokens.next().is_some() {
            return Err(ApiError::InvalidRequest(
                "The request contains more than one access token. Send one token, as a header or as a subprotocol.",
            ));
        }
        Ok(Self {
            token,
            selects_subprotocol: offered.contains(&SUBPROTOCOL),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::TokenError;

    #[test]
    fn a_token_is_read_from_the_header_or_from_a_subprotocol() {
        for (authorization, subprotocols, token, selects_subprotocol) in [
            (None, None, None, false),
            (Some("Bearer a.b.c"), None, Some("a.b.c"), false),
            (
                Some("bearer a.b.c"),
                Some("session-events"),
                Some("a.b.c"),
                true,
            ),
            (
                None,
                Some("session-events, bearer.a.b.c"),
                Some("a.b.c"),
                true,
            ),
            (
                None,
                Some("session-events,bearer.a.b.c"),
                Some("a.b.c"),
                true,
            ),
            (None, Some("bearer.a.b.c"), Some("a.b.c"), false),
            (None, Some("session-events"), None, true),
            (None, Some("chat, Session-Events"), None, false),
            (Some("Basic YTpi"), None, None, false),
            (Some("Bearer"), None, Some(""), false),
            (None, Some("session-events, bearer."), Some(""), true),
        ] {
            assert_eq!(
                Upgrade::parse(authorization, subprotocols),
                Ok(Upgrade {
                    token,
                    selects_subprotocol
                })
            );
        }
    }

    #[test]
    fn a_token_with_the_scheme_dpop_is_rejected_whatever_the_subprotocols() {
        for subprotocols in [None, Some("session-events, bearer.a.b.c")] {
            let rejected = Err(TokenError::DpopScheme.into());
            assert_eq!(Upgrade::parse(Some("DPoP a.b.c"), subprotocols), rejected);
        }
    }

    #[test]
    fn a_request_with_two_tokens_is_rejected() {
        for (authorization, subprotocols) in [
            (Some("Bearer a"), "session-events, bearer.a"),
            (None, "session-events, bearer.a, bearer.b"),
        ] {
            assert!(Upgrade::parse(authorization, Some(subprotocols)).is_err());
        }
    }
}
