//! Copies of the leader's key sets, for the Worker and for shards.
//!
//! Only the leader fetches key sets, so each issuer receives one request. The Worker and the shards
//! cache copies and refresh them from the leader when `needs_fetch` requires it. A new isolate first looks for the copy that
//! other isolates share. Copies contain public keys and nothing about users.

use std::{cell::RefCell, collections::HashMap};

use session_events_core::{
    json::JsonObject, protocol::object_request::ObjectRequest, tokens::cached_key_set::CachedKeySet,
};

use super::{clock, shared_cache, tenant_stub::TenantStub, verifier::KeySetSource};
use crate::Result;

/// Maximum number of copies in memory. An isolate rarely uses as many issuers.
const MAX_COPIES: usize = 256;
/// Seconds for which isolates share a copy: as long as it can be fresh.
const SHARED_SECONDS: u32 = 10 * 60;

thread_local! {
    #[expect(
        clippy::disallowed_types,
        reason = "public keys, cached by their configured URL"
    )]
    static COPIES: RefCell<HashMap<String, CachedKeySet>> = RefCell::default();
}

/// The key sets of a tenant, as copies of the leader's.
pub(crate) struct KeySetCache<'a>(pub(crate) TenantStub<'a>);

impl KeySetSource for KeySetCache<'_> {
    async fn key_set(&self, jwks_uri: &str, kid: &str) -> Result<CachedKeySet> {
        match find_copy(jwks_uri, kid).await {
            Some(copy) => Ok(copy),
            None => self.fetch_from_leader(jwks_uri, kid).await,
        }
    }
}

impl KeySetCache<'_> {
    async fn fetch_from_leader(&self, jwks_uri: &str, kid: &str) -> Result<CachedKeySet> {
        let request = ObjectRequest::KeySet {
            jwks_uri: jwks_uri.to_owned(),
            kid: kid.to_owned(),
        };
        let key_set: CachedKeySet = self.0.call(&request).await?;
        store_copy(jwks_uri, &key_set);
        if let Ok(json) = serde_json::to_string(&key_set) {
            shared_cache::write(jwks_uri, &json, SHARED_SECONDS).await;
        }
        Ok(key_set)
    }
}

/// Returns a copy from memory or from the shared cache, unless a token with this `kid` requires a
/// refresh.
async fn find_copy(jwks_uri: &str, kid: &str) -> Option<CachedKeySet> {
    let is_sufficient = |copy: &CachedKeySet| !copy.needs_fetch(kid, clock::now());
    let in_memory = COPIES.with_borrow(|copies| copies.get(jwks_uri).cloned());
    if let Some(copy) = in_memory.filter(is_sufficient) {
        return Some(copy);
    }
    let json = shared_cache::read(jwks_uri).await?;
    let JsonObject(shared) = serde_json::from_str(&json).ok()?;
    let shared = Some(shared).filter(is_sufficient)?;
    store_copy(jwks_uri, &shared);
    Some(shared)
}

fn store_copy(jwks_uri: &str, copy: &CachedKeySet) {
    COPIES.with_borrow_mut(|copies| {
        if copies.len() >= MAX_COPIES {
            copies.clear();
        }
        copies.insert(jwks_uri.to_owned(), copy.clone());
    });
}
