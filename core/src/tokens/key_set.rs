//! An issuer's public keys, and when to fetch them again.
//!
//! A [`KeySet`] holds only keys that may check a signature here, so whoever finds a key in it
//! need not ask whether it is fit. A [`CachedKeySet`] remembers when it was fetched and what came
//! of later tries, and from that alone it is decided whether to fetch: at most once in ten
//! minutes as long as every token names a key that is known, once in thirty seconds when tokens
//! name unknown ones, and not at all through thirty seconds after a failure as long as the old
//! set will do. Where there is none, each token is a new try; but from the fifth failure in a row
//! on, there is one in five seconds.
//!
//! Source: RFC 7517 (JSON Web Key), Auth0 "JSON Web Key Sets" and "Signing Keys".

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    error::{ApiError, TokenError},
    json::{JsonObject, objects},
    timestamp::Timestamp,
    tokens::algorithm::Algorithm,
};

/// The longest key set that is taken, in bytes.
pub const MAX_KEY_SET_BYTES: usize = 64 * 1024;
/// How long an issuer may take to answer, in milliseconds.
pub const FETCH_TIMEOUT_MILLIS: u64 = 5_000;

/// How long a set is used without asking again, in seconds.
const FRESH_SECONDS: i64 = 10 * 60;
/// How long a set serves when it cannot be had anew, in seconds.
const STALE_SECONDS: i64 = 24 * 60 * 60;
/// How long a try for an unknown key, or one that failed, is not repeated, in seconds.
const PAUSE_SECONDS: i64 = 30;
/// How many tries in a row may fail before there is a pause, where no set serves meanwhile: an
/// issuer that is back is noticed at once, and one that is not is left alone.
const TRIES: u32 = 5;
/// That pause, in seconds. Whoever is turned away is told to come back after as long.
const RETRY_SECONDS: i64 = 5;

/// The bits that an RSA key must have at least (RFC 7518, section 3.3), and at most so that
/// checking a signature stays cheap.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// The public exponents that a key may have.
const EXPONENTS: [u32; 4] = [3, 17, 37, 65_537];

/// An RSA public key that may check signatures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningKey {
    kid: String,
    /// The one algorithm that the issuer restricts the key to, where it does.
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

/// A text that is not a key set.
#[derive(Debug, PartialEq, Eq)]
pub struct NotAKeySet;

#[derive(Deserialize)]
struct RawKeySet {
    keys: Vec<Value>,
}

impl KeySet {
    /// Reads a key set as an issuer serves it. Keys that are of no use here are left out, as RFC
    /// 7517, section 5, has it; an issuer may have others for other purposes.
    ///
    /// # Errors
    ///
    /// [`NotAKeySet`] where the text is not an object with a list `keys`.
    pub fn from_json(json: &str) -> Result<Self, NotAKeySet> {
        let JsonObject(raw): JsonObject<RawKeySet> =
            serde_json::from_str(json).map_err(|_| NotAKeySet)?;
        let keys = raw.keys.iter().filter_map(usable_key).collect();
        Ok(Self { keys })
    }

    /// Whether no key in it is fit to check a signature here.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether any usable key has this id.
    pub fn holds(&self, kid: &str) -> bool {
        self.keys.iter().any(|key| key.kid == kid)
    }

    /// The one key with this id that may check this algorithm.
    ///
    /// # Errors
    ///
    /// [`TokenError::UnknownKey`] without one, [`TokenError::AmbiguousKey`] with several: to try
    /// each would let an attacker choose.
    pub fn signing_key(&self, kid: &str, algorithm: Algorithm) -> Result<&SigningKey, TokenError> {
        let mut fit = self
            .keys
            .iter()
            .filter(|key| key.kid == kid && key.algorithm.is_none_or(|only| only == algorithm));
        let key = fit.next().ok_or(TokenError::UnknownKey)?;
        match fit.next() {
            None => Ok(key),
            Some(_) => Err(TokenError::AmbiguousKey),
        }
    }
}

fn usable_key(raw: &Value) -> Option<SigningKey> {
    // What is null is as good as not there.
    let member = |name: &str| raw.get(name).filter(|value| !value.is_null());
    let text = |name: &str| member(name)?.as_str();
    let for_signing = member("use").is_none_or(|usage| usage == "sig");
    let for_checking = member("key_ops").is_none_or(|operations| {
        let operations = operations.as_array().map(Vec::as_slice);
        let operations = operations.unwrap_or_default();
        operations.iter().all(Value::is_string) && operations.iter().any(|one| one == "verify")
    });
    let algorithm = match member("alg") {
        None => None,
        Some(name) => Some(Algorithm::parse(name.as_str()?)?),
    };
    let (kid, n, e) = (text("kid")?, text("n")?, text("e")?);
    // Anybody can sign with a key that is published whole, with its private exponent.
    let is_private = member("d").is_some();
    let fit = text("kty")? == "RSA"
        && !is_private
        && for_signing
        && for_checking
        && MODULUS_BITS.contains(&modulus_bits(n)?)
        && is_exponent(e)?;
    fit.then(|| SigningKey {
        kid: kid.to_owned(),
        algorithm,
        n: n.to_owned(),
        e: e.to_owned(),
    })
}

