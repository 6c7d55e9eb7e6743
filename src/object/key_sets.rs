//! Fetches and caches the key sets of a tenant's issuers.
//!
//! The leader is the only place that fetches key sets, so concurrent requests for a key set share
//! one fetch. A key set is stored before it is used, so it survives hibernation.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use futures::{
    FutureExt,
    future::{LocalBoxFuture, Shared},
};
use session_events_core::{
    protocol::bodies::KeySetHealth, timestamp::Timestamp, tokens::cached_key_set::CachedKeySet,
};
use worker::State;

use crate::{
    Result,
    runtime::{
        clock, key_set_cache::KeySetCache, key_set_fetch::fetch_key_set, log,
        verifier::KeySetSource,
    },
    storage::{database::Database, key_sets::KeySetTable},
};

/// A fetch in flight, shared by all that wait for it.
type Fetch = Shared<LocalBoxFuture<'static, CachedKeySet>>;

/// The key sets of a leader.
pub(super) struct KeySets(Rc<Inner>);

/// The state that fetches in flight share with the [`KeySets`].
struct Inner {
    domain: String,
    table: KeySetTable,
    /// Key sets by their URL.
    cached: RefCell<HashMap<String, CachedKeySet>>,
    /// Fetches in flight by their URL.
    fetches: RefCell<HashMap<String, Fetch>>,
}

/// The source of key sets for an object: its own, or the leader's.
pub(super) enum RoleKeySets<'a> {
    Leader(&'a KeySets),
    Shard(KeySetCache<'a>),
}

impl KeySetSource for RoleKeySets<'_> {
    async fn key_set(&self, jwks_uri: &str, kid: &str) -> Result<CachedKeySet> {
        match self {
            Self::Leader(key_sets) => Ok(key_sets.get(jwks_uri, kid).await),
            Self::Shard(cache) => cache.key_set(jwks_uri, kid).await,
        }
    }
}

impl KeySets {
    /// Returns the key sets of a leader that wakes. `domain` is the tenant's, for log lines.
    pub(super) fn new(state: &Rc<State>, domain: String) -> Self {
        Self(Rc::new(Inner {
            domain,
            table: KeySetTable::new(Database::new(state)),
            cached: RefCell::default(),
            fetches: RefCell::default(),
        }))
    }

    /// Returns a key set. Fetches it first if a token with this `kid` requires it.
    pub(super) async fn get(&self, jwks_uri: &str, kid: &str) -> CachedKeySet {
        let cached = self.0.cached(jwks_uri);
        if !cached.needs_fetch(kid, clock::now()) {
            return cached;
        }
        self.fetch(jwks_uri, kid, cached).await
    }

    /// Returns when a key set was fetched, for the health endpoint.
    pub(super) fn health(&self, jwks_uri: String) -> KeySetHealth {
        let cached = self.0.cached(&jwks_uri);
        KeySetHealth {
            jwks_uri,
            fetched_at: cached.fetched_at().as_ref().map(Timestamp::to_string),
            failed_at: cached.failed_at().as_ref().map(Timestamp::to_string),
        }
    }

    /// Returns the fetch in flight, or begins one. Any waiter drives a shared fetch to completion.
    fn fetch(&self, jwks_uri: &str, kid: &str, previous: CachedKeySet) -> Fetch {
        let mut fetches = self.0.fetches.borrow_mut();
        if let Some(in_flight) = fetches.get(jwks_uri) {
            return in_flight.clone();
        }
        let (inner, kid, uri) = (Rc::clone(&self.0), kid.to_owned(), jwks_uri.to_owned());
        let fetch = async move {
            let key_set = inner.refresh(&uri, &kid, previous).await;
            inner.fetches.borrow_mut().remove(&uri);
            key_set
        };
        let fetch = fetch.boxed_local().shared();
        fetches.insert(jwks_uri.to_owned(), fetch.clone());
        fetch
    }
}

impl Inner {
    /// Returns the cached key set, or an empty one that requires a fetch.
    fn cached(&self, jwks_uri: &str) -> CachedKeySet {
        if let Some(cached) = self.cached.borrow().get(jwks_uri) {
            return cached.clone();
        }
        // A stored key set that cannot be read is fetched again.
        let Ok(Some(stored)) = self.table.load(jwks_uri) else {
            return CachedKeySet::default();
        };
        let mut cached = self.cached.borrow_mut();
        cached.insert(jwks_uri.to_owned(), stored.clone());
        stored
    }

    /// Fetches a key set. If that fails, records the failure; the previous keys stay in use.
    async fn refresh(&self, jwks_uri: &str, kid: &str, previous: CachedKeySet) -> CachedKeySet {
        let key_set = match fetch_key_set(jwks_uri).await {
            Ok(keys) => CachedKeySet::after_fetch(keys, kid, &previous, clock::now()),
            Err(problem) => {
                let detail = format!("{jwks_uri}: {problem}");
                log::warning("key_set_unavailable", &self.domain, &detail);
                previous.after_failure(clock::now())
            }
        };
        self.store(jwks_uri, &key_set);
        key_set
    }

    /// Stores a key set. One that cannot be stored is used until the object hibernates.
    fn store(&self, jwks_uri: &str, key_set: &CachedKeySet) {
        let mut cached = self.cached.borrow_mut();
        cached.insert(jwks_uri.to_owned(), key_set.clone());
        if let Err(error) = self.table.store(jwks_uri, key_set) {
            log::warning("key_set_not_stored", &self.domain, &error.to_string());
        }
    }
}
