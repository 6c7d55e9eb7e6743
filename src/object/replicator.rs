//! The leader's side of replication: appends log entries to the followers.
//!
//! An entry is on disk before it is appended. It stays there until every follower has acknowledged it,
//! unless it expires or 100,000 newer entries follow. A follower that misses a deleted entry reports
//! a gap. Followers that cannot be reached are retried by the alarm, which is set before the first
//! append. So a leader that is killed continues when it wakes.

use std::{cell::RefMut, rc::Rc};

use session_events_core::{
    error::ApiError,
    protocol::object_request::ObjectRequest,
    replication::{
        followers::{AckOutcome, AppendCursor, Followers},
        messages::{Acknowledgement, Append},
    },
    tenant::Tenant,
};
use worker::{Env, State};

use crate::{
    Result,
    runtime::{
        log::{self, OrInternal},
        tenant_stub::TenantStub,
    },
    storage::{
        cached::Cached, database::Database, event_store::EventStore, followers::FollowerTable,
    },
};

/// Seconds after which an append to a follower is retried.
pub(super) const RETRY_SECONDS: i64 = 5;
/// Number of attempts to reach a follower before the alarm retries.
const MAX_ATTEMPTS: usize = 2;
/// The request id of appends in log lines.
const REQUEST_ID: &str = "append";
/// The step of replication errors in log lines.
const STEP: &str = "append";

/// Appends the leader's log to its followers.
pub(super) struct Replicator {
    state: Rc<State>,
    inner: Rc<Inner>,
}

/// The state that appends in flight share with the [`Replicator`].
struct Inner {
    tenant: Tenant,
    env: Env,
    events: Rc<EventStore>,
    table: FollowerTable,
    followers: Cached<Followers>,
}

impl Replicator {
    /// Returns the replicator of a leader that wakes.
    pub(super) fn new(
        state: &Rc<State>,
        env: &Env,
        tenant: Tenant,
        events: Rc<EventStore>,
    ) -> Self {
        Self {
            state: Rc::clone(state),
            inner: Rc::new(Inner {
                tenant,
                env: env.clone(),
                events,
                table: FollowerTable::new(Database::new(state)),
                followers: Cached::new(),
            }),
        }
    }

    /// Registers a follower that receives a snapshot.
    pub(super) fn register(&self, number: u16) -> worker::Result<()> {
        if !self.inner.followers()?.contains(number) {
            self.inner.table.insert(number)?;
        }
        let last_seq = self.inner.events.last_seq()?;
        self.inner.followers()?.register(number, last_seq);
        Ok(())
    }

    /// Returns whether any follower is registered.
    pub(super) fn has_followers(&self) -> worker::Result<bool> {
        Ok(!self.inner.followers()?.is_empty())
    }

    /// Returns the sequence number up to which every follower has acknowledged.
    pub(super) fn min_acked(&self) -> worker::Result<i64> {
        Ok(self.inner.followers()?.min_acked())
    }

    /// Begins to append missing entries to every follower that has no append in flight. An append in
    /// flight continues until its follower has every entry.
    pub(super) fn begin_appends(&self) -> worker::Result<()> {
        let idle = self.inner.followers()?.begin_appends();
        for number in idle {
            let inner = Rc::clone(&self.inner);
            self.state
                .wait_until(async move { inner.append_with_retry(number).await });
        }
        Ok(())
    }
}

impl Inner {
    fn followers(&self) -> worker::Result<RefMut<'_, Followers>> {
        self.followers.get_or_load(|| {
            let numbers = self.table.load()?;
            Ok(Followers::restore(numbers, self.events.last_seq()?))
        })
    }

    /// Changes the followers if they are loaded.
    fn update_followers(&self, change: impl FnOnce(&mut Followers)) {
        let _not_loaded = self.followers.update(change);
    }

    async fn append_with_retry(&self, number: u16) {
        for _ in 0..MAX_ATTEMPTS {
            let Err(error) = self.append_all(number).await else {
                break;
            };
            let detail = format!("shard {number}: {}", error.log_detail());
            log::warning("shard_not_reached", self.tenant.domain(), &detail);
            self.update_followers(|followers| followers.mark_unconfirmed(number));
        }
        self.update_followers(|followers| followers.end_append(number));
    }

    /// Appends entries until the follower has acknowledged every one.
    async fn append_all(&self, number: u16) -> Result<()> {
        while let Some((cursor, append)) = self.next_append(number).or_internal(STEP)? {
            let acknowledgement = self.send(number, &append).await?;
            let outcome = self.followers().or_internal(STEP)?.acknowledge(
                number,
                cursor,
                &append,
                &acknowledgement,
            );
            match outcome {
                AckOutcome::Continue => {}
                AckOutcome::Stalled => {
                    return Err(ApiError::internal(STEP, "the shard accepts no entries"));
                }
                AckOutcome::Unregistered => return self.table.delete(number).or_internal(STEP),
            }
        }
        Ok(())
    }

    /// Returns the next append to a follower, or `None` if it has every entry.
    fn next_append(&self, number: u16) -> worker::Result<Option<(AppendCursor, Append)>> {
        let Some(cursor) = self.followers()?.cursor(number) else {
            return Ok(None);
        };
        let entries = self.events.entries_after(cursor.after)?;
        // The entries before the first, or all of them, may have been deleted.
        let after = match entries.first() {
            Some(first) => first.seq.saturating_sub(1),
            None => self.events.last_seq()?.max(cursor.after),
        };
        if entries.is_empty() && after == cursor.after && !cursor.unconfirmed {
            return Ok(None);
        }
        let append = Append {
            after,
            truncated: after > cursor.after,
            entries,
        };
        Ok(Some((cursor, append)))
    }

    async fn send(&self, number: u16, append: &Append) -> Result<Acknowledgement> {
        let shard = TenantStub {
            env: &self.env,
            tenant: &self.tenant,
            shard: Some(number),
            request_id: REQUEST_ID,
        };
        let body = serde_json::to_string(append).or_internal(STEP)?;
        shard.call_with_body(&ObjectRequest::Append, body).await
    }
}
