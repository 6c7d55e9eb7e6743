//! A digest that identifies a token without revealing it.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The SHA-256 of a token in compact form. Two equal digests mean the same token, with the same
/// signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenDigest(String);

impl TokenDigest {
    /// Returns the digest of a token.
    pub fn of(token: &str) -> Self {
        Self(Base64UrlUnpadded::encode_string(&Sha256::digest(token)))
    }
}
