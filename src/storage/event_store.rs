//! The event log on disk.
//!
//! A batch is stored in one transaction. If it fails, nothing of it is stored and the publisher can
//! repeat it. The unique column `log_id` decides whether a log record is a duplicate. Sequence
//! numbers have no gaps and only the oldest rows are ever deleted, so a range of sequence numbers
//! has a known number of rows.

use std::{cell::RefMut, rc::Rc};

use serde::{Deserialize, Serialize};
use session_events_core::{
    events::{
        event::Event,
        event_log::{EventLog, MAX_STORED_EVENTS, StoredEvent},
        revocation::MAX_REVOCATIONS,
    },
    replication::messages::{LogEntry, MAX_APPEND_ENTRIES},
    timestamp::Timestamp,
};
use worker::{Result, State};

use super::{cached::Cached, database::Database, revocations::Revocations};

/// Number of events that the log keeps for replay.
#[expect(clippy::cast_possible_wrap, reason = "the constant is 100")]
const REPLAY_EVENTS: i64 = MAX_STORED_EVENTS as i64;
/// Maximum number of unacknowledged events that the log keeps for followers. It is larger than the
/// largest batch (50,000).
const MAX_UNACKNOWLEDGED_EVENTS: i64 = 100_000;
/// Number of log ids that are kept to detect duplicates.
const MAX_LOG_IDS: i64 = 10_000;
/// Number of events per statement. This many of the longest possible events stay below 2 MB, the
/// maximum size of a bound value (Cloudflare, "Durable Objects: Limits").
const EVENTS_PER_STATEMENT: usize = 100;

/// The stored events, their revocations, and the latest events in memory.
pub(crate) struct EventStore {
    database: Database,
    revocations: Revocations,
    log: Cached<EventLog>,
}

/// A row of the table `accepted`.
#[derive(Deserialize)]
struct AcceptedRow {
    seq: i64,
    log_id: String,
}

/// A row of the table `events`.
#[derive(Serialize)]
struct EventRow<'a> {
    seq: i64,
    event: &'a str,
}

impl EventStore {
    /// Returns the event store of an object.
    pub(crate) fn new(state: &Rc<State>) -> Self {
        let database = Database::new(state);
        Self {
            revocations: Revocations::new(database.clone()),
            database,
            log: Cached::new(),
        }
    }

    /// Checks that the events can be read.
    pub(crate) fn check(&self) -> Result<()> {
        let last = "SELECT seq, event FROM events ORDER BY seq DESC LIMIT 1";
        self.database.query::<LogEntry>(last, vec![]).map(drop)
    }

    /// Returns the revocations.
    pub(crate) fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    /// Passes the latest events to a closure.
    pub(crate) fn with_log<T>(&self, read: impl FnOnce(&EventLog) -> T) -> Result<T> {
        Ok(read(&*self.log()?))
    }

