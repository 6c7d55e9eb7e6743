//! Copies of the key sets that a tenant's root object has.
//!
//! That object is the one that fetches from an issuer, so that however many places need a key set
//! at once, the issuer is asked once. Whoever else verifies tokens holds copies of what it has and
//! asks it again by the same rule by which it asks the issuer. An isolate that has no copy, because
//! it has just started, takes the one that others have left. The copies are public keys, held by
//! where they came from; nothing of a tenant's users is among them.

use std::{cell::RefCell, collections::HashMap};

use session_events_core::{
    error::Fault, hub_request::HubRequest, json, cached_key_set::CachedKeySet, object::Object,
};

use crate::{clock, shared_cache, tenant_object::TenantObject};

/// How many copies are held before all are let go; an isolate seldom sees as many issuers.
const MAX_COPIES: usize = 256;
/// How long a copy is shared, in seconds: as long as it may be fresh.
const SHARED_SECONDS: u32 = 10 * 60;

thread_local! {
    static COPIES: RefCell<HashMap<String, CachedKeySet>> = RefCell::default();
}

/// A tenant's key sets, as whoever asks its root object has them.
pub(crate) struct KeySetCopies<'a>(pub(crate) TenantObject<'a>);

impl KeySetCopies<'_> {
    /// What is known of a key set after doing for this `kid` whatever there is to do.
    pub(crate) async fn look_up(&self, jwks_uri: &str, kid: &str) -> Result<CachedKeySet, Fault> {
        match self.copy(jwks_uri, kid).await {
            Some(copy) => Ok(copy),
            None => self.ask_root(jwks_uri, kid).await,
        }
    }

    /// What there is on this side of the root object: the copy held here, or the one that the
    /// isolates share. Neither where the root must be asked.
    async fn copy(&self, jwks_uri: &str, kid: &str) -> Option<CachedKeySet> {
        let is_enough = |copy: &CachedKeySet| !copy.needs_fetch(kid, clock::now());
        let held = COPIES.with_borrow(|copies| copies.get(jwks_uri).cloned());
        if let Some(copy) = held.filter(is_enough) {
            return Some(copy);
        }
        let shared = shared_cache::read(jwks_uri).await?;
        let Object(shared) = json::read(&shared).ok()?;
        let shared = Some(shared).filter(is_enough)?;
        hold(jwks_uri, &shared);
        Some(shared)
    }

    /// What the root has after doing for this `kid` whatever there was to do.
    async fn ask_root(&self, jwks_uri: &str, kid: &str) -> Result<CachedKeySet, Fault> {
        let request = HubRequest::KeySet(jwks_uri.to_owned(), kid.to_owned());
        let Object(asked): Object<CachedKeySet> = self.0.ask_for(&request).await?.read()?;
        hold(jwks_uri, &asked);
        if let Ok(text) = serde_json::to_string(&asked) {
            shared_cache::write(jwks_uri, &text, SHARED_SECONDS).await;
        }
        Ok(asked)
    }
}

fn hold(jwks_uri: &str, copy: &CachedKeySet) {
    COPIES.with_borrow_mut(|copies| {
        if copies.len() >= MAX_COPIES {
            copies.clear();
        }
        copies.insert(jwks_uri.to_owned(), copy.clone());
    });
}