fn modulus_bits(n: &str) -> Option<usize> {
    let bytes = Base64UrlUnpadded::decode_vec(n).ok()?;
    let mut significant = bytes.iter().skip_while(|byte| **byte == 0);
    let top = significant.next()?.checked_ilog2()?;
    let below = significant.count().checked_mul(8)?;
    below
        .checked_add(usize::try_from(top).ok()?)?
        .checked_add(1)
}

/// Whether the runtime's cryptography takes it. No others are seen in practice, and those that are
/// small, even or huge weaken the key or make it costly.
fn is_exponent(e: &str) -> Option<bool> {
    let bytes = Base64UrlUnpadded::decode_vec(e).ok()?;
    let value = bytes.iter().try_fold(0_u32, |value, byte| {
        value.checked_mul(256)?.checked_add(u32::from(*byte))
    })?;
    Some(EXPONENTS.contains(&value))
}

/// A key set as it is kept, with what is known of when it was had; as its default, one that was
/// never tried to be had.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CachedKeySet {
    keys: KeySet,
    /// When it was fetched, unless it was never to be had.
    fetched_at: Option<Timestamp>,
    /// When it was last fetched, and in vain or not, because a token named an unknown key.
    unknown_kid_at: Option<Timestamp>,
    /// When it was last tried to fetch it and that failed.
    failed_at: Option<Timestamp>,
    /// How many tries in a row have failed.
    failures: u32,
}

impl CachedKeySet {
    /// What to keep after `keys` were fetched for a token that names `kid`.
    pub fn fetched(keys: KeySet, kid: &str, before: &Self, now: Timestamp) -> Self {
        let for_an_unknown_kid = before.is_fresh(now);
        Self {
            fetched_at: Some(now),
            unknown_kid_at: if for_an_unknown_kid || !keys.holds(kid) {
                Some(now)
            } else {
                before.unknown_kid_at
            },
            failed_at: None,
            failures: 0,
            keys,
        }
    }

    /// What to keep after a fetch failed: what there was before.
    pub fn failed(self, now: Timestamp) -> Self {
        Self {
            failed_at: Some(now),
            failures: self.failures.saturating_add(1),
            ..self
        }
    }

    /// When it was fetched, unless it was never to be had.
    pub fn fetched_at(&self) -> Option<Timestamp> {
        self.fetched_at
    }

    /// When it was last tried to fetch it anew, if that failed.
    pub fn failed_at(&self) -> Option<Timestamp> {
        self.failed_at
    }

    /// The keys, as long as they may be used at all.
    fn keys(&self, now: Timestamp) -> Option<&KeySet> {
        within(self.fetched_at, STALE_SECONDS, now).then_some(&self.keys)
    }

    fn is_fresh(&self, now: Timestamp) -> bool {
        within(self.fetched_at, FRESH_SECONDS, now)
    }

    /// Whether a token that names `kid` calls for a fetch.
    pub fn needs_fetch(&self, kid: &str, now: Timestamp) -> bool {
        match self.keys(now) {
            None => self.failures < TRIES || !within(self.failed_at, RETRY_SECONDS, now),
            Some(_) if within(self.failed_at, PAUSE_SECONDS, now) => false,
            Some(_) if !self.is_fresh(now) => true,
            Some(keys) => !keys.holds(kid) && !within(self.unknown_kid_at, PAUSE_SECONDS, now),
        }
    }

    /// The key to judge a token by once no fetch is called for, or the one that was has failed.
    ///
    /// # Errors
    ///
    /// [`ApiError::TemporarilyUnavailable`] where no keys are kept, or none that may still be used:
    /// that is not the token's fault. Otherwise what [`KeySet::signing_key`] says.
    pub fn signing_key(
        &self,
        kid: &str,
        algorithm: Algorithm,
        now: Timestamp,
    ) -> Result<SigningKey, ApiError> {
        let keys = self.keys(now).ok_or(ApiError::TemporarilyUnavailable)?;
        Ok(keys.signing_key(kid, algorithm)?.clone())
    }
}

fn within(moment: Option<Timestamp>, seconds: i64, now: Timestamp) -> bool {
    moment.is_some_and(|moment| moment.is_within(seconds, now))
}

#[cfg(test)]
mod tests;
