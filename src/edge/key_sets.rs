//! The key sets that the Worker judges tokens by.
//!
//! A tenant's object is the one that fetches from an issuer, so that however many places need a
//! key set at once, the issuer is asked once. The Worker holds copies of what the object has and
//! asks it again by the same rule by which the object asks the issuer. The copies are public
//! keys, held by where they came from; nothing of a tenant's users is among them.

use std::{cell::RefCell, collections::HashMap};

use session_events_core::{
    access_token::Algorithm,
    error::Fault,
    hub_request::HubRequest,
    key_set::{CachedKeySet, SigningKey},
};
use worker::RequestInit;

use super::tenant_object::TenantObject;
use crate::{clock, report, verifier::KeySource};

/// How many copies are held before all are let go; an isolate seldom sees as many issuers.
const MAX_COPIES: usize = 256;
/// The object does not look at the URL of a request that is not a client's.
const HUB_URL: &str = "https://hub/key-set";

thread_local! {
    static COPIES: RefCell<HashMap<String, CachedKeySet>> = RefCell::default();
}

/// A tenant's key sets as the Worker has them.
pub(super) struct EdgeKeySets<'a>(pub(super) TenantObject<'a>);

impl EdgeKeySets<'_> {
    /// What the object has after doing for this `kid` whatever there was to do.
    async fn ask_hub(&self, jwks_uri: &str, kid: &str) -> Result<CachedKeySet, Fault> {
        let request = HubRequest::KeySet {
            jwks_uri: jwks_uri.to_owned(),
            kid: kid.to_owned(),
        };
        let asked = self.0.ask(HUB_URL, &request, RequestInit::new()).await;
        let mut response = asked?;
        match response.status_code() {
            200 => response.json().await.map_err(report::internal("key_set")),
            status => Err(Fault::internal("key_set", format_args!("status {status}"))),
        }
    }
}

impl KeySource for EdgeKeySets<'_> {
    async fn signing_key(
        &self,
        jwks_uri: &str,
        kid: &str,
        algorithm: Algorithm,
    ) -> Result<SigningKey, Fault> {
        let now = clock::now();
        let held = COPIES.with_borrow(|copies| {
            let copy = copies.get(jwks_uri)?;
            let enough = !copy.needs_fetch(kid, now);
            enough.then(|| copy.signing_key(kid, algorithm, now))
        });
        if let Some(key) = held {
            return key;
        }
        let copy = self.ask_hub(jwks_uri, kid).await?;
        let key = copy.signing_key(kid, algorithm, clock::now());
        COPIES.with_borrow_mut(|copies| {
            if copies.len() >= MAX_COPIES {
                copies.clear();
            }
            copies.insert(jwks_uri.to_owned(), copy);
        });
        key
    }
}
