//! How the root hands its events to the shards.
//!
//! An event is on disk before it is handed on, and stays there until every shard has it. A shard
//! that cannot be reached is tried again by the alarm, which is set before anything is handed on,
//! so a root that is killed in between goes on when it wakes.

use std::{cell::RefMut, rc::Rc};

use session_events_core::{
    error::Fault,
    follower::{Relay, RelayReceipt},
    hub_request::HubRequest,
    shards::{Place, Shards},
    tenant::Tenant,
};
use worker::{Env, Result, State};

use super::{database::Database, event_store, known::Known};
use crate::{report, tenant_object::TenantObject};

pub(super) const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS shards (number INTEGER PRIMARY KEY)";
/// After how many seconds a shard is tried again that could not be reached.
pub(super) const RETRY_SECONDS: i64 = 5;
/// How many times a shard is tried before it is left to the alarm.
const TRIES: usize = 2;
/// What a shard's log calls a request that no client has made.
const REQUEST_ID: &str = "relay";

/// A tenant's shards, as its root sees them.
pub(super) struct Relays(Rc<Inner>);

struct Inner {
    tenant: Tenant,
    env: Env,
    database: Database,
    shards: Known<Shards>,
}

impl Relays {
    pub(super) fn new(state: &State, env: &Env, tenant: Tenant) -> Self {
        Self(Rc::new(Inner {
            tenant,
            env: env.clone(),
            database: Database::of(state),
            shards: Known::new(),
        }))
    }

    /// Has a shard be handed what comes after the newest event.
    pub(super) fn take_in(&self, number: u16, newest: i64) -> Result<()> {
        let known = self
            .0
            .with_shards(newest, |shards| shards.contains(number))?;
        if !known {
            let keep = "INSERT OR IGNORE INTO shards (number) VALUES (?)";
            self.0.database.run(keep, vec![i64::from(number).into()])?;
        }
        self.0
            .with_shards(newest, |shards| shards.ask(number, newest))
    }

    /// Whether there are shards to hand events to.
    pub(super) fn are_any(&self, newest: i64) -> Result<bool> {
        self.0.with_shards(newest, |shards| !shards.is_empty())
    }

    /// Up to which number every shard is known to have all.
    pub(super) fn all_have(&self, newest: i64) -> Result<i64> {
        self.0.with_shards(newest, |shards| shards.all_have())
    }

    /// Begins to hand to every shard what it lacks, as far as it can be reached. A shard that
    /// something is on its way to already is handed the rest with that.
    pub(super) fn hand_on(&self, state: &State, newest: i64) -> Result<()> {
        for number in self.0.with_shards(newest, Shards::begin)? {
            let inner = Rc::clone(&self.0);
            state.wait_until(async move { inner.hand_on_to(number).await });
        }
        Ok(())
    }
}

impl Inner {
    /// `newest` is what the shards of an object that wakes are believed to have.
    fn with_shards<T>(&self, newest: i64, look: impl FnOnce(&mut Shards) -> T) -> Result<T> {
        Ok(look(&mut *self.shards(newest)?))
    }

    fn shards(&self, newest: i64) -> Result<RefMut<'_, Shards>> {
        self.shards.or_read(|| {
            let known = "SELECT number FROM shards";
            let numbers = self.database.numbers(known, vec![])?;
            let numbers = numbers.into_iter().flat_map(u16::try_from);
            Ok(Shards::new(numbers, newest))
        })
    }

    /// Looks at shards that are known to have been read.
    fn with_known<T: Default>(&self, look: impl FnOnce(&mut Shards) -> T) -> T {
        self.shards.change(look).unwrap_or_default()
    }

    async fn hand_on_to(&self, number: u16) {
        for _ in 0..TRIES {
            let Err(fault) = self.hand_on_all_to(number).await else {
                break;
            };
            let detail = format!("shard {number}: {}", fault.log_detail());
            report::warning("shard_not_reached", &self.tenant.domain(), &detail);
            self.with_known(|shards| shards.failed(number));
        }
        self.with_known(|shards| shards.end(number));
    }

    async fn hand_on_all_to(&self, number: u16) -> std::result::Result<(), Fault> {
        let internal = report::internal("relay");
        while let Some((place, relay)) = self.next(number).map_err(&internal)? {
            let receipt = self.send(number, &relay).await?;
            let further =
                self.with_known(|shards| shards.answered(number, place, &relay, &receipt));
            if !further {
                return Err(Fault::internal("relay", "the shard takes nothing in"));
            }
            if !self.with_known(|shards| shards.contains(number)) {
                let forget = "DELETE FROM shards WHERE number = ?";
                let forgotten = self.database.run(forget, vec![i64::from(number).into()]);
                forgotten.map_err(&internal)?;
            }
        }
        Ok(())
    }

    /// What a shard is to be handed next; `None` where it has all.
    fn next(&self, number: u16) -> Result<Option<(Place, Relay)>> {
        let Some(place) = self.with_known(|shards| shards.place(number)) else {
            return Ok(None);
        };
        let events = event_store::after(&self.database, place.after)?;
        if events.is_empty() && !place.guessed {
            return Ok(None);
        }
        let first = events.first().map(|(seq, _)| seq.saturating_sub(1));
        let after = first.unwrap_or(place.after);
        let relay = Relay {
            gone: after > place.after,
            after,
            events,
        };
        Ok(Some((place, relay)))
    }

    async fn send(&self, number: u16, relay: &Relay) -> std::result::Result<RelayReceipt, Fault> {
        let shard = TenantObject {
            env: &self.env,
            tenant: &self.tenant,
            shard: Some(number),
            request_id: REQUEST_ID,
        };
        let relay = serde_json::to_string(relay);
        let relay = relay.map_err(|error| Fault::internal("relay", error))?;
        shard.send(&HubRequest::Relay, &relay).await?.read()
    }
}
