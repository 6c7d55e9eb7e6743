//! The rule for slow consumers: subscribers that do not read what they are sent.
//!
//! The runtime buffers unread messages in memory, beyond what the network takes. A socket with more
//! than [`MAX_BUFFERED_BYTES`] is backlogged. A burst of events backlogs every socket for an
//! instant, so a socket is closed only if it is still backlogged after [`CATCH_UP_SECONDS`].

use serde::{Deserialize, Serialize};

use crate::timestamp::Timestamp;

/// Number of buffered bytes above which a socket is backlogged.
pub const MAX_BUFFERED_BYTES: u32 = 64 * 1024;
/// Number of seconds for which a socket may be backlogged.
pub const CATCH_UP_SECONDS: i64 = 5;

/// The backlog of one socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Backlog {
    /// The time since which the socket has been backlogged, or `None` if it is not.
    since: Option<Timestamp>,
}

impl Backlog {
    /// Returns whether no backlog is recorded.
    pub fn is_empty(&self) -> bool {
        self.since.is_none()
    }

    /// Returns whether this number of buffered bytes changes the recorded backlog.
    pub fn is_affected_by(self, buffered_bytes: u32) -> bool {
        buffered_bytes > MAX_BUFFERED_BYTES || self.since.is_some()
    }

    /// Records the number of buffered bytes. Returns whether the socket is a slow consumer and must
    /// be closed.
    pub fn record(&mut self, buffered_bytes: u32, now: Timestamp) -> bool {
        if buffered_bytes <= MAX_BUFFERED_BYTES {
            self.since = None;
            return false;
        }
        let since = *self.since.get_or_insert(now);
        now >= since.plus_seconds(CATCH_UP_SECONDS)
    }
}
