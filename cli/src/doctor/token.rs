//! What an access token says, as far as it can be told without the issuer's key. Whether it is
//! genuine is for the worker to find out.

use std::time::{SystemTime, UNIX_EPOCH};

use jwt_compact::UntrustedToken;
use serde_json::{Map, Value};

use crate::{address::Address, login::Login};

use super::Finding;

pub(super) const OWN: &str = "listen:events:self";
const ALL: &str = "listen:events";

fn read(token: &str) -> Option<Map<String, Value>> {
    let token = UntrustedToken::new(token).ok()?;
    let claims = token
        .deserialize_claims_unchecked::<Map<String, Value>>()
        .ok()?;
    let mut all = claims.custom;
    if let Some(expiration) = claims.expiration {
        all.insert("exp".into(), expiration.timestamp().into());
    }
    Some(all)
}

/// Checks the claims that the worker will look at.
pub(super) fn claims(token: &str, address: &Address, login: &Login) -> Result<Finding, String> {
    let claims = read(token).ok_or(
        "the access token is not a JSON Web Token: Auth0 gives such a one when it is asked without an audience",
    )?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();

    let audience = claims.get("aud");
    let named = audience.map(|audience| match audience {
        Value::Array(audiences) => audiences.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().into_iter().collect::<Vec<_>>(),
    });
    if !named.is_some_and(|audiences| audiences.contains(&login.audience())) {
        return Err(format!(
            "the token is not for the audience {}: ask for it with this audience, or say by --audience which one the worker has as AUDIENCE",
            login.audience()
        ));
    }
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let remaining = claims
        .get("exp")
        .and_then(Value::as_i64)
        .and_then(|exp| exp.checked_sub(i64::try_from(now).ok()?));
    let Some(remaining) = remaining.filter(|seconds| *seconds > 0) else {
        return Err("the token has expired: get a new one".into());
    };
    if text("sub").is_empty() {
        return Err("the token has no sub, so nobody knows whose it is".into());
    }
    let whose = match (has_right(&claims, OWN), has_right(&claims, ALL)) {
        (false, false) => {
            return Err(format!(
                "the token of {} has neither the permission {OWN} nor {ALL}: grant the application one of them on the API",
                text("sub")
            ));
        }
        (true, _) => "its own events",
        (false, true) => "the events of all users",
    };
    let message = format!(
        "{} may listen to {whose}, for another {remaining} s",
        text("sub")
    );
    let issuer = login.issuer(&address.tenant);
    if text("iss") == issuer {
        return Ok(Finding::Good(message));
    }
    // Only the worker knows its ISSUERS.
    Ok(Finding::Warning(format!(
        "{message}; it is issued by {}, and not by {issuer}: if access is refused, take a token of this tenant, or name the issuer in ISSUERS and by --issuer",
        text("iss")
    )))
}

/// Whether the token is good for the events of its own user alone.
pub(super) fn listens_to_own(token: &str) -> bool {
    read(token).is_some_and(|claims| has_right(&claims, OWN))
}

/// Rights are whole words of `scope`, or elements of `permissions`.
fn has_right(claims: &Map<String, Value>, right: &str) -> bool {
    let scope = claims
        .get("scope")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let permissions = claims.get("permissions").and_then(Value::as_array);
    scope.split(' ').any(|word| word == right)
        || permissions
            .into_iter()
            .flatten()
            .any(|permission| permission == right)
}
