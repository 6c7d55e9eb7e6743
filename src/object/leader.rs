//! The leader's state: the event log, the revocations, the key sets, and the followers.

use std::{cell::Cell, rc::Rc};

use session_events_core::{
    error::{ApiError, Incident},
    events::{
        event_lines::{EventLines, Publication},
        event_log::EventLog,
        revocation::expiry_cutoff,
    },
    protocol::{
        bodies::{HealthBody, HealthDetails},
        revocation_page::PageRequest,
    },
    replication::messages::{LogEntry, Snapshot},
    tenant::{
        Tenant,
        config::{Config, TenantConfig},
    },
    timestamp::Timestamp,
};
use worker::{Env, State};

use super::{
    key_sets::KeySets,
    replicator::{RETRY_SECONDS, Replicator},
};
use crate::{
    Result,
    runtime::{
        clock,
        http::{self, Response},
        log::{self, OrInternal},
    },
    storage::{
        capacity::Room,
        event_store::{EventStore, StoredLine},
    },
};

/// The leader's state.
pub(super) struct Leader {
    pub(super) events: Rc<EventStore>,
    pub(super) key_sets: KeySets,
    /// The tenant's domain, for log lines.
    domain: String,
    replicator: Replicator,
    /// Whether the alarm is set for the next prune.
    is_prune_scheduled: Cell<bool>,
}

impl Leader {
    /// Returns the state of a leader that wakes.
    pub(super) fn new(state: &Rc<State>, env: &Env, tenant: Tenant) -> Self {
        let events = Rc::new(EventStore::new(state));
        Self {
            key_sets: KeySets::new(state, tenant.domain().to_owned()),
            domain: tenant.domain().to_owned(),
            replicator: Replicator::new(state, env, tenant, Rc::clone(&events)),
            events,
            is_prune_scheduled: Cell::new(false),
        }
    }

    /// Returns the response with the events in the log, latest first.
    pub(super) fn events_response(&self) -> worker::Result<Response> {
        self.events.with_log(|log| {
            // The events are stored as JSON; together they form an `EventsBody`.
            let latest_first = log.oldest_first().rev();
            let events: Vec<&str> = latest_first.map(|event| event.json.as_str()).collect();
            http::json_text(format!(r#"{{"events":[{}]}}"#, events.join(",")))
        })?
    }

    /// Makes room for the revocations of new events. Returns the number of revocations of sessions that
    /// were dropped.
    pub(super) fn make_room(&self, events: &EventLines) -> Result<usize> {
        let step = "publish";
        let min_acked = self.replicator.min_acked().or_internal(step)?;
        let room = self.events.make_room(events, clock::now(), min_acked);
        match room.or_internal(step)? {
            Room::Available {
                dropped_sessions: 0,
            } => Ok(0),
            Room::Available { dropped_sessions } => {
                let detail =
                    format!("{dropped_sessions} session revocations, those with the oldest dates");
                log::error("revocations_dropped", &self.domain, &detail);
                Ok(dropped_sessions)
            }
            Room::Full => Err(ApiError::StorageFull),
        }
    }

    /// Stores events and returns those that are not duplicates.
    pub(super) fn append<'e>(
        &self,
        publication: &'e Publication,
        now: Timestamp,
        config: &Config,
    ) -> worker::Result<Vec<StoredLine<'e>>> {
        let min_acked = self.replicator.min_acked()?;
        let days = config.revocation_days();
        self.events.append(publication, now, min_acked, days)
    }

    /// Returns the time by which appends to followers are retried, or `None` without followers.
    pub(super) fn next_retry(&self) -> worker::Result<Option<Timestamp>> {
        let has_followers = self.replicator.has_followers()?;
        Ok(has_followers.then(|| clock::now().plus_seconds(RETRY_SECONDS)))
    }

    /// Begins to append missing entries to every follower.
    pub(super) fn begin_appends(&self) -> worker::Result<()> {
        self.replicator.begin_appends()
    }

