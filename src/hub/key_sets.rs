//! The tenant's key sets, fetched and kept.
//!
//! Whoever needs a key set, the Worker or a socket here, comes to this one place, so all needs
//! that arise while a fetch is under way are met by that fetch. What is known is in storage
//! before it is used, so it outlives the object's sleep.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use futures::{
    FutureExt,
    future::{LocalBoxFuture, Shared},
};
use session_events_core::{
    json, key_set::CachedKeySet, object::Object, protocol::KeySetHealth, timestamp::Timestamp,
};
use worker::{Result, State};

use super::database::Database;
use crate::{clock, outbound, report};

type Fetching = Shared<LocalBoxFuture<'static, CachedKeySet>>;

/// The tenant's key sets, by where they come from.
pub(crate) struct KeySets(Rc<Inner>);

struct Inner {
    domain: String,
    database: Database,
    known: RefCell<HashMap<String, CachedKeySet>>,
    /// By where they come from; a tenant has a few issuers.
    fetching: RefCell<Vec<(String, Fetching)>>,
}

impl KeySets {
    pub(super) fn new(state: &State, domain: String) -> Self {
        Self(Rc::new(Inner {
            domain,
            database: Database::of(state),
            known: RefCell::default(),
            fetching: RefCell::default(),
        }))
    }

    /// What is known of a key set after doing for this `kid` whatever there is to do.
    pub(crate) async fn look_up(&self, jwks_uri: &str, kid: &str) -> CachedKeySet {
        let known = self.0.known(jwks_uri);
        if !known.needs_fetch(kid, clock::now()) {
            return known;
        }
        self.fetching(jwks_uri, kid, known).await
    }

    /// What is known of a key set, as it is told.
    pub(super) fn health(&self, jwks_uri: String) -> KeySetHealth {
        let known = self.0.known(&jwks_uri);
        let moment = |moment: Timestamp| moment.to_string();
        KeySetHealth {
            jwks_uri,
            fetched_at: known.fetched_at().map(moment),
            failed_at: known.failed_at().map(moment),
        }
    }

    /// The fetch that is under way, or a new one.
    fn fetching(&self, jwks_uri: &str, kid: &str, known: CachedKeySet) -> Fetching {
        let mut fetching = self.0.fetching.borrow_mut();
        if let Some((_, under_way)) = fetching.iter().find(|(uri, _)| uri == jwks_uri) {
            return under_way.clone();
        }
        let (inner, kid, uri) = (Rc::clone(&self.0), kid.to_owned(), jwks_uri.to_owned());
        // Whoever waits for it moves it on, so it ends whoever else goes away.
        let fetch = async move {
            let outcome = inner.refresh(&uri, &kid, known).await;
            inner.fetching.borrow_mut().retain(|(of, _)| *of != uri);
            outcome
        };
        let begun = fetch.boxed_local().shared();
        fetching.push((jwks_uri.to_owned(), begun.clone()));
        begun
    }
}

impl Inner {
    fn known(&self, jwks_uri: &str) -> CachedKeySet {
        let known = self.known.borrow().get(jwks_uri).cloned();
        known
            .or_else(|| self.read(jwks_uri).ok().flatten())
            .unwrap_or_default()
    }

    fn read(&self, jwks_uri: &str) -> Result<Option<CachedKeySet>> {
        let row = "SELECT cached FROM key_sets WHERE jwks_uri = ?";
        let rows: Vec<(String,)> = self.database.rows(row, vec![jwks_uri.into()])?;
        let Some((cached,)) = rows.first() else {
            return Ok(None);
        };
        let Object(cached): Object<CachedKeySet> = json::read(cached)?;
        let mut known = self.known.borrow_mut();
        known.insert(jwks_uri.to_owned(), cached.clone());
        Ok(Some(cached))
    }

    /// Fetches a key set; where that fails, what was known before serves on, and the failure is
    /// known from then on.
    async fn refresh(&self, jwks_uri: &str, kid: &str, before: CachedKeySet) -> CachedKeySet {
        let cached = match outbound::fetch_key_set(jwks_uri).await {
            Ok(keys) => CachedKeySet::fetched(keys, kid, &before, clock::now()),
            Err(problem) => {
                let detail = format!("{jwks_uri}: {problem}");
                report::warning("key_set_unavailable", &self.domain, &detail);
                before.failed(clock::now())
            }
        };
        self.keep(jwks_uri, &cached);
        cached
    }

    /// A set that cannot be stored still serves, until the object sleeps.
    fn keep(&self, jwks_uri: &str, cached: &CachedKeySet) {
        let mut known = self.known.borrow_mut();
        known.insert(jwks_uri.to_owned(), cached.clone());
        let row = "INSERT OR REPLACE INTO key_sets (jwks_uri, cached) VALUES (?, ?)";
        let stored = serde_json::to_string(cached)
            .map_err(worker::Error::from)
            .and_then(|json| self.database.run(row, vec![jwks_uri.into(), json.into()]));
        if let Err(error) = stored {
            report::warning("key_set_not_stored", &self.domain, &error.to_string());
        }
    }
}
