//! A cached key set, and the decision when to fetch it again.
//!
//! The decision depends only on the times of the last fetch and of the last failures:
//!
//! | Cached keys | Fetched |
//! |---|---|
//! | usable, and the token's key is known | at most once in ten minutes |
//! | usable, but the token's key is unknown | at most once in thirty seconds |
//! | usable, and the last fetch failed | at most once in thirty seconds |
//! | none usable | for every token; after five failures in a row, at most once in five seconds |

use serde::{Deserialize, Serialize};

use super::{
    algorithm::Algorithm,
    key_set::{KeySet, SigningKey},
};
use crate::{Result, error::ApiError, timestamp::Timestamp};

/// Number of seconds for which a set is used without another fetch.
const FRESH_SECONDS: i64 = 10 * 60;
/// Number of seconds for which a set is usable while fetches fail.
const USABLE_SECONDS: i64 = 24 * 60 * 60;
/// Minimum number of seconds between fetches for unknown keys, and after a failed fetch.
const REFETCH_SECONDS: i64 = 30;
/// Number of failures in a row after which fetches pause if no set is usable. Until then every
/// token causes a fetch, so the Worker uses a recovered issuer at once.
const MAX_FAILURES_WITHOUT_PAUSE: u32 = 5;
/// Length of that pause in seconds. Clients receive the same number in `Retry-After`.
const PAUSE_SECONDS: i64 = 5;

/// A key set and the history of its fetches. The default is a set that was never fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CachedKeySet {
    keys: KeySet,
    /// The time of the last successful fetch.
    fetched_at: Option<Timestamp>,
    /// The time of the last successful fetch that an unknown key caused or that did not find the
    /// requested key.
    unknown_kid_at: Option<Timestamp>,
    /// The time of the last failed fetch, unless a later one succeeded.
    failed_at: Option<Timestamp>,
    /// Number of failed fetches since the last successful one.
    failures: u32,
}

impl CachedKeySet {
    /// Returns the set to cache after `keys` were fetched for a token with this `kid`.
    pub fn after_fetch(keys: KeySet, kid: &str, before: &Self, now: Timestamp) -> Self {
        // A fresh set is fetched again only because of an unknown key.
        let is_for_unknown_key = before.is_fresh(now);
        let unknown_kid_at = if is_for_unknown_key || !keys.contains(kid) {
            Some(now)
        } else {
            before.unknown_kid_at
        };
        Self {
            keys,
            fetched_at: Some(now),
            unknown_kid_at,
            failed_at: None,
            failures: 0,
        }
    }

    /// Returns the set to cache after a fetch failed. The keys stay the same.
    pub fn after_failure(self, now: Timestamp) -> Self {
        Self {
            failed_at: Some(now),
            failures: self.failures.saturating_add(1),
            ..self
        }
    }

    /// Returns the time of the last successful fetch.
    pub fn fetched_at(&self) -> Option<Timestamp> {
        self.fetched_at
    }

    /// Returns the time of the last fetch if it failed.
    pub fn failed_at(&self) -> Option<Timestamp> {
        self.failed_at
    }

    fn usable_keys(&self, now: Timestamp) -> Option<&KeySet> {
        is_recent(self.fetched_at, USABLE_SECONDS, now).then_some(&self.keys)
    }

    fn is_fresh(&self, now: Timestamp) -> bool {
        is_recent(self.fetched_at, FRESH_SECONDS, now)
    }

    /// Returns whether a token with this `kid` requires a fetch.
    pub fn needs_fetch(&self, kid: &str, now: Timestamp) -> bool {
        let Some(keys) = self.usable_keys(now) else {
            return self.failures < MAX_FAILURES_WITHOUT_PAUSE
                || !is_recent(self.failed_at, PAUSE_SECONDS, now);
        };
        if is_recent(self.failed_at, REFETCH_SECONDS, now) {
            return false;
        }
        if !self.is_fresh(now) {
            return true;
        }
        !keys.contains(kid) && !is_recent(self.unknown_kid_at, REFETCH_SECONDS, now)
    }

    /// Returns the key for a token. Call it when no fetch is needed, or after the fetch.
    ///
    /// # Errors
    ///
    /// - [`ApiError::KeysUnavailable`] if no keys are usable. The token may still be valid.
    /// - The errors of [`KeySet::signing_key`].
    pub fn signing_key(
        &self,
        kid: &str,
        algorithm: Algorithm,
        now: Timestamp,
    ) -> Result<SigningKey> {
        let keys = self.usable_keys(now).ok_or(ApiError::KeysUnavailable)?;
        Ok(keys.signing_key(kid, algorithm)?.clone())
    }
}

/// Returns whether `time` is less than this many seconds ago.
fn is_recent(time: Option<Timestamp>, seconds: i64, now: Timestamp) -> bool {
    time.is_some_and(|time| time.is_within(seconds, now))
}

#[cfg(test)]
mod tests;
