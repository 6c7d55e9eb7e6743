//! From a string to claims that may be trusted.
//!
//! There is one way to an [`AccessToken`]: [`verify`], which takes the steps in the only order that
//! is safe, most of them by [`verify_issued`]. The header may choose nothing but which of two
//! algorithms and which of the issuer's own keys; the claims are not looked at, but for the issuer
//! that they must come from, until the signature over them has been checked. No token is ever the
//! reason for a fetch from anywhere but the tenant's own issuer.
//!
//! Source: RFC 7519 and RFC 8725 (JSON Web Tokens and their best practices), RFC 9068 (the
//! profile for access tokens), Auth0 "Access Token Profiles".

use std::future::Future;

use jwt_compact::{Claims, UntrustedToken};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use crate::{
    error::{ApiError, TokenError},
    json::NoDuplicateKeys,
    tenant::{Tenant, config::Config},
    timestamp::Timestamp,
    tokens::key_set::SigningKey,
};

/// The longest token that is looked at, in bytes.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// The longest `sub` that is taken, in bytes; no user id is that long.
const MAX_SUBJECT_BYTES: usize = 1_024;
/// How deep the claims may be nested: far less than a reader of JSON puts up with, so that they can
/// be handed on inside of something else.
const MAX_CLAIMS_DEPTH: usize = 64;
/// How far `nbf` and `iat` may lie ahead of this clock, in seconds.
const CLOCK_SKEW_SECONDS: i64 = 60;

/// The right to be told of everybody's events.
pub const LISTEN_TO_ALL: &str = "listen:events";
/// The right to be told of one's own events.
pub const LISTEN_TO_OWN: &str = "listen:events:self";

/// What verification needs of the world.
pub trait Verifier {
    /// The time.
    fn now(&self) -> Timestamp;

    /// The key that a token names, from the issuer whose key set is at `jwks_uri`.
    ///
    /// # Errors
    ///
    /// What [`CachedKeySet::signing_key`](crate::key_set::CachedKeySet::signing_key) says.
    fn signing_key(
        &self,
        jwks_uri: &str,
        kid: &str,
        algorithm: Algorithm,
    ) -> impl Future<Output = Result<SigningKey, ApiError>>;

    /// Whether `signature` over `message` was made with the private half of `key`.
    ///
    /// # Errors
    ///
    /// [`ApiError::Internal`] where it cannot be told.
    fn check_signature(
        &self,
        algorithm: Algorithm,
        key: &SigningKey,
        message: &[u8],
        signature: &[u8],
    ) -> impl Future<Output = Result<bool, ApiError>>;
}

/// The claims of a token that one of the tenant's issuers has signed, and whose time it is. Whom it
/// is for has not been looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedToken {
    expires_at: Timestamp,
    claims: Map<String, Value>,
}

/// The claims of a token whose signature, issuer, audience and times have been checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessToken {
    sub: String,
    expires_at: Timestamp,
    claims: Map<String, Value>,
}

/// Verifies a token for a tenant.
///
/// # Errors
///
/// [`ApiError::InvalidToken`] where the token is to blame, [`ApiError::TemporarilyUnavailable`] and
/// [`ApiError::Internal`] where it is not.
pub async fn verify(
    token: &str,
    tenant: &Tenant,
    config: &Config,
    verifier: &impl Verifier,
) -> Result<AccessToken, ApiError> {
    let issued = verify_issued(token, tenant, config, verifier).await?;
    Ok(issued.for_audience(config.audience())?)
}

/// Verifies all of a token but whom it is for and about.
///
/// # Errors
///
/// As [`verify`].
pub async fn verify_issued(
    token: &str,
    tenant: &Tenant,
    config: &Config,
    verifier: &impl Verifier,
) -> Result<IssuedToken, ApiError> {
    let presented = UnverifiedToken::read(token, tenant, config)?;
    let UnverifiedToken { algorithm, .. } = presented;
    let key = verifier
        .signing_key(&presented.jwks_uri, &presented.kid, algorithm)
        .await?;
    let (message, signature) = (presented.message.as_bytes(), &presented.signature);
    let genuine = verifier
        .check_signature(algorithm, &key, message, signature)
        .await?;
    if !genuine {
        return Err(TokenError::Signature.into());
    }
    Ok(check_times(presented.claims, verifier.now())?)
}

/// A token that has been read, and all that it takes to check its signature.
struct UnverifiedToken<'a> {
    algorithm: Algorithm,
    kid: String,
    /// Where the key set is of the issuer that the token names.
    jwks_uri: String,
    /// What has been signed.
    message: &'a str,
    signature: Vec<u8>,
    claims: Claims<Others>,
}

impl<'a> UnverifiedToken<'a> {
    fn read(token: &'a str, tenant: &Tenant, config: &Config) -> Result<Self, TokenError> {
        let untrusted = parse(token)?;
        let algorithm = check_header(&untrusted)?;
        let kid = untrusted.header().key_id.clone();
        let kid = kid.ok_or(TokenError::UnknownKey)?;
        let claims = read_claims(&untrusted)?;
        let iss = claims.custom.0.get("iss").and_then(Value::as_str);
        let issuer = iss
            .and_then(|iss| config.issuer(tenant, iss))
            .ok_or(TokenError::Issuer)?;
        let (message, _) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        Ok(Self {
            algorithm,
            kid,
            jwks_uri: issuer.jwks_uri,
            message,
            signature: untrusted.signature_bytes().to_vec(),
            claims,
        })
    }
}

