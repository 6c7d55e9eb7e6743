//! Verification of access tokens.
//!
//! Only [`verify`] and [`verify_issued`] verify a token. They check, in this order:
//!
//! 1. the token's size, form and header,
//! 2. that its issuer is one of the tenant's,
//! 3. its signature, with a key of that issuer,
//! 4. that it is not a logout token, and its times, and
//! 5. ([`verify`] only) its audience and subject.
//!
//! Source: RFC 7519 and RFC 8725 (JSON Web Tokens and their best practices), RFC 9068 (the
//! profile for access tokens), Auth0 "Access Token Profiles".

use serde_json::{Map, Value};

use super::{
    signature::{Verifier, verify_signature},
    unverified_token,
};
use crate::{Result, tenant::config::TenantConfig};

mod claims;
mod digest;

pub use claims::{AccessToken, IssuedToken, LISTEN_TO_ALL, LISTEN_TO_OWN};
pub use digest::TokenDigest;

/// Accepted values of `typ`.
const ACCEPTED_TYPES: [&str; 2] = ["JWT", "at+jwt"];

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
    let claims = verify_signature(token, tenant, &ACCEPTED_TYPES, verifier).await?;
    Ok(IssuedToken::new(claims, verifier.now())?)
}

/// Returns the claims of a token that has been verified before, which the caller knows by its
/// [`TokenDigest`]. Nothing is verified. Returns `None` if the text is not a token.
pub fn decode_claims(token: &str) -> Option<Map<String, Value>> {
    let claims = unverified_token::decode_claims(token).ok()?;
    Some(claims::all_claims(claims))
}

#[cfg(test)]
mod tests;
