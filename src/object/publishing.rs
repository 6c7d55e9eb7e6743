//! Stores events and delivers them.

use std::collections::HashSet;

use session_events_core::{
    events::{
        event::is_first_of_record,
        event_lines::{EventLines, Publication},
    },
    protocol::bodies::PublishReceipt,
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
    storage::event_store::StoredLine,
};

impl TenantHub {
    /// Stores events, delivers them, and appends them to the shards. The alarm is set before the
    /// first append, so that a leader that is killed retries when it wakes.
    pub(super) async fn publish(
        &self,
        leader: &Leader,
        publication: &Publication,
        receipt: PublishReceipt,
    ) -> Result<Response> {
        let step = "publish";
        let config = self.config()?;
        let dropped_sessions = leader.make_room(&publication.events)?;
        if dropped_sessions > 0 {
            self.metrics.borrow_mut().record_dropped(dropped_sessions);
        }
        let new_records = self
            .store_and_deliver(leader, publication, config)
            .or_internal(step)?;
        self.schedule_prune_and_retry(leader, config)
            .await
            .or_internal(step)?;
        leader.begin_appends().or_internal(step)?;
        let receipt = receipt.with_new_events(new_records);
        self.metrics.borrow_mut().record_publication(
            publication.source,
            &receipt,
            publication.delay_seconds,
        );
        http::json(&receipt).or_internal(step)
    }

    /// Sets the alarm for the next prune and, if there are followers, for the retry of the appends.
    async fn schedule_prune_and_retry(
        &self,
        leader: &Leader,
        config: &Config,
    ) -> worker::Result<()> {
        let next_prune = leader.next_prune_if_unscheduled(config)?;
        let next_retry = leader.next_retry()?;
        let due = next_prune.into_iter().chain(next_retry).min();
        self.ensure_alarm_by(due).await?;
        if next_prune.is_some() {
            leader.mark_prune_scheduled();
        }
        Ok(())
    }

    /// Stores events and delivers them to this object's subscribers, in one step. Returns the number
    /// of records whose first event is new. No step between storing and delivering may fail: Auth0
    /// would repeat the batch, all of its events would be duplicates, and none would be delivered.
    fn store_and_deliver(
        &self,
        leader: &Leader,
        publication: &Publication,
        config: &Config,
    ) -> worker::Result<usize> {
        let users = users_of(&publication.events)?;
        self.close_slow_consumers(users.iter().map(String::as_str))?;
        // Free the memory before the events are stored.
        drop(users);
        self.sockets.with_index(|listeners| {
            let now = clock::now();
            let stored = leader.append(publication, now, config)?;
            let mut new_records = 0_usize;
            for event in stored.iter().filter_map(StoredLine::parse) {
                if is_first_of_record(&event.id) {
                    new_records = new_records.saturating_add(1);
                }
                deliver(&event, listeners, now);
            }
            Ok(new_records)
        })?
    }
}

/// Returns the users of events, each once.
fn users_of(events: &EventLines) -> worker::Result<HashSet<String>> {
    let users = events.iter().map(|line| Ok(line?.event.user_id));
    users.collect()
}