/// The header parameters that would change how the signature is read, or name a key or a place
/// to fetch one from (RFC 8725, sections 3.1 and 3.10). Their mere presence is enough.
const EXTENSIONS: [&str; 4] = ["crit", "b64", "jwk", "x5c"];

/// What the library does not know of a header, or of claims. What stands there twice could be read
/// one way here and another way elsewhere, so such a token is not taken (RFC 7515, section 4; RFC
/// 7519, section 4).
type Others = NoDuplicateKeys<Value>;

fn parse(token: &str) -> Result<UntrustedToken<'_, Others>, TokenError> {
    if token.is_empty() {
        return Err(TokenError::Missing);
    }
    if token.len() > MAX_TOKEN_BYTES {
        return Err(TokenError::TooLong);
    }
    UntrustedToken::try_from(token).map_err(|_| TokenError::Malformed)
}

fn check_header(token: &UntrustedToken<'_, Others>) -> Result<Algorithm, TokenError> {
    let header = token.header();
    let NoDuplicateKeys(others) = &header.other_fields;
    if EXTENSIONS.iter().any(|name| others.contains_key(*name))
        || header.key_set_url.is_some()
        || header.certificate_url.is_some()
    {
        return Err(TokenError::Header);
    }
    let typ = header.token_type.as_deref();
    if typ.is_some_and(|typ| {
        !["JWT", "at+jwt"]
            .iter()
            .any(|taken| typ.eq_ignore_ascii_case(taken))
    }) {
        return Err(TokenError::Type);
    }
    Algorithm::parse(token.algorithm()).ok_or(TokenError::Algorithm)
}

fn read_claims(token: &UntrustedToken<'_, Others>) -> Result<Claims<Others>, TokenError> {
    let claims: Claims<Others> = token
        .deserialize_claims_unchecked()
        .map_err(|_| TokenError::Malformed)?;
    let shallow = claims.custom.0.values().map(depth).max() < Some(MAX_CLAIMS_DEPTH);
    shallow.then_some(claims).ok_or(TokenError::Malformed)
}

/// How many arrays and objects lie within one another.
fn depth(value: &Value) -> usize {
    let deepest = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(members) => members.values().map(depth).max(),
        _ => return 0,
    };
    deepest.unwrap_or_default().saturating_add(1)
}

fn check_times(claims: Claims<Others>, now: Timestamp) -> Result<IssuedToken, TokenError> {
    let times = [
        ("exp", claims.expiration),
        ("nbf", claims.not_before),
        ("iat", claims.issued_at),
    ];
    let expires_at = Timestamp::from(claims.expiration.ok_or(TokenError::Expired)?);
    let NoDuplicateKeys(others) = claims.custom;
    // Put in one by one: to collect them would take a sorting algorithm along.
    let mut claims = Map::new();
    claims.extend(others);

    if now >= expires_at {
        return Err(TokenError::Expired);
    }
    let horizon = now.plus_seconds(CLOCK_SKEW_SECONDS);
    for (name, time) in times {
        let Some(time) = time else { continue };
        if name != "exp" && Timestamp::from(time) > horizon {
            return Err(TokenError::NotYetValid);
        }
        claims.insert(name.to_owned(), time.timestamp().into());
    }
    Ok(IssuedToken { expires_at, claims })
}

impl IssuedToken {
    /// All of its claims.
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// The token as one that is meant for this audience, and is about somebody.
    fn for_audience(self, audience: &str) -> Result<AccessToken, TokenError> {
        let Self { expires_at, claims } = self;
        let meant_for_us = match claims.get("aud") {
            Some(Value::String(one)) => one == audience,
            Some(Value::Array(several)) => several.iter().any(|one| one == audience),
            _ => false,
        };
        if !meant_for_us {
            return Err(TokenError::Audience);
        }
        let sub = claims.get("sub").and_then(Value::as_str);
        let sub = sub.filter(|sub| (1..=MAX_SUBJECT_BYTES).contains(&sub.len()));
        Ok(AccessToken {
            sub: sub.ok_or(TokenError::Subject)?.to_owned(),
            expires_at,
            claims,
        })
    }
}

impl AccessToken {
    /// Who the token is about.
    pub fn sub(&self) -> &str {
        &self.sub
    }

    /// All of its claims.
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// Returns the time at which the token expires: its `exp`.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// Returns whether the token has a permission: a word of its `scope`, or an element of its
    /// `permissions`.
    pub fn has_permission(&self, right: &str) -> bool {
        let scope = self.claims.get("scope").and_then(Value::as_str);
        let permissions = self.claims.get("permissions").and_then(Value::as_array);
        scope.is_some_and(|words| words.split(' ').any(|word| word == right))
            || permissions.is_some_and(|rights| rights.iter().any(|granted| granted == right))
    }

    /// Lets pass whoever may see all of the tenant's events and listeners.
    ///
    /// # Errors
    ///
    /// [`ApiError::InsufficientScope`] for everybody else.
    pub fn authorize_all_users(&self) -> Result<(), ApiError> {
        if self.has_permission(LISTEN_TO_ALL) {
            Ok(())
        } else {
            Err(ApiError::InsufficientScope {
                needed: LISTEN_TO_ALL,
            })
        }
    }
}

#[cfg(test)]
mod tests;
