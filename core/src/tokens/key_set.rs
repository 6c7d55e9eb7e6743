//! An issuer's public keys.
//!
//! A [`KeySet`] contains only keys that are suitable for checking the signature of a token.
//!
//! Source: RFC 7517 (JSON Web Key), Auth0 "JSON Web Key Sets" and "Signing Keys".

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::algorithm::Algorithm;
use crate::{
    error::TokenError,
    json::{JsonObject, objects},
};

/// Maximum size of a key set in bytes.
pub const MAX_KEY_SET_BYTES: usize = 64 * 1024;
/// Timeout for fetching a key set, in milliseconds.
pub const FETCH_TIMEOUT_MILLIS: u64 = 5_000;

/// Accepted sizes of an RSA modulus in bits. RFC 7518, section 3.3, requires the minimum. The
/// maximum limits the cost of a signature check.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// Accepted public exponents. The runtime's WebCrypto supports them, and issuers use no others.
/// Even, very small or huge exponents would weaken a key or make it expensive.
const EXPONENTS: [u32; 4] = [3, 17, 37, 65_537];

/// An RSA public key for checking signatures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningKey {
    kid: String,
    /// The only algorithm that the issuer permits for this key. `None` permits every algorithm.
    algorithm: Option<Algorithm>,
    /// The modulus, in base64url.
    pub n: String,
    /// The public exponent, in base64url.
    pub e: String,
}

/// The usable keys of an issuer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeySet {
    #[serde(deserialize_with = "objects")]
    keys: Vec<SigningKey>,
}

/// The error for a text that is not a key set.
#[derive(Debug, PartialEq, Eq)]
pub struct InvalidKeySet;

/// A JSON Web Key Set.
#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Value>,
}

impl KeySet {
    /// Parses the JSON Web Key Set that an issuer serves. Unusable keys are ignored, because an
    /// issuer may publish keys for other purposes (RFC 7517, section 5).
    ///
    /// # Errors
    ///
    /// [`InvalidKeySet`] if the text is not a JSON object with a list `keys`.
    pub fn from_json(json: &str) -> Result<Self, InvalidKeySet> {
        let JsonObject(jwks): JsonObject<Jwks> =
            serde_json::from_str(json).map_err(|_| InvalidKeySet)?;
        let keys = jwks.keys.iter().filter_map(SigningKey::from_jwk).collect();
        Ok(Self { keys })
    }

    /// Returns whether the set has no usable key.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Returns whether any usable key has this id.
    pub fn contains(&self, kid: &str) -> bool {
        self.keys.iter().any(|key| key.kid == kid)
    }

    /// Returns the only key that has this id and permits this algorithm.
    ///
    /// # Errors
    ///
    /// - [`TokenError::UnknownKey`] if there is no such key.
    /// - [`TokenError::AmbiguousKey`] if there are several. Trying each would let an attacker
    ///   choose between them.
    pub fn signing_key(&self, kid: &str, algorithm: Algorithm) -> Result<&SigningKey, TokenError> {
        let mut matching = self
            .keys
            .iter()
            .filter(|key| key.kid == kid && key.permits(algorithm));
        let key = matching.next().ok_or(TokenError::UnknownKey)?;
        match matching.next() {
            None => Ok(key),
            Some(_) => Err(TokenError::AmbiguousKey),
        }
    }
}

impl SigningKey {
    /// Returns the key if it is an RSA public key for checking signatures. A member that is null
    /// counts as absent.
    fn from_jwk(jwk: &Value) -> Option<Self> {
        let member = |name: &str| jwk.get(name).filter(|value| !value.is_null());
        let text = |name: &str| member(name)?.as_str();
        let algorithm = match member("alg") {
            None => None,
            Some(name) => Some(Algorithm::parse(name.as_str()?)?),
        };
        let (kid, n, e) = (text("kid")?, text("n")?, text("e")?);
        // If the private exponent is public, anybody can sign with the key.
        let is_private = member("d").is_some();
        let is_usable = text("kty")? == "RSA"
            && !is_private
            && member("use").is_none_or(|usage| usage == "sig")
            && member("key_ops").is_none_or(permits_verification)
            && MODULUS_BITS.contains(&modulus_bits(n)?)
            && EXPONENTS.contains(&exponent(e)?);
        is_usable.then(|| Self {
            kid: kid.to_owned(),
            algorithm,
            n: n.to_owned(),
            e: e.to_owned(),
        })
    }

    fn permits(&self, algorithm: Algorithm) -> bool {
        self.algorithm
            .is_none_or(|permitted| permitted == algorithm)
    }
}

/// Returns whether `key_ops` is a list of strings that contains `verify`.
fn permits_verification(key_ops: &Value) -> bool {
    key_ops.as_array().is_some_and(|operations| {
        operations.iter().all(Value::is_string)
            && operations.iter().any(|operation| operation == "verify")
    })
}

/// Returns the size of a modulus in bits, without leading zeros.
fn modulus_bits(n: &str) -> Option<usize> {
    let bytes = Base64UrlUnpadded::decode_vec(n).ok()?;
    let mut significant_bytes = bytes.iter().skip_while(|byte| **byte == 0);
    let bits_in_first_byte = significant_bytes.next()?.checked_ilog2()?.checked_add(1)?;
    significant_bytes
        .count()
        .checked_mul(8)?
        .checked_add(usize::try_from(bits_in_first_byte).ok()?)
}

/// Returns the value of a public exponent if it fits into 32 bits.
fn exponent(e: &str) -> Option<u32> {
    let bytes = Base64UrlUnpadded::decode_vec(e).ok()?;
    bytes.iter().try_fold(0_u32, |value, byte| {
        value.checked_mul(256)?.checked_add(u32::from(*byte))
    })
}

#[cfg(test)]
mod tests;
