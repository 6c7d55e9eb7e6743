//! Closes slow consumers. The rule is
//! [`slow_consumer`](session_events_core::sessions::slow_consumer).

use worker::{Result, WebSocket};

use super::{sockets::buffered_bytes, tenant_hub::TenantHub};
use crate::runtime::clock;

impl TenantHub {
    /// Closes the slow consumers among the subscribers that receive events of these users. Called
    /// once before a delivery: while a step runs, no subscriber can read what is sent.
    pub(super) fn close_slow_consumers<'u>(
        &self,
        user_ids: impl IntoIterator<Item = &'u str>,
    ) -> Result<()> {
        let now = clock::now();
        let affected: Vec<(WebSocket, u32)> = self.sockets.with_index(|listeners| {
            listeners
                .receivers_of_any(user_ids)
                .map(|(socket, session)| (socket, session, buffered_bytes(socket)))
                .filter(|(_, session, buffered)| session.needs_backlog_update(*buffered))
                .map(|(socket, _, buffered)| (socket.clone(), buffered))
                .collect()
        })?;
        for (raw, buffered) in affected {
            let Some(socket) = self.sockets.find(raw) else {
                continue;
            };
            let (socket, effect) = self
                .sockets
                .update(socket, |session| session.record_backlog(buffered, now))?;
            self.perform_all(&socket, effect);
        }
        Ok(())
    }
}
