//! A follower of the leader's log: a shard that delivers events to the sockets it holds.
//!
//! The leader numbers its events without gaps. A follower's position is the sequence number of the
//! last event that it has accepted from the leader. The position is on disk before that event is
//! delivered and before a subscriber is admitted. If no subscriber of the shard receives the events,
//! the position on disk may lag by fewer than 50 events.
//!
//! An append names the sequence number that its entries follow. A follower that has not reached it
//! accepts nothing and acknowledges its own position, so the leader sends the missing entries. A
//! follower that is ahead skips the entries that it has. So every event is delivered once and in
//! order, even if appends and acknowledgements are lost, repeated or late. If the leader has already
//! deleted entries, the follower reports a gap instead.
//!
//! A follower that wakes has no log. It requests a snapshot before it admits a subscriber, and keeps
//! the entries that are appended from then on.

use super::messages::{Append, LogEntry, Snapshot};
use crate::events::event_log::{EventLog, StoredEvent};

/// If no subscriber receives the events, the position is written to disk when the one on disk lags by
/// this number of events. The leader always keeps more events than this.
const PERSISTED_LAG: i64 = 50;

/// The events to deliver once the new position is on disk.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Whether subscribers have missed events. The shard closes their sockets; after they reconnect,
    /// `recovered` tells them.
    pub has_gap: bool,
    /// The events to deliver, in order.
    pub events: Vec<StoredEvent>,
}

/// The state of a follower.
#[derive(Debug)]
pub struct Follower {
    /// The position. `None` in a new follower and after it has left, until the next append or snapshot.
    position: Option<i64>,
    /// The position on disk.
    persisted: Option<i64>,
    /// The position that was on disk when the follower woke.
    restored: Option<i64>,
    log: EventLog,
    /// Whether the log is complete for replay: a snapshot was applied that ends at the position or
    /// before. Until then the log holds only appended entries.
    has_snapshot: bool,
}

impl Follower {
    /// Returns a follower that wakes with this position on disk.
    pub fn restore(persisted: Option<i64>) -> Self {
        Self {
            position: persisted,
            persisted,
            restored: persisted,
            log: EventLog::default(),
            has_snapshot: false,
        }
    }

    /// Returns the position.
    pub fn position(&self) -> Option<i64> {
        self.position
    }

    /// Returns the position if it must be written to disk now. With a receiver, every new position
    /// must be written; without one, only if the position on disk lags too far.
    pub fn unpersisted(&self, has_receiver: bool) -> Option<i64> {
        let position = self.position.filter(|_| self.position != self.persisted)?;
        let lag = position.saturating_sub(self.persisted.unwrap_or_default());
        (has_receiver || lag >= PERSISTED_LAG).then_some(position)
    }

    /// Records that the position is on disk.
    pub fn mark_persisted(&mut self) {
        self.persisted = self.position;
    }

    /// Returns whether any position is on disk.
    pub fn is_persisted(&self) -> bool {
        self.persisted.is_some()
    }

    /// Returns the follower's copy of the log, for replay.
    pub fn log(&self) -> &EventLog {
        &self.log
    }

    /// Returns whether the follower needs a snapshot before it admits a subscriber with this
    /// `last_event_id`. Another shard may already have delivered an event that is unknown here. If the
    /// event is still unknown after a snapshot that was requested since the subscriber arrived, the
    /// event is no longer stored.
    pub fn needs_snapshot(
        &self,
        last_event_id: Option<&str>,
        has_snapshot_since_arrival: bool,
    ) -> bool {
        let is_unknown = || last_event_id.is_some_and(|id| !self.log.contains(id));
        !self.has_snapshot || (!has_snapshot_since_arrival && is_unknown())
    }

    /// Appends entries from the leader and returns the events to deliver.
    ///
    /// # Errors
    ///
    /// The parse error of an entry. The follower is then unchanged.
    pub fn append(&mut self, append: &Append) -> serde_json::Result<Delivery> {
        let events = parse(&append.entries)?;
        let mut has_gap = false;
        let position = match self.position {
            None => append.after,
            Some(position) if append.after <= position => position,
            Some(_) if append.truncated => {
                has_gap = true;
                self.log = EventLog::default();
                append.after
            }
            Some(_) => return Ok(Delivery::default()),
        };
        Ok(Delivery {
            has_gap,
            events: self.append_contiguous(position, events),
        })
    }

    /// Applies a snapshot and returns the events to deliver: those that have not been appended yet.
    /// Special cases:
    ///
    /// - Entries are missing between the end of the snapshot and the first appended entry; or, without
    ///   appended entries, the snapshot ends before the position. The snapshot is ignored, and the
    ///   follower needs another one.
    /// - Entries are missing between the position and the beginning of the snapshot. The follower needs
    ///   another snapshot after the leader has appended them.
    /// - The leader has lost entries: its log ends before the position that the follower woke with. The
    ///   follower starts again from the leader's position.
    ///
    /// # Errors
    ///
    /// The parse error of an entry. The follower is then unchanged.
    pub fn apply_snapshot(&mut self, snapshot: &Snapshot) -> serde_json::Result<Delivery> {
        let events = parse(&snapshot.entries)?;
        // Only before the first append or snapshot: later positions come from the present leader.
        let leader_lost_entries = self.position == self.restored
            && self
                .restored
                .is_some_and(|restored| restored > snapshot.last_seq);
        let position = match self.position {
            Some(position) if !leader_lost_entries => position,
            _ => snapshot.last_seq,
        };
        if snapshot.last_seq < self.seq_before_log().unwrap_or(position) {
            return Ok(Delivery::default());
        }
        let (delivered, new): (Vec<_>, Vec<_>) =
            events.into_iter().partition(|event| event.seq <= position);
        self.merge_into_log(delivered);
        let events = self.append_contiguous(position, new);
        self.has_snapshot = self
            .position
            .is_some_and(|position| position >= snapshot.last_seq);
        Ok(Delivery {
            has_gap: leader_lost_entries,
            events,
        })
    }

    /// Inserts older events before those that are already in the log.
    fn merge_into_log(&mut self, older: Vec<StoredEvent>) {
        let appended = std::mem::take(&mut self.log);
        for event in older.into_iter().chain(appended.oldest_first().cloned()) {
            if event.seq > self.log.last_seq() {
                self.log.push(event);
            }
        }
    }

    /// Appends the events that continue the log from `position`, advances the position, and returns
    /// these events. Skips events that the follower already has. Events after a gap are not appended:
    /// the leader sends them again, with those that are missing.
    fn append_contiguous(&mut self, position: i64, events: Vec<StoredEvent>) -> Vec<StoredEvent> {
        let mut appended = Vec::new();
        let mut last = position;
        for event in events {
            if event.seq == last.saturating_add(1) {
                last = event.seq;
                self.log.push(event.clone());
                appended.push(event);
            }
        }
        self.position = Some(last);
        appended
    }

    /// Returns the sequence number before the oldest entry of the log, or `None` if the log is empty.
    fn seq_before_log(&self) -> Option<i64> {
        let oldest = self.log.oldest_first().next()?;
        Some(oldest.seq.saturating_sub(1))
    }

    /// Leaves: forgets the position and the log. The leader stops appending once it learns that
    /// there is no subscriber. With the next append or snapshot, the follower starts at the leader's
    /// position.
    pub fn leave(&mut self) {
        *self = Self::restore(None);
    }
}

fn parse(entries: &[LogEntry]) -> serde_json::Result<Vec<StoredEvent>> {
    entries.iter().map(LogEntry::parse).collect()
}

#[cfg(test)]
mod tests;
