//! The event log in memory: the latest events of a tenant.
//!
//! The log mirrors storage. An event is stored first and pushed here in the same uninterrupted
//! step.

use std::collections::VecDeque;

use super::event::Event;
use crate::json::JsonObject;

/// Number of events that the log holds.
pub const MAX_REPLAY_EVENTS: usize = 100;

/// An event in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// The sequence number: one more than that of the event before.
    pub seq: i64,
    /// The event's id.
    pub id: String,
    /// The affected user.
    pub user_id: String,
    /// The event as JSON, exactly as subscribers receive it.
    pub json: String,
}

impl StoredEvent {
    /// Returns the log entry for an event and its JSON.
    pub fn new(seq: i64, event: Event, json: String) -> Self {
        Self {
            seq,
            id: event.id,
            user_id: event.user_id,
            json,
        }
    }

    /// Parses the JSON of a stored event.
    ///
    /// # Errors
    ///
    /// The error of `serde_json` if the text is not an event.
    pub fn from_json(seq: i64, json: String) -> serde_json::Result<Self> {
        let JsonObject(event) = serde_json::from_str(&json)?;
        Ok(Self::new(seq, event, json))
    }
}

/// The latest events, oldest first.
#[derive(Debug, Default)]
pub struct EventLog {
    events: VecDeque<StoredEvent>,
    last_seq: i64,
}

impl EventLog {
    /// Returns an empty log. `last_seq` is the sequence number of the latest event, which may have
    /// expired.
    pub fn continuing_after(last_seq: i64) -> Self {
        Self {
            events: VecDeque::new(),
            last_seq,
        }
    }

    /// Appends an event. Evicts the oldest event if the log is full.
    pub fn push(&mut self, event: StoredEvent) {
        if self.events.len() >= MAX_REPLAY_EVENTS {
            self.events.pop_front();
        }
        self.last_seq = self.last_seq.max(event.seq);
        self.events.push_back(event);
    }

    /// Returns the number of events in the log.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Returns whether the log is empty.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Returns the sequence number of the latest event, or 0 if there has been none.
    pub fn last_seq(&self) -> i64 {
        self.last_seq
    }

    /// Returns the latest event.
    pub fn last(&self) -> Option<&StoredEvent> {
        self.events.back()
    }

    /// Returns the index of an event, counted from the oldest.
    pub fn index_of(&self, id: &str) -> Option<usize> {
        self.events.iter().position(|event| event.id == id)
    }

    /// Returns whether the log holds an event.
    pub fn contains(&self, id: &str) -> bool {
        self.index_of(id).is_some()
    }

    /// Returns all events, oldest first.
    pub fn oldest_first(&self) -> impl DoubleEndedIterator<Item = &StoredEvent> {
        self.events.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_holds_the_latest_hundred_events() {
        let mut log = EventLog::default();
        for seq in 1..=250 {
            log.push(StoredEvent {
                seq,
                id: seq.to_string(),
                user_id: "auth0|1".into(),
                json: String::new(),
            });
        }
        assert_eq!((log.len(), log.last_seq()), (100, 250));
        let ids: Vec<&str> = log.oldest_first().map(|event| event.id.as_str()).collect();
        assert_eq!((ids.first(), ids.last()), (Some(&"151"), Some(&"250")));
        assert!(log.contains("151") && !log.contains("150"));
    }
}
