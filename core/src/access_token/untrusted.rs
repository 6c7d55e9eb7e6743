//! A token taken apart: what it says, none of it to be believed yet.
//!
//! Source: RFC 7515 (JSON Web Signature), sections 4.1 and 7.1.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error, IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Map, Value};

use super::Algorithm;
use crate::{error::TokenFault, object::Object};

/// How long a SHA-1 digest is, in bytes.
const SHA1_BYTES: usize = 20;
/// How long a SHA-256 digest is, in bytes.
const SHA256_BYTES: usize = 32;

/// A token in compact form.
pub(super) struct Untrusted<'a> {
    header: Header,
    claims: Vec<u8>,
    /// What has been signed.
    pub(super) message: &'a str,
    pub(super) signature: Vec<u8>,
}

/// The header parameters that are looked at.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    cty: Option<String>,
    x5t: Option<String>,
    #[serde(rename = "x5t#S256")]
    x5t_s256: Option<String>,
    jku: Option<String>,
    x5u: Option<String>,
    #[serde(default)]
    crit: Present,
    #[serde(default)]
    b64: Present,
    #[serde(default)]
    jwk: Present,
    #[serde(default)]
    x5c: Present,
}

/// A parameter whose mere presence counts, whatever it is.
#[derive(Default)]
struct Present(bool);

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self(true))
    }
}

impl<'a> Untrusted<'a> {
    pub(super) fn parse(token: &'a str) -> Result<Self, TokenFault> {
        let malformed = TokenFault::Malformed;
        let (message, signature) = token.rsplit_once('.').ok_or(malformed)?;
        let (header, claims) = message.split_once('.').ok_or(malformed)?;
        let header = decode(header)?;
        // What is passed over below has to be well-formed too.
        read::<Value>(&header)?;
        let Object(header) = read::<Object<Header>>(&header)?;
        if !header.is_well_formed() {
            return Err(malformed);
        }
        Ok(Self {
            header,
            claims: decode(claims)?,
            message,
            signature: decode(signature)?,
        })
    }

    /// The algorithm, if the header asks for nothing but what is granted here.
    pub(super) fn check_header(&self) -> Result<Algorithm, TokenFault> {
        if self.header.extends_or_names_keys() {
            return Err(TokenFault::Header);
        }
        let typ = self.header.typ.as_deref();
        if typ.is_some_and(|typ| {
            !["JWT", "at+jwt"]
                .iter()
                .any(|taken| typ.eq_ignore_ascii_case(taken))
        }) {
            return Err(TokenFault::Type);
        }
        Algorithm::parse(&self.header.alg).ok_or(TokenFault::Algorithm)
    }

    /// The key that it says it was signed with.
    pub(super) fn kid(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// Its claims.
    pub(super) fn claims(&self) -> Result<Map<String, Value>, TokenFault> {
        let UniqueClaims(claims) = read(&self.claims)?;
        Ok(claims)
    }
}

fn decode(part: &str) -> Result<Vec<u8>, TokenFault> {
    Base64UrlUnpadded::decode_vec(part).map_err(|_| TokenFault::Malformed)
}

fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, TokenFault> {
    let json = str::from_utf8(json).map_err(|_| TokenFault::Malformed)?;
    serde_json::from_str(json).map_err(|_| TokenFault::Malformed)
}

impl Header {
    /// Whether the content is claims, and what says that it is a digest is one.
    fn is_well_formed(&self) -> bool {
        let is_json = |cty: &str| cty.eq_ignore_ascii_case("json");
        self.cty.as_deref().is_none_or(is_json)
            && is_digest(self.x5t.as_deref(), SHA1_BYTES)
            && is_digest(self.x5t_s256.as_deref(), SHA256_BYTES)
    }

    /// Whether there is a parameter that would change how the signature is read, or that names a
    /// key or a place to fetch one from (RFC 8725, sections 3.1 and 3.10). Their mere presence is
    /// enough.
    fn extends_or_names_keys(&self) -> bool {
        let Self {
            crit,
            b64,
            jwk,
            x5c,
            jku,
            x5u,
            ..
        } = self;
        [crit, b64, jwk, x5c].iter().any(|present| present.0) || jku.is_some() || x5u.is_some()
    }
}

/// Whether this is a digest, if it is anything: of this length, or spelt in letters.
fn is_digest(text: Option<&str>, bytes: usize) -> bool {
    let Some(text) = text else { return true };
    let text = text.strip_suffix('=').unwrap_or(text);
    let text = text.strip_suffix('=').unwrap_or(text);
    decode(text).is_ok_and(|digest| {
        digest.len() == bytes || digest.len() > bytes && str::from_utf8(&digest).is_ok()
    })
}

/// A claim that stands there twice could be read one way here and another way elsewhere, so such a
/// token is not taken (RFC 7519, section 4).
struct UniqueClaims(Map<String, Value>);

impl<'de> Deserialize<'de> for UniqueClaims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Claims;

        impl<'de> Visitor<'de> for Claims {
            type Value = UniqueClaims;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("claims, each of them once")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
                let mut claims = Map::new();
                while let Some((name, value)) = entries.next_entry::<String, Value>()? {
                    if claims.insert(name, value).is_some() {
                        return Err(A::Error::custom("a claim stands there twice"));
                    }
                }
                Ok(UniqueClaims(claims))
            }
        }

        deserializer.deserialize_map(Claims)
    }
}
