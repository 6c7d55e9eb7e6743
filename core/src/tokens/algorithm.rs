//! The signature algorithms of access tokens.

use serde::{Deserialize, Serialize};

/// An accepted signature algorithm: RSA with SHA-256, with one of two paddings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5.
    Rs256,
    /// RSASSA-PSS.
    Ps256,
}

impl Algorithm {
    /// Returns the algorithm with this registered name (RFC 7518, section 3.1). The comparison is
    /// case-sensitive.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "PS256" => Some(Self::Ps256),
            _ => None,
        }
    }
}
