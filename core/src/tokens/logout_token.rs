//! Verification of logout tokens.
//!
//! An OpenID provider posts a logout token to each client of a user whose session has ended. It is
//! signed like an access token, but other rules apply to its claims. [`verify`] checks, in this order:
//!
//! 1. the token's size, form, header, issuer and signature, like those of an access token,
//! 2. `events` and the absence of `nonce`, which distinguish it from an ID token,
//! 3. `aud`: one of the tenant's clients,
//! 4. `iat`, `nbf` and `exp`,
//! 5. `jti`, `sub` and `sid`.
//!
//! Source: OpenID Connect Back-Channel Logout 1.0, sections 2.4 and 2.6.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    signature::{Verifier, check_not_in_future, has_audience, verify_signature},
    unverified_token::ParsedClaims,
};
use crate::{
    Result,
    error::{ApiError, LogoutTokenError, TokenError},
    events::event::{MAX_SESSION_ID_BYTES, MAX_USER_ID_BYTES},
    tenant::config::TenantConfig,
    timestamp::Timestamp,
};

/// Accepted values of `typ`. Auth0 sends `JWT`.
const ACCEPTED_TYPES: [&str; 2] = ["JWT", "logout+jwt"];
/// The member of `events` that makes a token a logout token.
const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// Maximum age of a logout token in seconds. Auth0's are valid for two minutes.
const MAX_AGE_SECONDS: i64 = 5 * 60;

/// A verified logout token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutToken {
    /// Identifies the token among those of all issuers: a hash of `iss` and `jti`.
    pub id: String,
    /// The time at which the token was issued.
    pub issued_at: Timestamp,
    /// The user who is logged out.
    pub sub: String,
    /// The session that has ended. `None` means all of the user's sessions.
    pub sid: Option<String>,
}

/// Verifies a logout token.
///
/// # Errors
///
/// - [`ApiError::InvalidLogoutToken`] if the token is invalid.
/// - The other errors of the [`Verifier`] if the token cannot be verified at present.
pub async fn verify(
    token: &str,
    tenant: &TenantConfig,
    verifier: &impl Verifier,
) -> Result<LogoutToken> {
    let claims = verify_signature(token, tenant, &ACCEPTED_TYPES, verifier)
        .await
        .map_err(|error| match error {
            ApiError::InvalidToken(reason) => LogoutTokenError::Token(reason).into(),
            other => other,
        })?;
    let audiences = tenant.logout_token_audiences();
    Ok(LogoutToken::new(&claims, audiences, verifier.now())?)
}

/// Returns whether the claims are those of a logout token.
pub(super) fn has_logout_event(claims: &ParsedClaims) -> bool {
    let event = claims
        .custom
        .0
        .get("events")
        .and_then(|events| events.get(LOGOUT_EVENT));
    event.is_some_and(Value::is_object)
}

impl LogoutToken {
    /// Checks the claims of a token whose signature has been verified.
    fn new(
        claims: &ParsedClaims,
        audiences: &[String],
        now: Timestamp,
    ) -> Result<Self, LogoutTokenError> {
        if !has_logout_event(claims) {
            return Err(LogoutTokenError::NoLogoutEvent);
        }
        if claims.custom.0.contains_key("nonce") {
            return Err(LogoutTokenError::Nonce);
        }
        let is_accepted = |audience: &str| audiences.iter().any(|accepted| audience == accepted);
        if !has_audience(claims.custom.0.get("aud"), is_accepted) {
            return Err(LogoutTokenError::Audience);
        }
        let issued_at = check_times(claims, now)?;
        let jti = text(claims, "jti").ok_or(LogoutTokenError::Jti)?;
        let sid = session_id(claims)?;
        let sub = match (text(claims, "sub"), sid) {
            (Some(sub), _) if sub.len() <= MAX_USER_ID_BYTES => sub,
            (None, Some(_)) => return Err(LogoutTokenError::OnlySession),
            _ => return Err(LogoutTokenError::Subject),
        };
        let iss = text(claims, "iss").unwrap_or_default();
        Ok(Self {
            id: token_id(iss, jti),
            issued_at,
            sub: sub.to_owned(),
            sid: sid.map(str::to_owned),
        })
    }
}

/// Returns the time at which a token was issued, if the token is valid at present.
fn check_times(claims: &ParsedClaims, now: Timestamp) -> Result<Timestamp, LogoutTokenError> {
    let issued_at = claims.issued_at.ok_or(LogoutTokenError::IssuedAt)?;
    let issued_at = Timestamp::from(issued_at);
    if issued_at.plus_seconds(MAX_AGE_SECONDS) < now {
        return Err(LogoutTokenError::IssuedAt);
    }
    let has_expired = |expiration| now >= Timestamp::from(expiration);
    if claims.expiration.is_some_and(has_expired) {
        return Err(LogoutTokenError::Token(TokenError::Expired));
    }
    check_not_in_future(claims, now).map_err(LogoutTokenError::Token)?;
    Ok(issued_at)
}

/// Returns the session that a token names, or `None` if it has no `sid`. An invalid `sid` is an error,
/// because a token without a session logs the user out of all sessions.
fn session_id(claims: &ParsedClaims) -> Result<Option<&str>, LogoutTokenError> {
    match (claims.custom.0.get("sid"), text(claims, "sid")) {
        (None, _) => Ok(None),
        (_, Some(sid)) if sid.len() <= MAX_SESSION_ID_BYTES => Ok(Some(sid)),
        _ => Err(LogoutTokenError::SessionId),
    }
}

/// Returns a claim that is text and not empty.
fn text<'c>(claims: &'c ParsedClaims, name: &str) -> Option<&'c str> {
    let text = claims.custom.0.get(name)?.as_str()?;
    (!text.is_empty()).then_some(text)
}

/// Returns a hash of `iss` and `jti`, separated by a NUL. No issuer contains one, so different pairs
/// have different inputs.
fn token_id(iss: &str, jti: &str) -> String {
    let hash = Sha256::new()
        .chain_update(iss)
        .chain_update([0])
        .chain_update(jti)
        .finalize();
    Base64UrlUnpadded::encode_string(&hash)
}

#[cfg(test)]
mod tests;
