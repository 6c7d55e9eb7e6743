//! What can be wrong with an access token: one variant a reason, so that each is told by its own
//! sentence.

/// What is wrong with an access token. RFC 6750, RFC 8725 and RFC 9068 say why each is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFault {
    /// No token was presented.
    Missing,
    /// Longer than [`crate::access_token::MAX_TOKEN_BYTES`].
    TooLong,
    /// Not a JSON Web Token in compact form, or not readable as one.
    Malformed,
    /// An algorithm other than RS256 and PS256.
    Algorithm,
    /// A header parameter that would change how the token is read or name a key of its own.
    Header,
    /// A `typ` other than `JWT` and `at+jwt`.
    Type,
    /// No `kid`, or one that names no usable key of the issuer.
    UnknownKey,
    /// A `kid` that names more than one key.
    AmbiguousKey,
    /// A signature that the issuer's key did not make.
    Signature,
    /// An `iss` that is none of the tenant's.
    Issuer,
    /// An `aud` that does not hold the configured audience.
    Audience,
    /// No `sub`, or one that is empty or longer than any user id.
    Subject,
    /// At or past its `exp`, or without one.
    Expired,
    /// `nbf` or `iat` ahead of the clock.
    NotYetValid,
}

impl TokenFault {
    /// The `error_description`.
    pub(super) fn description(self) -> &'static str {
        match self {
            Self::Missing => "An access token is required: send it as `Authorization: Bearer …`.",
            Self::TooLong => "The access token is longer than 8 KiB.",
            Self::Malformed => {
                "The access token is not a well-formed JSON Web Token. Auth0 issues such a token only where the login asks for the API by its audience."
            }
            Self::Algorithm => {
                "The access token must be signed with RS256 or PS256; set it as the API's signing algorithm in Auth0."
            }
            Self::Header => {
                "The access token's header carries a parameter that is not accepted (crit, b64, jku, jwk, x5u or x5c)."
            }
            Self::Type => "The access token's typ must be JWT or at+jwt.",
            Self::UnknownKey => {
                "The access token's kid names no signing key of the issuer; get a new token."
            }
            Self::AmbiguousKey => {
                "The access token's kid names more than one signing key of the issuer."
            }
            Self::Signature => "The access token's signature is not valid.",
            Self::Issuer => {
                "The access token's iss is not an issuer of this tenant; a custom domain must be listed in ISSUERS."
            }
            Self::Audience => {
                "The access token is for another API: its aud must be the configured AUDIENCE."
            }
            Self::Subject => "The access token has no sub, or one over 1,024 bytes.",
            Self::Expired => "The access token has expired, or has no exp; get a new one.",
            Self::NotYetValid => {
                "The access token is not valid yet; check the clock of whoever issued it."
            }
        }
    }
}
