//! The reasons why a logout token is rejected. Each has its own description.

use super::TokenError;

/// The reason why a logout token is rejected (OpenID Connect Back-Channel Logout 1.0, section 2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogoutTokenError {
    /// The request is not a form with exactly one logout token, as the description explains.
    Form(&'static str),
    /// A reason that also applies to access tokens.
    Token(TokenError),
    /// The `events` claim does not contain the logout event.
    NoLogoutEvent,
    /// The token has a `nonce`, like an ID token.
    Nonce,
    /// The `aud` contains none of the tenant's `logout_token_audiences`.
    Audience,
    /// The `iat` is missing, or more than five minutes ago.
    IssuedAt,
    /// The `jti` is missing.
    Jti,
    /// The token names a session but no user.
    OnlySession,
    /// The `sub` is missing or too long.
    Subject,
    /// The `sid` is not text, is empty or is too long.
    SessionId,
}

impl LogoutTokenError {
    /// Returns the error description.
    pub(super) fn description(self) -> &'static str {
        match self {
            Self::Form(description) => description,
            Self::Token(reason) => description_of(reason),
            Self::NoLogoutEvent => {
                "The token is not a logout token: its events claim does not contain http://schemas.openid.net/event/backchannel-logout."
            }
            Self::Nonce => "The token has a nonce, which a logout token must not have.",
            Self::Audience => {
                "The logout token is for another client. Add the id of the client to logout_token_audiences of the tenant, in TENANTS."
            }
            Self::IssuedAt => {
                "The iat of the logout token is missing or more than five minutes ago. Check the clock of the issuer."
            }
            Self::Jti => "The logout token has no jti.",
            Self::OnlySession => {
                "The logout token names a session (sid) but no user (sub). Configure the provider to send sub as well."
            }
            Self::Subject => {
                "The logout token has neither sub nor sid, or its sub is longer than 1,024 bytes."
            }
            Self::SessionId => "The sid of the logout token is not a string of 1 to 256 bytes.",
        }
    }
}

/// Returns the description of a reason that also applies to access tokens.
fn description_of(reason: TokenError) -> &'static str {
    match reason {
        TokenError::TooLong => "The logout token is longer than 8 KiB.",
        TokenError::Algorithm => {
            "The logout token is not signed with RS256 or PS256. Set one of them as the client's signing algorithm."
        }
        TokenError::Header => {
            "The header of the logout token has a parameter that is not accepted (crit, b64, jku, jwk, x5u or x5c)."
        }
        TokenError::Type => "The typ of the logout token is not JWT or logout+jwt.",
        TokenError::UnknownKey => {
            "The kid of the logout token is missing or identifies no signing key of the issuer."
        }
        TokenError::AmbiguousKey => {
            "The kid of the logout token identifies more than one signing key of the issuer."
        }
        TokenError::Signature => "The signature of the logout token is invalid.",
        TokenError::Issuer => {
            "The iss of the logout token is not an issuer of this tenant. List a custom domain in the tenant's issuers, in TENANTS."
        }
        TokenError::Expired => "The logout token has expired.",
        TokenError::NotYetValid => {
            "The logout token is not valid yet. Check the clock of the issuer."
        }
        TokenError::Missing
        | TokenError::Malformed
        | TokenError::DpopScheme
        | TokenError::Audience
        | TokenError::Subject
        | TokenError::LogoutToken => "The logout token is not a well-formed JSON Web Token.",
    }
}
