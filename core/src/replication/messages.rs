//! Messages between the leader and its followers.

use serde::{Deserialize, Serialize};

use crate::{events::event_log::StoredEvent, json::objects};

/// Maximum number of log entries in an [`Append`].
pub const MAX_APPEND_ENTRIES: u32 = 500;

/// An entry of the leader's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// The sequence number. Sequence numbers have no gaps.
    pub seq: i64,
    /// The event as JSON text, exactly as subscribers receive it.
    pub event: String,
}

impl LogEntry {
    /// Parses the event.
    ///
    /// # Errors
    ///
    /// The error of `serde_json` if the text is not an event.
    pub fn parse(&self) -> serde_json::Result<StoredEvent> {
        StoredEvent::from_json(self.seq, self.event.clone())
    }
}

impl From<&StoredEvent> for LogEntry {
    fn from(event: &StoredEvent) -> Self {
        Self {
            seq: event.seq,
            event: event.json.clone(),
        }
    }
}

/// Log entries that the leader sends to a follower.
#[derive(Debug, Serialize, Deserialize)]
pub struct Append {
    /// The sequence number that the entries follow.
    pub after: i64,
    /// Whether the leader has already deleted the entries between the follower's position and
    /// `after`.
    pub truncated: bool,
    /// The entries, oldest first, without gaps.
    #[serde(deserialize_with = "objects")]
    pub entries: Vec<LogEntry>,
}

/// The follower's response to an [`Append`].
#[derive(Debug, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// The follower's position. `None` if the follower has no subscriber; the leader then sends
    /// nothing until the follower requests a snapshot.
    pub position: Option<i64>,
}

/// The leader's response to a follower that requests the log.
#[derive(Debug, Serialize, Deserialize)]
pub struct Snapshot {
    /// The sequence number of the latest entry, or 0 if the log is empty.
    pub last_seq: i64,
    /// The latest entries, oldest first: at most as many as can be replayed.
    #[serde(deserialize_with = "objects")]
    pub entries: Vec<LogEntry>,
}
