//! The alarm of an object: expiry of tokens, pruning of revocations, and replication retries.

use session_events_core::{sessions::listeners::Listeners, timestamp::Timestamp};
use worker::Result;

use super::{
    leader::Leader,
    replicator::RETRY_SECONDS,
    tenant_hub::{Role, TenantHub},
};
use crate::runtime::{clock, log};

impl TenantHub {
    /// Processes everything that is due, and sets the alarm for what is due next.
    pub(super) async fn run_alarm(&self) -> Result<()> {
        self.alarm_time.set(None);
        let now = clock::now();
        self.close_due_sockets(now)?;
        let next_socket = self.sockets.with_index(Listeners::next_token_expiry)?;
        let next_leader_task = match &self.role {
            Role::Leader(leader) => self.run_leader_alarm(leader, now),
            Role::Shard(_) => None,
        };
        self.ensure_alarm_by(next_socket.into_iter().chain(next_leader_task).min())
            .await
    }

    /// Closes the sockets whose authentication deadline or token expiry has passed.
    pub(super) fn close_due_sockets(&self, now: Timestamp) -> Result<()> {
        for socket in self.sockets.due(now)? {
            match self.sockets.update(socket, |session| session.tick(now)) {
                Ok((socket, effect)) => self.perform_all(&socket, effect),
                // One failure must not keep the other sockets open.
                Err(error) => log::incident("alarm", &self.name, &error),
            }
        }
        Ok(())
    }

    /// Prunes revocations and retries replication. Returns when to do so next: after a failure, in
    /// some seconds. If the configuration is invalid, requests report the error and pruning is
    /// skipped.
    fn run_leader_alarm(&self, leader: &Leader, now: Timestamp) -> Option<Timestamp> {
        let next_prune = match self.config() {
            Ok(config) => leader.prune(now, config),
            Err(_) => Ok(None),
        };
        let next_retry = leader.retry_appends();
        [next_prune, next_retry]
            .into_iter()
            .filter_map(|next| {
                next.unwrap_or_else(|error| {
                    log::incident("alarm", &self.name, &error);
                    Some(now.plus_seconds(RETRY_SECONDS))
                })
            })
            .min()
    }

    /// Ensures that the alarm fires at this time or earlier.
    pub(super) async fn ensure_alarm_by(&self, due: Option<Timestamp>) -> Result<()> {
        let Some(due) = due else { return Ok(()) };
        if self.alarm_time.get().is_some_and(|alarm| alarm <= due) {
            return Ok(());
        }
        let storage = self.state.storage();
        let stored = storage.get_alarm().await?.map(Timestamp::from_millis);
        // Another caller may have chosen an earlier time in the meantime.
        let earliest = [stored, self.alarm_time.get(), Some(due)]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(due);
        self.alarm_time.set(Some(earliest));
        if stored == Some(earliest) {
            return Ok(());
        }
        let set = storage.set_alarm(clock::alarm_time(earliest)).await;
        if set.is_err() {
            self.alarm_time.set(None);
        }
        set
    }
}
