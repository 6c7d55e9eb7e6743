//! The checks of a token that come before its signature.

use jwt_compact::{Claims, UntrustedToken};
use serde_json::Value;

use super::algorithm::Algorithm;
use crate::{error::TokenError, json::NoDuplicateKeys, tenant::config::TenantConfig};

/// Maximum size of a token in bytes.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// Maximum nesting depth of the claims. It is well below the limit of JSON parsers, so that the
/// `authenticated` message, which nests the claims, stays within that limit.
const MAX_CLAIMS_DEPTH: usize = 64;
/// Header parameters that change how the signature is verified or contain a key (RFC 8725, sections
/// 3.1 and 3.10). A token is rejected if one is present, whatever its value. `check_header` also
/// rejects `jku` and `x5u`, which `jwt_compact` parses into fields of their own.
const FORBIDDEN_PARAMETERS: [&str; 4] = ["crit", "b64", "jwk", "x5c"];

/// Claims as parsed. Duplicate claims are rejected, because parsers disagree about which value
/// counts (RFC 7519, section 4).
pub(super) type ParsedClaims = Claims<NoDuplicateKeys<Value>>;

/// A parsed token. Duplicate header parameters are rejected, because parsers disagree about which
/// value counts (RFC 7515, section 4).
type ParsedToken<'a> = UntrustedToken<'a, NoDuplicateKeys<Value>>;

/// A token whose signature has not been verified yet.
pub(super) struct UnverifiedToken<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) kid: String,
    /// The URL of the issuer's key set.
    pub(super) jwks_uri: &'a str,
    /// The part of the token that is signed: header and claims, encoded.
    pub(super) signed_part: &'a str,
    pub(super) signature: Vec<u8>,
    pub(super) claims: ParsedClaims,
}

impl<'a> UnverifiedToken<'a> {
    /// Parses a token and finds its issuer among those of the tenant. `accepted_types` are the
    /// accepted values of `typ`, which a token need not have. The comparison is case-insensitive.
    pub(super) fn parse(
        token: &'a str,
        tenant: &'a TenantConfig,
        accepted_types: &[&str],
    ) -> Result<Self, TokenError> {
        let parsed = parse(token)?;
        let algorithm = check_header(&parsed, accepted_types)?;
        let kid = parsed
            .header()
            .key_id
            .clone()
            .ok_or(TokenError::UnknownKey)?;
        let claims = parse_claims(&parsed)?;
        let issuer = claims
            .custom
            .0
            .get("iss")
            .and_then(Value::as_str)
            .and_then(|iss| tenant.issuer(iss))
            .ok_or(TokenError::Issuer)?;
        let (signed_part, _) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        Ok(Self {
            algorithm,
            kid,
            jwks_uri: &issuer.jwks_uri,
            signed_part,
            signature: parsed.signature_bytes().to_vec(),
            claims,
        })
    }
}

/// Returns the claims of a token without any check of its header, its issuer or its signature.
pub(super) fn decode_claims(token: &str) -> Result<ParsedClaims, TokenError> {
    parse_claims(&parse(token)?)
}

fn parse(token: &str) -> Result<ParsedToken<'_>, TokenError> {
    if token.is_empty() {
        return Err(TokenError::Missing);
    }
    if token.len() > MAX_TOKEN_BYTES {
        return Err(TokenError::TooLong);
    }
    UntrustedToken::try_from(token).map_err(|_| TokenError::Malformed)
}

/// Checks the header and returns the signature algorithm.
fn check_header(token: &ParsedToken<'_>, accepted_types: &[&str]) -> Result<Algorithm, TokenError> {
    let header = token.header();
    let NoDuplicateKeys(parameters) = &header.other_fields;
    let has_forbidden_parameter = FORBIDDEN_PARAMETERS
        .iter()
        .any(|name| parameters.contains_key(*name));
    let has_url = header.key_set_url.is_some() || header.certificate_url.is_some();
    if has_forbidden_parameter || has_url {
        return Err(TokenError::Header);
    }
    if let Some(typ) = &header.token_type
        && !accepted_types
            .iter()
            .any(|accepted| accepted.eq_ignore_ascii_case(typ))
    {
        return Err(TokenError::Type);
    }
    Algorithm::parse(token.algorithm()).ok_or(TokenError::Algorithm)
}

fn parse_claims(token: &ParsedToken<'_>) -> Result<ParsedClaims, TokenError> {
    let claims: ParsedClaims = token
        .deserialize_claims_unchecked()
        .map_err(|_| TokenError::Malformed)?;
    // The claims object is itself one level.
    if claims
        .custom
        .0
        .values()
        .any(|claim| depth(claim) >= MAX_CLAIMS_DEPTH)
    {
        return Err(TokenError::Malformed);
    }
    Ok(claims)
}

/// Returns the nesting depth of a value: 0 unless it is an array or an object.
fn depth(value: &Value) -> usize {
    let deepest_child = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(members) => members.values().map(depth).max(),
        _ => return 0,
    };
    deepest_child.unwrap_or_default().saturating_add(1)
}
