//! What a tenant's root object has beside sockets: the events, what they revoke, the key sets.

use std::cell::Cell;

use session_events_core::{
    config::Config,
    error::{Fault, Incident},
    event::Event,
    event_log::{EventLog, KeptEvent},
    follower::Followed,
    hub_request::RevokedAt,
    protocol::HealthBody,
    revocation::PageRequest,
    tenant::Tenant,
    timestamp::Timestamp,
};
use worker::{Env, Result, State, web_sys::Response};

use super::{
    event_store::EventStore,
    key_sets::KeySets,
    relays::{RETRY_SECONDS, Relays},
};
use crate::{clock, http, report};

/// The root's own part of an object.
pub(super) struct Root {
    pub(super) events: EventStore,
    pub(super) key_sets: KeySets,
    pub(super) relays: Relays,
    /// Whether the alarm is known to be set for when revocations must be let go.
    pruning_seen_to: Cell<bool>,
}

impl Root {
    pub(super) fn new(state: &State, env: &Env, tenant: Tenant) -> Self {
        Self {
            events: EventStore::new(state),
            key_sets: KeySets::new(state, tenant.domain()),
            relays: Relays::new(state, env, tenant),
            pruning_seen_to: Cell::new(false),
        }
    }

    /// The events that are kept, newest first.
    pub(super) fn newest_events(&self) -> Result<Response> {
        self.events.with_log(|log| {
            // Each is kept as the JSON that it is to be: `EventsBody`.
            let newest_first = log.oldest_first().rev();
            let events: Vec<&str> = newest_first.map(|event| event.json.as_str()).collect();
            http::ok(&format!(r#"{{"events":[{}]}}"#, events.join(",")))
        })?
    }

    /// Stores events, and yields those that are news.
    pub(super) fn append(
        &self,
        state: &State,
        events: Vec<Event>,
        now: Timestamp,
    ) -> Result<Vec<KeptEvent>> {
        let all_have = self.relays.all_have(self.events.newest()?)?;
        self.events.append(state, events, now, all_have)
    }

    /// When the alarm must ring in case events do not get to a shard; `None` where there is none.
    pub(super) fn next_retry(&self) -> Result<Option<Timestamp>> {
        let any = self.relays.are_any(self.events.newest()?)?;
        Ok(any.then(|| clock::now().plus_seconds(RETRY_SECONDS)))
    }

    /// Begins to hand the shards what they lack.
    pub(super) fn hand_on(&self, state: &State) -> Result<()> {
        self.relays.hand_on(state, self.events.newest()?)
    }

    /// Begins to hand the shards what they lack still, and tells when to look again whether they
    /// have it.
    pub(super) fn hand_on_rest(&self, state: &State) -> Result<Option<Timestamp>> {
        self.hand_on(state)?;
        let newest = self.events.newest()?;
        let behind = self.relays.all_have(newest)? < newest;
        Ok(behind.then(|| clock::now().plus_seconds(RETRY_SECONDS)))
    }

    /// Tells a shard what there is to replay, and has it be handed what comes: one step.
    pub(super) fn follow(&self, shard: u16) -> Result<Response> {
        self.relays.take_in(shard, self.events.newest()?)?;
        let numbered = |event: &KeptEvent| (event.seq, event.json.clone());
        let followed = |log: &EventLog| Followed {
            newest: log.newest(),
            events: log.oldest_first().map(numbered).collect(),
        };
        http::internal(&self.events.with_log(followed)?)
    }

    /// A page of the revocations, unless the client has it already.
    pub(super) fn revocations(
        &self,
        wanted: PageRequest,
        if_none_match: Option<&str>,
        config: &Config,
    ) -> Result<Response> {
        let newest = |log: &EventLog| log.oldest_first().next_back().map(|event| event.id.clone());
        let last_event_id = self.events.with_log(newest)?;
        let days = config.revocation_days();
        let revocations = self.events.revocations();
        let page = revocations.page(wanted, last_event_id, days, clock::now())?;
        http::json_unless_known(&page, if_none_match)
    }

    /// Up to when a user's tokens are revoked.
    pub(super) fn revoked_at(&self, user_id: &str, session_id: Option<&str>) -> Result<Response> {
        let revocations = self.events.revocations();
        let revoked_at = revocations.revoked_at(user_id, session_id)?;
        http::internal(&RevokedAt { revoked_at })
    }

    /// When the alarm must be set for revocations to be let go, unless that has been seen to. As
    /// long as there are some it is set, so to look once after each waking is enough.
    pub(super) fn unseen_pruning(&self, config: &Config) -> Result<Option<Timestamp>> {
        if self.pruning_seen_to.get() {
            return Ok(None);
        }
        let due = self.events.revocations().due(config.revocation_days())?;
        self.pruning_seen_to.set(due.is_some());
        Ok(due)
    }

    /// Lets revocations go whose time is over, and tells when to look again.
    pub(super) fn prune(&self, now: Timestamp, config: &Config) -> Result<Option<Timestamp>> {
        let (days, revocations) = (config.revocation_days(), self.events.revocations());
        if revocations.due(days)?.is_some_and(|due| due <= now) {
            revocations.prune(days, now)?;
        }
        revocations.due(days)
    }

    /// Whether storage answers, and how old the key sets are.
    pub(super) fn health(
        &self,
        tenant: &Tenant,
        config: &Config,
    ) -> std::result::Result<Response, Fault> {
        self.events.check().map_err(|error| {
            let (step, cause) = ("health", error.to_string());
            Fault::StorageUnavailable(Incident { step, cause })
        })?;
        http::json(&HealthBody {
            storage: "ok",
            key_sets: config
                .issuers(tenant)
                .map(|issuer| self.key_sets.health(issuer.jwks_uri))
                .collect(),
        })
        .map_err(report::internal("health"))
    }
}
