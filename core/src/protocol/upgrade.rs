//! The token that a client may show on the WebSocket upgrade itself.
//!
//! A backend sends it as `Authorization: Bearer …`. A browser's WebSocket cannot set headers, so
//! it offers the subprotocols `session-events, bearer.TOKEN`; only the first is ever answered,
//! so that the token is not repeated in a response.

use crate::{error::ApiError, tokens::bearer::bearer};

/// The subprotocol that is answered.
pub const SUBPROTOCOL: &str = "session-events";
const TOKEN_PREFIX: &str = "bearer.";

/// What an upgrade brings along.
#[derive(Debug, PartialEq, Eq)]
pub struct Upgrade<'a> {
    /// The access token, not yet verified.
    pub token: Option<&'a str>,
    /// Whether [`SUBPROTOCOL`] was offered, and so must be answered.
    pub answers_subprotocol: bool,
}

impl<'a> Upgrade<'a> {
    /// Reads the headers of an upgrade.
    ///
    /// # Errors
    ///
    /// [`ApiError::InvalidRequest`] for more than one token: RFC 6750, section 2, has clients use
    /// one way only, and to choose between them would be to guess.
    pub fn parse(
        authorization: Option<&'a str>,
        subprotocols: Option<&'a str>,
    ) -> Result<Self, ApiError> {
        let offered = || subprotocols.unwrap_or_default().split(',').map(str::trim);
        let mut tokens = authorization
            .and_then(bearer)
            .into_iter()
            .chain(offered().filter_map(|offer| offer.strip_prefix(TOKEN_PREFIX)));
        let token = tokens.next();
        if tokens.next().is_some() {
            return Err(ApiError::InvalidRequest(
                "Show one access token: as a header or as a subprotocol, not both.",
            ));
        }
        Ok(Self {
            token,
            answers_subprotocol: offered().any(|offer| offer == SUBPROTOCOL),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_as_a_header_or_as_a_subprotocol_or_not_at_all() {
        for (authorization, subprotocols, token, answers_subprotocol) in [
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
                    answers_subprotocol
                })
            );
        }
    }

    #[test]
    fn two_tokens_are_one_too_many() {
        for (authorization, subprotocols) in [
            (Some("Bearer a"), "session-events, bearer.a"),
            (None, "session-events, bearer.a, bearer.b"),
        ] {
            assert!(Upgrade::parse(authorization, Some(subprotocols)).is_err());
        }
    }
}
