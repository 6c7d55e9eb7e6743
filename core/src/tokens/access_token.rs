//! Verification of access tokens.
//!
//! [`verify`] and [`verify_issued`] are the only ways to obtain a verified token. They check, in
//! this order:
//!
//! 1. the token's size, form and header,
//! 2. that its issuer is one of the tenant's,
//! 3. its signature, with a key of that issuer,
//! 4. its times, and
//! 5. ([`verify`] only) its audience and subject.
//!
//! Until the signature is verified, the header can select only one of two algorithms and one of the
//! issuer's own keys. Of the claims only `iss` is used, and only to find a configured issuer. So a
//! token never causes a request to an unknown host.
//!
//! Source: RFC 7519 and RFC 8725 (JSON Web Tokens and their best practices), RFC 9068 (the
//! profile for access tokens), Auth0 "Access Token Profiles".

use std::future::Future;

use serde_json::{Map, Value};

use super::{algorithm::Algorithm, key_set::SigningKey};
use crate::{Result, error::TokenError, tenant::config::TenantConfig, timestamp::Timestamp};

mod claims;
mod digest;
mod unverified_token;

pub use claims::{AccessToken, IssuedToken, LISTEN_TO_ALL, LISTEN_TO_OWN};
pub use digest::TokenDigest;
pub use unverified_token::MAX_TOKEN_BYTES;
use unverified_token::UnverifiedToken;

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

/// Verifies a token that must be issued for the tenant's audience.
///
/// # Errors
///
/// - [`ApiError::InvalidToken`](crate::error::ApiError::InvalidToken) if the token is invalid.
/// - The other errors of the [`Verifier`] if the token cannot be verified at present.
pub async fn verify(
    token: &str,
    tenant: &TenantConfig,
    verifier: &impl Verifier,
) -> Result<AccessToken> {
    let issued = verify_issued(token, tenant, verifier).await?;
    let verified = issued.for_audience(tenant.audience())?;
    Ok(verified.with_digest(TokenDigest::of(token)))
}

/// Verifies a token of any audience and subject.
///
/// # Errors
///
/// The errors of [`verify`].
pub async fn verify_issued(
    token: &str,
    tenant: &TenantConfig,
    verifier: &impl Verifier,
) -> Result<IssuedToken> {
    let token = UnverifiedToken::parse(token, tenant)?;
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
    Ok(IssuedToken::new(token.claims, verifier.now())?)
}

/// Returns the claims of a token that has been verified before, which the caller knows by its
/// [`TokenDigest`]. Nothing is verified. Returns `None` if the text is not a token.
pub fn decode_claims(token: &str) -> Option<Map<String, Value>> {
    let claims = unverified_token::decode_claims(token).ok()?;
    Some(claims::all_claims(claims))
}

#[cfg(test)]
mod tests;