    /// Begins to append missing entries. Returns when to check again whether every follower has
    /// acknowledged them.
    pub(super) fn retry_appends(&self) -> worker::Result<Option<Timestamp>> {
        self.begin_appends()?;
        let is_behind = self.replicator.min_acked()? < self.events.last_seq()?;
        Ok(is_behind.then(|| clock::now().plus_seconds(RETRY_SECONDS)))
    }

    /// Registers a shard as a follower and returns a snapshot, in one step.
    pub(super) fn snapshot_for(&self, shard: u16) -> worker::Result<Response> {
        self.replicator.register(shard)?;
        let snapshot = self.events.with_log(|log| Snapshot {
            last_seq: log.last_seq(),
            entries: log.oldest_first().map(LogEntry::from).collect(),
        })?;
        http::object_response(&snapshot)
    }

    /// Returns a page of revocations, or 304 if the client has it already.
    pub(super) fn revocations(
        &self,
        request: &PageRequest,
        if_none_match: Option<&str>,
        config: &Config,
    ) -> worker::Result<Response> {
        let last_event_id = |log: &EventLog| log.last().map(|event| event.id.clone());
        let last_event_id = self.events.with_log(last_event_id)?;
        let cutoff = expiry_cutoff(config.revocation_days(), clock::now());
        let revocations = self.events.revocations();
        let page = revocations.page(request, last_event_id, cutoff)?;
        http::json_with_etag(&page, if_none_match)
    }

    /// Returns the revocations that can apply to a token, as [`UserRevocations`].
    ///
    /// [`UserRevocations`]: session_events_core::events::revocation::UserRevocations
    pub(super) fn user_revocations(
        &self,
        user_id: &str,
        session_id: Option<&str>,
        config: &Config,
    ) -> worker::Result<Response> {
        let cutoff = expiry_cutoff(config.revocation_days(), clock::now());
        let revocations = self.events.revocations();
        http::object_response(&revocations.of_user(user_id, session_id, cutoff)?)
    }

    /// Returns the time of the next prune, unless the alarm is already set for it.
    pub(super) fn next_prune_if_unscheduled(
        &self,
        config: &Config,
    ) -> worker::Result<Option<Timestamp>> {
        if self.is_prune_scheduled.get() {
            return Ok(None);
        }
        self.events.next_prune(config.revocation_days())
    }

    /// Records that the alarm is set for the next prune.
    pub(super) fn mark_prune_scheduled(&self) {
        self.is_prune_scheduled.set(true);
    }

    /// Prunes expired events and revocations. Returns the time of the next prune.
    pub(super) fn prune(
        &self,
        now: Timestamp,
        config: &Config,
    ) -> worker::Result<Option<Timestamp>> {
        let days = config.revocation_days();
        if self.events.next_prune(days)?.is_some_and(|due| due <= now) {
            self.events.prune(days, now)?;
        }
        let next = self.events.next_prune(days)?;
        // Without events, no alarm is needed. The next event schedules one.
        self.is_prune_scheduled.set(next.is_some());
        Ok(next)
    }

    /// Returns the state of the storage, and the details if the client may see them.
    pub(super) fn health(&self, tenant: &TenantConfig, has_details: bool) -> Result<Response> {
        self.events.check().or_storage_unavailable()?;
        let details = if has_details {
            Some(HealthDetails {
                key_sets: tenant
                    .issuers()
                    .iter()
                    .map(|issuer| self.key_sets.health(issuer.jwks_uri.clone()))
                    .collect(),
                dropped_revocations: self.events.dropped_revocations().or_storage_unavailable()?,
            })
        } else {
            None
        };
        http::json(&HealthBody {
            storage: "ok",
            details,
        })
        .or_internal("health")
    }
}

/// Maps a failure of the storage to the error of the health endpoint.
trait OrStorageUnavailable<T> {
    fn or_storage_unavailable(self) -> Result<T>;
}

impl<T> OrStorageUnavailable<T> for worker::Result<T> {
    fn or_storage_unavailable(self) -> Result<T> {
        self.map_err(|error| {
            ApiError::StorageUnavailable(Incident {
                step: "health",
                cause: error.to_string(),
            })
        })
    }
}
