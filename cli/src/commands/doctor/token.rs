//! Checks the claims of an access token. The signature is not verified: the Worker does that.

use std::time::{SystemTime, UNIX_EPOCH};

use jwt_compact::UntrustedToken;
use serde_json::{Map, Value};
use session_events_core::{
    protocol::filter::Filter,
    tokens::{
        access_token::{LISTEN_TO_ALL, LISTEN_TO_OWN},
        signature,
    },
};

use crate::error::Result;

use super::report::Finding;

pub(in crate::commands) type Claims = Map<String, Value>;

/// Checks the audience, expiry, subject and permissions. Returns a warning if only the issuer
/// differs.
pub(super) fn check_claims(token: &str, audience: &str, issuer: &str) -> Result<Finding> {
    let claims = read_claims(token).ok_or(
        "the access token is not a JSON Web Token: request it with an audience, because Auth0 returns an opaque token otherwise",
    )?;
    if !has_audience(&claims, audience) {
        return Err(format!(
            "the token is not for the audience {audience}: request it with this audience, or set --audience to the AUDIENCE of the Worker"
        )
        .into());
    }
    let remaining = seconds_until_expiry(&claims)
        .filter(|seconds| *seconds > 0)
        .ok_or("the token has expired: get a new one")?;
    let subject = text_claim(&claims, "sub");
    if subject.is_empty() {
        return Err(
            "the token has no subject (sub): get one that was issued to a user or an application"
                .into(),
        );
    }
    let events_of = match Filter::granted_by(&claims) {
        Some(Filter::Own) => "its own events",
        Some(Filter::All) => "the events of all users",
        None => {
            return Err(format!(
                "the token of {subject} has neither the permission {LISTEN_TO_OWN} nor {LISTEN_TO_ALL}: grant the application one of them on the API"
            )
            .into());
        }
    };
    let message = format!("{subject} may receive {events_of}, for another {remaining} s");
    let token_issuer = text_claim(&claims, "iss");
    if token_issuer == issuer {
        return Ok(Finding::Passed(message));
    }
    // The Worker may accept further issuers in TENANTS, which this program does not know.
    Ok(Finding::Warning(format!(
        "{message}; it was issued by {token_issuer} instead of {issuer}: if access is refused, use a token of this tenant, or add the issuer to the tenant's issuers in TENANTS and set --issuer"
    )))
}

/// Returns true if the token is limited to the events of its own user.
pub(super) fn is_limited_to_own_events(token: &str) -> bool {
    read_claims(token).and_then(|claims| Filter::granted_by(&claims)) == Some(Filter::Own)
}

/// Returns the claims of a token without verifying its signature.
pub(in crate::commands) fn read_claims(token: &str) -> Option<Claims> {
    let token = UntrustedToken::new(token).ok()?;
    let claims = token.deserialize_claims_unchecked::<Claims>().ok()?;
    let mut all = claims.custom;
    if let Some(expiration) = claims.expiration {
        all.insert("exp".into(), expiration.timestamp().into());
    }
    Some(all)
}

fn text_claim<'a>(claims: &'a Claims, name: &str) -> &'a str {
    claims.get(name).and_then(Value::as_str).unwrap_or_default()
}

pub(in crate::commands) fn has_audience(claims: &Claims, audience: &str) -> bool {
    signature::has_audience(claims.get("aud"), |accepted| accepted == audience)
}

fn seconds_until_expiry(claims: &Claims) -> Option<i64> {
    let expiry = claims.get("exp").and_then(Value::as_i64)?;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    expiry.checked_sub(i64::try_from(now).ok()?)
}
