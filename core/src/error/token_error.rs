//! The reasons why an access token is rejected. Each has its own description.

/// The reason why an access token is rejected (RFC 6750, RFC 8725, RFC 9068).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// The request has no token.
    Missing,
    /// The request uses the scheme `DPoP` (RFC 9449), which this service does not support.
    DpopScheme,
    /// The token exceeds [`crate::tokens::signature::MAX_TOKEN_BYTES`].
    TooLong,
    /// The token is not a JSON Web Token in compact form.
    Malformed,
    /// The algorithm is not RS256 or PS256.
    Algorithm,
    /// The header has a parameter that changes how the token is read, or brings its own key.
    Header,
    /// The `typ` is not `JWT` or `at+jwt`.
    Type,
    /// The `kid` is missing or identifies no usable key of the issuer.
    UnknownKey,
    /// The `kid` identifies more than one key.
    AmbiguousKey,
    /// The signature was not made with the issuer's key.
    Signature,
    /// The `iss` is not an issuer of the tenant.
    Issuer,
    /// The `aud` does not contain the configured audience.
    Audience,
    /// The `sub` is missing, empty or too long.
    Subject,
    /// The `exp` has passed or is missing.
    Expired,
    /// The `nbf` or `iat` is in the future.
    NotYetValid,
    /// The token is a logout token.
    LogoutToken,
}

impl TokenError {
    /// Returns the error description.
    pub(super) fn description(self) -> &'static str {
        match self {
            Self::Missing => "The access token is missing. Send it as `Authorization: Bearer …`.",
            Self::DpopScheme => {
                "The authorization scheme DPoP is not supported. Send the access token as `Authorization: Bearer …`."
            }
            Self::TooLong => "The access token is longer than 8 KiB.",
            Self::Malformed => {
                "The access token is not a well-formed JSON Web Token. Auth0 issues one only if the login requests the API by its audience."
            }
            Self::Algorithm => {
                "The access token is not signed with RS256 or PS256. Set one of them as the API's signing algorithm in Auth0."
            }
            Self::Header => {
                "The header of the access token has a parameter that is not accepted (crit, b64, jku, jwk, x5u or x5c)."
            }
            Self::Type => "The typ of the access token is not JWT or at+jwt.",
            Self::UnknownKey => {
                "The kid of the access token identifies no signing key of the issuer. Request a new token."
            }
            Self::AmbiguousKey => {
                "The kid of the access token identifies more than one signing key of the issuer."
            }
            Self::Signature => "The signature of the access token is invalid.",
            Self::Issuer => {
                "The iss of the access token is not an issuer of this tenant. List a custom domain in the tenant's issuers, in TENANTS."
            }
            Self::Audience => {
                "The access token is for another API. Its aud must be the configured AUDIENCE, or the tenant's own audience."
            }
            Self::Subject => "The sub of the access token is missing or longer than 1,024 bytes.",
            Self::Expired => "The access token has expired, or has no exp. Request a new token.",
            Self::NotYetValid => {
                "The access token is not valid yet. Check the clock of the issuer."
            }
            Self::LogoutToken => "The token is a logout token. Send an access token.",
        }
    }
}
