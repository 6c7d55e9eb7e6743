//! The claims of a token whose signature has been verified, and the permissions that they grant.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::digest::TokenDigest;
use crate::{
    Result,
    error::{ApiError, TokenError},
    events::event::MAX_USER_ID_BYTES,
    json::NoDuplicateKeys,
    protocol::filter::Filter,
    timestamp::Timestamp,
    tokens::{
        logout_token,
        signature::{check_not_in_future, has_audience},
        unverified_token::ParsedClaims,
    },
};

/// The permission for the events and sockets of all users.
pub const LISTEN_TO_ALL: &str = "listen:events";
/// The permission to receive the events of the token's own subject.
pub const LISTEN_TO_OWN: &str = "listen:events:self";

/// A token whose signature, issuer and times have been verified, but not its audience and subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedToken {
    expires_at: Timestamp,
    claims: Map<String, Value>,
}

/// A token whose signature, issuer, times, audience and subject have been verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessToken {
    sub: String,
    expires_at: Timestamp,
    claims: Map<String, Value>,
    /// Identifies the token. Absent if a Worker of an earlier version has verified it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<TokenDigest>,
}

/// Returns all claims as one map. The parser removes the times from the map of claims; they are put
/// back in whole seconds.
pub(super) fn all_claims(claims: ParsedClaims) -> Map<String, Value> {
    let times = [
        ("exp", claims.expiration),
        ("nbf", claims.not_before),
        ("iat", claims.issued_at),
    ];
    let NoDuplicateKeys(claims_without_times) = claims.custom;
    let mut claims: Map<String, Value> = claims_without_times.into_iter().collect();
    for (name, time) in times {
        if let Some(time) = time {
            claims.insert(name.to_owned(), time.timestamp().into());
        }
    }
    claims
}

impl IssuedToken {
    /// Checks the kind and the times of a token whose signature has been verified.
    pub(super) fn new(claims: ParsedClaims, now: Timestamp) -> Result<Self, TokenError> {
        if logout_token::has_logout_event(&claims) {
            return Err(TokenError::LogoutToken);
        }
        let expiration = claims.expiration.ok_or(TokenError::Expired)?;
        let expires_at = Timestamp::from(expiration);
        if now >= expires_at {
            return Err(TokenError::Expired);
        }
        check_not_in_future(&claims, now)?;
        Ok(Self {
            expires_at,
            claims: all_claims(claims),
        })
    }

    /// Returns all claims.
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// Checks that `aud` is or contains this audience, and that the token has a subject.
    pub(super) fn for_audience(self, audience: &str) -> Result<AccessToken, TokenError> {
        let Self { expires_at, claims } = self;
        if !has_audience(claims.get("aud"), |accepted| accepted == audience) {
            return Err(TokenError::Audience);
        }
        let sub = claims
            .get("sub")
            .and_then(Value::as_str)
            .filter(|sub| !sub.is_empty() && sub.len() <= MAX_USER_ID_BYTES)
            .ok_or(TokenError::Subject)?
            .to_owned();
        Ok(AccessToken {
            sub,
            expires_at,
            claims,
            digest: None,
        })
    }
}

impl AccessToken {
    /// Returns the token with the digest of its compact form.
    pub(super) fn with_digest(self, digest: TokenDigest) -> Self {
        Self {
            digest: Some(digest),
            ..self
        }
    }

    /// Returns the digest of the token's compact form.
    pub fn digest(&self) -> Option<&TokenDigest> {
        self.digest.as_ref()
    }

    /// Returns the subject: an Auth0 user id or a client id.
    pub fn sub(&self) -> &str {
        &self.sub
    }

    /// Returns all claims.
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// Returns the time at which the token expires: its `exp`.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// Returns the events that the token grants access to, or `None` without a permission.
    pub fn filter(&self) -> Option<Filter> {
        Filter::granted_by(&self.claims)
    }

    /// Checks that the token grants access to the events and sockets of all users.
    ///
    /// # Errors
    ///
    /// - [`ApiError::RestrictedToOwnEvents`] if the token has [`LISTEN_TO_ALL`], but also
    ///   [`LISTEN_TO_OWN`], which takes precedence.
    /// - [`ApiError::InsufficientScope`] if the token lacks [`LISTEN_TO_ALL`].
    pub fn authorize_all_users(&self) -> Result<()> {
        match self.filter() {
            Some(Filter::All) => Ok(()),
            Some(Filter::Own) if has_permission(&self.claims, LISTEN_TO_ALL) => {
                Err(ApiError::RestrictedToOwnEvents)
            }
            Some(Filter::Own) | None => Err(ApiError::InsufficientScope {
                needed: LISTEN_TO_ALL,
            }),
        }
    }
}

impl Filter {
    /// Returns the events that the claims of a token grant access to, or `None` without a
    /// permission. The permission for the subject's own events takes precedence: a token that has
    /// it grants nothing else, on sockets and on every endpoint.
    pub fn granted_by(claims: &Map<String, Value>) -> Option<Self> {
        if has_permission(claims, LISTEN_TO_OWN) {
            Some(Self::Own)
        } else if has_permission(claims, LISTEN_TO_ALL) {
            Some(Self::All)
        } else {
            None
        }
    }
}

/// Returns whether a token has a permission: as a word of its `scope`, or as an element of its
/// `permissions`.
fn has_permission(claims: &Map<String, Value>, permission: &str) -> bool {
    let scope = claims.get("scope").and_then(Value::as_str);
    let permissions = claims.get("permissions").and_then(Value::as_array);
    scope.is_some_and(|scope| scope.split(' ').any(|word| word == permission))
        || permissions.is_some_and(|granted| granted.iter().any(|one| one == permission))
}
