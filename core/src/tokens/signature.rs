//! Verification of a token's signature, which access tokens and logout tokens share.
//!
//! Until the signature is verified, the header can select only one of two algorithms and one of the
//! issuer's own keys. Of the claims only `iss` is used, and only to find a configured issuer. So a
//! token never causes a request to an unknown host.

use std::future::Future;

use serde_json::Value;

use super::{
    algorithm::Algorithm,
    key_set::SigningKey,
    unverified_token::{ParsedClaims, UnverifiedToken},
};
use crate::{Result, error::TokenError, tenant::config::TenantConfig, timestamp::Timestamp};

pub use super::unverified_token::MAX_TOKEN_BYTES;

/// Tolerated clock skew in seconds: how far `nbf` and `iat` may be in the future.
const CLOCK_SKEW_SECONDS: i64 = 60;

/// Returns whether `aud` is or contains an accepted audience.
pub fn has_audience(aud: Option<&Value>, is_accepted: impl Fn(&str) -> bool) -> bool {
    let is_accepted = |audience: &Value| audience.as_str().is_some_and(&is_accepted);
    match aud {
        Some(Value::Array(list)) => list.iter().any(is_accepted),
        Some(single) => is_accepted(single),
        None => false,
    }
}

/// The capabilities of the runtime that verification needs.
pub trait Verifier {
    /// Returns the current time.
    fn now(&self) -> Timestamp;

    /// Returns the key with this id from the key set at `jwks_uri`.
    ///
    /// # Errors
    ///
    /// The errors of
    /// [`CachedKeySet::signing_key`](super::cached_key_set::CachedKeySet::signing_key).
    fn signing_key(
        &self,
        jwks_uri: &str,
        kid: &str,
        algorithm: Algorithm,
    ) -> impl Future<Output = Result<SigningKey>>;

    /// Returns whether `signature` is a valid signature of `message` under `key`.
    ///
    /// # Errors
    ///
    /// [`ApiError::Internal`](crate::error::ApiError::Internal) if the check itself fails.
    fn check_signature(
        &self,
        algorithm: Algorithm,
        key: &SigningKey,
        message: &[u8],
        signature: &[u8],
    ) -> impl Future<Output = Result<bool>>;
}

/// Verifies the header, the issuer and the signature of a token, and returns its claims.
/// `accepted_types` are the accepted values of `typ`.
///
/// # Errors
///
/// - [`ApiError::InvalidToken`](crate::error::ApiError::InvalidToken) if the token is invalid.
/// - The other errors of the [`Verifier`] if the token cannot be verified at present.
pub(super) async fn verify_signature(
    token: &str,
    tenant: &TenantConfig,
    accepted_types: &[&str],
    verifier: &impl Verifier,
) -> Result<ParsedClaims> {
    let token = UnverifiedToken::parse(token, tenant, accepted_types)?;
    let key = verifier
        .signing_key(token.jwks_uri, &token.kid, token.algorithm)
        .await?;
    let is_valid = verifier
        .check_signature(
            token.algorithm,
            &key,
            token.signed_part.as_bytes(),
            &token.signature,
        )
        .await?;
    if !is_valid {
        return Err(TokenError::Signature.into());
    }
    Ok(token.claims)
}

/// Checks that `nbf` and `iat` are not in the future.
pub(super) fn check_not_in_future(claims: &ParsedClaims, now: Timestamp) -> Result<(), TokenError> {
    let latest_start = now.plus_seconds(CLOCK_SKEW_SECONDS);
    let times = [claims.not_before, claims.issued_at];
    let is_in_future = |time| Timestamp::from(time) > latest_start;
    if times.into_iter().flatten().any(is_in_future) {
        return Err(TokenError::NotYetValid);
    }
    Ok(())
}
