//! The shard's side of replication: catches up with the leader, and applies the entries that the
//! leader appends.

use session_events_core::{
    error::ApiError,
    replication::{
        catch_up::NextStep,
        follower::{Delivery, Follower},
        messages::{Acknowledgement, Append},
    },
    sessions::{listeners::Listeners, session::Session},
};

use super::{
    delivery::deliver,
    shard::{AdmissionGuard, Shard},
    tenant_hub::TenantHub,
};
use crate::{
    Result,
    runtime::{
        clock,
        http::{self, Response},
        log::{self, OrInternal},
    },
};

impl TenantHub {
    /// Catches up with the leader before a subscriber is admitted. The shard keeps following the leader
    /// until the returned guard is dropped.
    pub(super) async fn catch_up<'a>(
        &self,
        shard: &'a Shard,
        last_event_id: Option<&str>,
    ) -> Result<AdmissionGuard<'a>> {
        let step = "follow";
        let (guard, mut admission) = shard.begin_admission(last_event_id);
        loop {
            match shard.next_step(&mut admission).or_internal(step)? {
                NextStep::Admit => {
                    shard.persist_for_admission().or_internal(step)?;
                    return Ok(guard);
                }
                NextStep::GiveUp => return Err(ApiError::Reconnect),
                NextStep::AwaitSnapshot => {
                    let received = shard.snapshot().await?;
                    if shard.receive_snapshot(&mut admission, &received) {
                        self.apply(shard, |follower| {
                            follower.apply_snapshot(&received.snapshot)
                        })
                        .or_internal(step)?;
                    }
                }
            }
        }
    }

    /// Applies appended entries, delivers their events, and acknowledges the position. A shard
    /// without subscribers stops following ([`Shard::leave`]); a retired shard closes its sockets so
    /// that their clients reconnect.
    pub(super) fn handle_append(&self, shard: &Shard, append: &Append) -> Result<Response> {
        let step = "append";
        self.apply(shard, |follower| follower.append(append))
            .or_internal(step)?;
        if shard.is_retired(self.config()?) {
            self.close_for_reconnect(|_| true).or_internal(step)?;
        }
        let acknowledgement = self.acknowledgement(shard).or_internal(step)?;
        http::object_response(&acknowledgement).or_internal(step)
    }

    fn acknowledgement(&self, shard: &Shard) -> worker::Result<Acknowledgement> {
        let position = shard.position()?.unwrap_or_default();
        let has_left = !self.sockets.with_index(Listeners::has_listeners)? && shard.leave()?;
        Ok(Acknowledgement {
            position: (!has_left).then_some(position),
        })
    }

    /// Applies a change to the follower and delivers the new events, in one step.
    fn apply(
        &self,
        shard: &Shard,
        change: impl FnOnce(&mut Follower) -> serde_json::Result<Delivery>,
    ) -> worker::Result<()> {
        let delivery = shard.advance(|follower| {
            let delivery = change(follower)?;
            let has_receiver = self.prepare_delivery(&delivery)?;
            Ok((delivery, has_receiver))
        })?;
        // If a subscriber receives the events, the position is on disk, and they must be delivered now.
        // The steps below do not fail: `prepare_delivery` has loaded the index of the sockets.
        if delivery.has_gap {
            self.close_for_reconnect(|session| session.listener().is_some())?;
        }
        let now = clock::now();
        self.sockets.with_index(|listeners| {
            let events = delivery.events.iter();
            events.for_each(|event| deliver(event, listeners, now));
        })
    }

    /// Closes slow consumers. Returns whether any subscriber receives the events.
    fn prepare_delivery(&self, delivery: &Delivery) -> worker::Result<bool> {
        let user_ids = || delivery.events.iter().map(|event| event.user_id.as_str());
        self.close_slow_consumers(user_ids())?;
        self.sockets
            .with_index(|listeners| listeners.receivers_of_any(user_ids()).next().is_some())
    }

    /// Closes sockets so that their clients reconnect. The failure of one does not affect the others.
    fn close_for_reconnect(&self, predicate: fn(&Session) -> bool) -> worker::Result<()> {
        for socket in self.sockets.matching(predicate)? {
            match self.sockets.update(socket, Session::close_for_reconnect) {
                Ok((socket, effect)) => self.perform_all(&socket, effect),
                Err(error) => log::incident("close_for_reconnect", &self.name, &error),
            }
        }
        Ok(())
    }
}
