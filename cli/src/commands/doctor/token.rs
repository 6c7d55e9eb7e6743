//! Checks the claims of an access token. The signature is not verified: the Worker does that.

use std::time::{SystemTime, UNIX_EPOCH};

use jwt_compact::UntrustedToken;
use serde_json::{Map, Value};

use crate::error::Result;

use super::report::Finding;

const OWN_EVENTS: &str = "listen:events:self";
const ALL_EVENTS: &str = "listen:events";

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
    let events_of = if has_permission(&claims, OWN_EVENTS) {
        "its own events"
    } else if has_permission(&claims, ALL_EVENTS) {
        "the events of all users"
    } else {
        return Err(format!(
            "the token of {subject} has neither the permission {OWN_EVENTS} nor {ALL_EVENTS}: grant the application one of them on the API"
        )
        .into());
    };
    let message = format!("{subject} may receive {events_of}, for another {remaining} s");
    let token_issuer = text_claim(&claims, "iss");
    if token_issuer == issuer {
        return Ok(Finding::Good(message));
    }
    // The Worker may accept further issuers in TENANTS, which this program does not know.
    Ok(Finding::Warning(format!(
        "{message}; it was issued by {token_issuer} instead of {issuer}: if access is refused, use a token of this tenant, or add the issuer to the tenant's issuers in TENANTS and set --issuer"
    )))
}

/// Returns true if the token has the permission for the events of its own user.
pub(super) fn allows_own_events(token: &str) -> bool {
    read_claims(token).is_some_and(|claims| has_permission(&claims, OWN_EVENTS))
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

/// `aud` is a string or an array of strings.
pub(in crate::commands) fn has_audience(claims: &Claims, audience: &str) -> bool {
    match claims.get("aud") {
        Some(Value::Array(audiences)) => audiences.iter().any(|other| other == audience),
        Some(other) => other == audience,
        None => false,
    }
}

fn seconds_until_expiry(claims: &Claims) -> Option<i64> {
    let expiry = claims.get("exp").and_then(Value::as_i64)?;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    expiry.checked_sub(i64::try_from(now).ok()?)
}

/// A permission is a word of `scope` or an element of `permissions`.
fn has_permission(claims: &Claims, permission: &str) -> bool {
    let in_scope = text_claim(claims, "scope")
        .split(' ')
        .any(|word| word == permission);
    let in_permissions = claims
        .get("permissions")
        .and_then(Value::as_array)
        .is_some_and(|permissions| permissions.iter().any(|other| other == permission));
    in_scope || in_permissions
}