    fn log(&self) -> Result<RefMut<'_, EventLog>> {
        self.log.get_or_load(|| {
            let latest = "
                SELECT seq, event FROM
                (SELECT seq, event FROM events ORDER BY seq DESC LIMIT ?) ORDER BY seq";
            let entries: Vec<LogEntry> = self.database.query(latest, vec![REPLAY_EVENTS.into()])?;
            let mut log = EventLog::default();
            for entry in entries {
                log.push(entry.parse()?);
            }
            Ok(log)
        })
    }

    /// Returns the sequence number of the latest event, or 0 if there is none.
    pub(crate) fn last_seq(&self) -> Result<i64> {
        self.with_log(EventLog::last_seq)
    }

    /// Returns the oldest entries after a sequence number, at most [`MAX_APPEND_ENTRIES`].
    pub(crate) fn entries_after(&self, seq: i64) -> Result<Vec<LogEntry>> {
        let next = "SELECT seq, event FROM events WHERE seq > ? ORDER BY seq LIMIT ?";
        let limit = i64::from(MAX_APPEND_ENTRIES);
        self.database.query(next, vec![seq.into(), limit.into()])
    }

    /// Stores the events that are not duplicates, all or none, and returns them in order.
    /// `min_acked` is the sequence number up to which every follower has acknowledged.
    pub(crate) fn append(
        &self,
        events: Vec<Event>,
        now: Timestamp,
        min_acked: i64,
    ) -> Result<Vec<StoredEvent>> {
        // Load the log before the rows change, so that a partial log is never taken for the whole.
        self.with_log(|_| ())?;
        let mut stored = Vec::new();
        let mut events = events.into_iter().peekable();
        self.database.transaction(|| {
            while events.peek().is_some() {
                let chunk = events.by_ref().take(EVENTS_PER_STATEMENT).collect();
                stored.extend(self.insert(chunk, now)?);
            }
            match stored.last() {
                Some(last) => self.delete_old_rows(last.seq, min_acked),
                None => Ok(()),
            }
        })?;
        self.log.update(|log| {
            for event in &stored {
                log.push(event.clone());
            }
        });
        Ok(stored)
    }

    fn insert(&self, events: Vec<Event>, now: Timestamp) -> Result<Vec<StoredEvent>> {
        let accepted = self.insert_log_ids(events)?;
        self.revocations
            .record(accepted.iter().map(|(seq, event)| (*seq, event)), now)?;
        let mut stored = Vec::new();
        for (seq, event) in accepted {
            let json = serde_json::to_string(&event)?;
            stored.push(StoredEvent::new(seq, event, json));
        }
        self.insert_events(&stored)?;
        Ok(stored)
    }

    /// Inserts the log ids of events. Returns the events that are not duplicates, each with its new
    /// sequence number.
    fn insert_log_ids(&self, events: Vec<Event>) -> Result<Vec<(i64, Event)>> {
        let log_ids: Vec<&str> = events.iter().map(|event| event.id.as_str()).collect();
        let insert = "
            INSERT INTO accepted (log_id) SELECT value FROM json_each(?) WHERE true
            ON CONFLICT (log_id) DO NOTHING RETURNING seq, log_id";
        let log_ids = serde_json::to_string(&log_ids)?;
        let mut rows: Vec<AcceptedRow> = self.database.query(insert, vec![log_ids.into()])?;
        let accepted = events.into_iter().filter_map(|event| {
            // Remove the row: a batch may contain the same log record twice.
            let index = rows.iter().position(|row| row.log_id == event.id)?;
            Some((rows.swap_remove(index).seq, event))
        });
        Ok(accepted.collect())
    }

    fn insert_events(&self, stored: &[StoredEvent]) -> Result<()> {
        let insert = "
            INSERT INTO events (seq, event)
            SELECT value ->> 'seq', value ->> 'event' FROM json_each(?)";
        let rows: Vec<EventRow<'_>> = stored
            .iter()
            .map(|event| EventRow {
                seq: event.seq,
                event: &event.json,
            })
            .collect();
        let rows = serde_json::to_string(&rows)?;
        self.database.execute(insert, vec![rows.into()])
    }

    /// Deletes rows that exceed the limits. Each revocation belongs to one event, so sequence
    /// numbers bound the number of revocations too.
    fn delete_old_rows(&self, last_seq: i64, min_acked: i64) -> Result<()> {
        let before_last = |count| last_seq.saturating_sub(count);
        let events = before_last(REPLAY_EVENTS)
            .min(min_acked)
            .max(before_last(MAX_UNACKNOWLEDGED_EVENTS));
        for (delete, up_to) in [
            ("DELETE FROM events WHERE seq <= ?", events),
            (
                "DELETE FROM accepted WHERE seq <= ?",
                before_last(MAX_LOG_IDS),
            ),
            (
                "DELETE FROM revocations WHERE seq <= ?",
                before_last(i64::from(MAX_REVOCATIONS)),
            ),
        ] {
            // Below the limit there is nothing to delete.
            if up_to > 0 {
                self.database.execute(delete, vec![up_to.into()])?;
            }
        }
        Ok(())
    }
}
