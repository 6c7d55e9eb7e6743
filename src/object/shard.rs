//! The state of a shard: its position in the leader's log, and its copy of the log.
//!
//! The position is on disk before an event is delivered, in the same step. So a shard that is
//! killed, or whose acknowledgement is lost, recognizes entries that it has already delivered.

use std::{
    cell::{RefCell, RefMut},
    rc::Rc,
};

use futures::{
    FutureExt,
    future::{LocalBoxFuture, Shared},
};
use session_events_core::{
    events::event_log::EventLog,
    protocol::object_request::ObjectRequest,
    replication::{
        catch_up::{CatchUp, NextStep, PendingAdmission},
        follower::{Delivery, Follower},
        messages::Snapshot,
    },
    tenant::{Tenant, config::Config},
};
use worker::{Env, State};

use crate::{
    Result,
    runtime::tenant_stub::TenantStub,
    storage::{cached::Cached, database::Database, position::PositionTable},
};

/// The request id of snapshot requests in log lines.
const REQUEST_ID: &str = "follow";

/// A snapshot request in flight, shared by the admissions that wait for it.
type SnapshotRequest = Shared<LocalBoxFuture<'static, Result<NumberedSnapshot>>>;

/// A snapshot and the number of the request that returned it.
#[derive(Clone)]
pub(super) struct NumberedSnapshot {
    pub(super) request: u64,
    pub(super) snapshot: Rc<Snapshot>,
}

/// The state of a shard.
pub(super) struct Shard {
    number: u16,
    tenant: Tenant,
    env: Env,
    table: PositionTable,
    follower: Cached<Follower>,
    catch_up: RefCell<CatchUp>,
    snapshot_request: RefCell<Option<SnapshotRequest>>,
}

/// An admission in progress. The shard does not leave while one exists.
pub(super) struct AdmissionGuard<'a>(&'a RefCell<CatchUp>);

impl Drop for AdmissionGuard<'_> {
    fn drop(&mut self) {
        self.0.borrow_mut().end();
    }
}

impl Shard {
    /// Returns the state of a shard that wakes.
    pub(super) fn new(state: &Rc<State>, env: &Env, tenant: Tenant, number: u16) -> Self {
        Self {
            number,
            tenant,
            env: env.clone(),
            table: PositionTable::new(Database::new(state)),
            follower: Cached::new(),
            catch_up: RefCell::default(),
            snapshot_request: RefCell::new(None),
        }
    }

    /// Returns the tenant's leader.
    pub(super) fn leader_stub(&self) -> TenantStub<'_> {
        leader_stub(&self.env, &self.tenant)
    }

    /// Returns whether this shard no longer exists because `SHARDS` was lowered.
    pub(super) fn is_retired(&self, config: &Config) -> bool {
        config.shards().is_none_or(|shards| self.number > shards)
    }

    fn follower(&self) -> worker::Result<RefMut<'_, Follower>> {
        self.follower
            .get_or_load(|| Ok(Follower::restore(self.table.load()?)))
    }

    /// Passes the shard's copy of the event log to a closure.
    pub(super) fn with_log<T>(&self, read: impl FnOnce(&EventLog) -> T) -> worker::Result<T> {
        Ok(read(self.follower()?.log()))
    }

    /// Returns the shard's position.
    pub(super) fn position(&self) -> worker::Result<Option<i64>> {
        Ok(self.follower()?.position())
    }

    /// Begins the admission of a subscriber.
    pub(super) fn begin_admission(
        &self,
        last_event_id: Option<&str>,
    ) -> (AdmissionGuard<'_>, PendingAdmission) {
        let admission = self.catch_up.borrow_mut().begin(last_event_id);
        (AdmissionGuard(&self.catch_up), admission)
    }

    /// Returns the next step of an admission.
    pub(super) fn next_step(&self, admission: &mut PendingAdmission) -> worker::Result<NextStep> {
        Ok(admission.next_step(&*self.follower()?))
    }

    /// Records that an admission has received a snapshot. Returns whether it must apply the
    /// snapshot.
    pub(super) fn receive_snapshot(
        &self,
        admission: &mut PendingAdmission,
        snapshot: &NumberedSnapshot,
    ) -> bool {
        self.catch_up
            .borrow_mut()
            .receive(admission, snapshot.request)
    }

    /// Waits for the snapshot request in flight, or requests a snapshot from the leader.
    pub(super) async fn snapshot(&self) -> Result<NumberedSnapshot> {
        // A finished request is not used again, because its snapshot may be outdated.
        let in_flight = self
            .snapshot_request
            .borrow()
            .clone()
            .filter(|request| request.peek().is_none());
        let request = in_flight.unwrap_or_else(|| self.request_snapshot());
        *self.snapshot_request.borrow_mut() = Some(request.clone());
        request.await
    }

    fn request_snapshot(&self) -> SnapshotRequest {
        let request = self.catch_up.borrow_mut().begin_request();
        let (env, tenant, shard) = (self.env.clone(), self.tenant.clone(), self.number);
        let response = async move {
            let follow = ObjectRequest::Follow { shard };
            let snapshot = leader_stub(&env, &tenant).call(&follow).await?;
            Ok(NumberedSnapshot {
                request,
                snapshot: Rc::new(snapshot),
            })
        };
        response.boxed_local().shared()
    }

    /// Applies a change to the follower and writes its position to disk if necessary. The change
    /// returns the events to deliver, and whether any subscriber receives them. If the change or the
    /// write fails, the follower is loaded again from disk.
    pub(super) fn advance(
        &self,
        change: impl FnOnce(&mut Follower) -> worker::Result<(Delivery, bool)>,
    ) -> worker::Result<Delivery> {
        let mut follower = self.follower()?;
        let advanced = change(&mut follower).and_then(|(delivery, has_receiver)| {
            self.persist(&mut follower, has_receiver)?;
            Ok(delivery)
        });
        drop(follower);
        if advanced.is_err() {
            self.follower.invalidate();
        }
        advanced
    }

    /// Writes the position to disk before a subscriber is admitted.
    pub(super) fn persist_for_admission(&self) -> worker::Result<()> {
        self.persist(&mut *self.follower()?, true)
    }

    fn persist(&self, follower: &mut Follower, has_receiver: bool) -> worker::Result<()> {
        if let Some(position) = follower.unpersisted(has_receiver) {
            self.table.store(position)?;
            follower.mark_persisted();
        }
        Ok(())
    }

    /// Forgets the position and the log unless an admission is in progress. Returns whether it did.
    /// The shard then acknowledges without a position, and the leader unregisters it.
    pub(super) fn leave(&self) -> worker::Result<bool> {
        if self.catch_up.borrow().is_admitting() {
            return Ok(false);
        }
        let mut follower = self.follower()?;
        if follower.is_persisted() {
            self.table.delete()?;
        }
        follower.leave();
        Ok(true)
    }
}

fn leader_stub<'a>(env: &'a Env, tenant: &'a Tenant) -> TenantStub<'a> {
    TenantStub {
        env,
        tenant,
        shard: None,
        request_id: REQUEST_ID,
    }
}
