//! Stores events and delivers them.

use session_events_core::{
    protocol::{bodies::PublishReceipt, object_request::Publication},
    tenant::config::Config,
};

use super::{delivery::deliver, leader::Leader, tenant_hub::TenantHub};
use crate::{
    Result,
    runtime::{
        clock,
        http::{self, Response},
        log::OrInternal,
    },
};

impl TenantHub {
    /// Stores events, delivers them, and appends them to the shards. The alarm is set before the
    /// first append, so that a leader that is killed retries when it wakes.
    pub(super) async fn publish(
        &self,
        leader: &Leader,
        publication: Publication,
        receipt: PublishReceipt,
    ) -> Result<Response> {
        let step = "publish";
        let config = self.config()?;
        leader.make_room(&publication.events)?;
        let stored = self
            .store_and_deliver(leader, publication, config)
            .or_internal(step)?;
        let next_prune = leader.next_prune_if_unscheduled(config).or_internal(step)?;
        let next_retry = leader.next_retry().or_internal(step)?;
        let due = next_prune.into_iter().chain(next_retry).min();
        self.ensure_alarm_by(due).await.or_internal(step)?;
        if next_prune.is_some() {
            leader.mark_prune_scheduled();
        }
        if next_retry.is_some() {
            leader.begin_appends().or_internal(step)?;
        }
        http::json(&receipt.with_new_events(stored)).or_internal(step)
    }

    /// Stores events and delivers them to this object's subscribers, in one step. Returns the number
    /// of events that are not duplicates. Nothing between the storing and the delivery can fail:
    /// Auth0's retry would be a duplicate, and the event would never be delivered.
    fn store_and_deliver(
        &self,
        leader: &Leader,
        publication: Publication,
        config: &Config,
    ) -> worker::Result<usize> {
        let user_ids: Vec<&str> = publication
            .events
            .iter()
            .map(|event| event.user_id.as_str())
            .collect();
        self.close_slow_consumers(&user_ids)?;
        self.sockets.with_index(|listeners| {
            let now = clock::now();
            let stored = leader.append(publication.events, now, config)?;
            deliver(&stored, listeners, now);
            Ok(stored.len())
        })?
    }
}
