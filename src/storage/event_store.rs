//! The events and their revocations on disk.
//!
//! A batch is stored in one transaction. If it fails, nothing of it is stored and the publisher can
//! repeat it. [`insert`] decides which events are duplicates. Sequence numbers are assigned without
//! gaps.

use std::{cell::RefMut, collections::HashMap, rc::Rc};

use serde::Deserialize;
use session_events_core::{
    events::{
        event::{Event, EventType, Revokes},
        event_lines::{EventLine, EventLines, Publication, Source},
        event_log::{EventLog, MAX_REPLAY_EVENTS, StoredEvent},
        revocation::expiry_cutoff,
    },
    protocol::bodies::DroppedRevocations,
    replication::messages::{LogEntry, MAX_APPEND_ENTRIES},
    timestamp::Timestamp,
};
use worker::{Result, State};

use super::{
    cached::Cached,
    capacity::{self, Capacity, Room},
    database::Database,
    retention::{self, LatestEvents, MAX_UNACKNOWLEDGED_EVENTS},
    revocation_queries::Revocations,
    revocations,
    schema::{EVENTS, Tables},
};

/// Number of events that the log keeps for replay.
#[expect(clippy::cast_possible_wrap, reason = "the constant is 100")]
const REPLAY_EVENTS: i64 = MAX_REPLAY_EVENTS as i64;
/// Maximum number of events per statement.
const MAX_STATEMENT_EVENTS: usize = 1_000;
/// Number of bytes after which a statement takes no more events. It is far below 2 MB, the maximum
/// size of a bound value (Cloudflare, "Durable Objects: Limits").
const STATEMENT_BYTES: usize = 512 * 1024;

/// The stored events and their revocations, and the latest events in memory.
pub(crate) struct EventStore {
    tables: Tables,
    log: Cached<EventLog>,
    capacity: Capacity,
}

/// An event that was stored.
pub(crate) struct StoredLine<'e> {
    pub(crate) seq: i64,
    /// The event as JSON, exactly as subscribers receive it.
    pub(crate) json: &'e str,
}

impl StoredLine<'_> {
    /// Parses the event. Never `None` for an event that was stored, because it was parsed before that.
    pub(crate) fn parse(&self) -> Option<StoredEvent> {
        StoredEvent::from_json(self.seq, self.json.to_owned()).ok()
    }
}

/// A row that was inserted into `event_log`.
#[derive(Deserialize)]
struct AcceptedRow {
    seq: i64,
    log_id: String,
}

/// A row of `event_log` that has an event: any but a last row that a prune has emptied.
#[derive(Deserialize)]
struct EventRow {
    seq: i64,
    log_id: String,
    #[serde(rename = "type")]
    event_type: EventType,
    date: String,
    user_id: String,
    session_id: Option<String>,
    revokes: Option<Revokes>,
}

/// The largest sequence number, which is null without rows.
#[derive(Deserialize)]
struct LastRow {
    seq: Option<i64>,
}

impl EventStore {
    /// Returns the event store of an object.
    pub(crate) fn new(state: &Rc<State>) -> Self {
        Self {
            tables: Tables::new(Database::new(state), EVENTS),
            log: Cached::new(),
            capacity: Capacity::default(),
        }
    }

    /// Checks that the events can be read.
    pub(crate) fn check(&self) -> Result<()> {
        self.read_last_seq().map(drop)
    }

    /// Returns the revocations.
    pub(crate) fn revocations(&self) -> Revocations<'_> {
        Revocations::new(&self.tables)
    }

    /// Passes the latest events to a closure.
    pub(crate) fn with_log<T>(&self, read: impl FnOnce(&EventLog) -> T) -> Result<T> {
        Ok(read(&*self.log()?))
    }

    fn log(&self) -> Result<RefMut<'_, EventLog>> {
        self.log.get_or_load(|| {
            let last_seq = self.read_last_seq()?;
            let mut log = EventLog::continuing_after(last_seq);
            for event in self.events_after(last_seq.saturating_sub(REPLAY_EVENTS), REPLAY_EVENTS)? {
                log.push(event);
            }
            Ok(log)
        })
    }

    fn read_last_seq(&self) -> Result<i64> {
        let select = "SELECT max(seq) AS seq FROM event_log";
        let rows: Vec<LastRow> = self.tables.query(select, vec![])?;
        Ok(rows.first().and_then(|row| row.seq).unwrap_or_default())
    }

    /// Returns the sequence number of the latest event, or 0 if there has been none.
    pub(crate) fn last_seq(&self) -> Result<i64> {
        self.with_log(EventLog::last_seq)
    }

    /// Returns the oldest entries after a sequence number, at most [`MAX_APPEND_ENTRIES`]. There are
    /// no gaps between them, but entries before the first may have been deleted.
    pub(crate) fn entries_after(&self, seq: i64) -> Result<Vec<LogEntry>> {
        let oldest = self.last_seq()?.saturating_sub(MAX_UNACKNOWLEDGED_EVENTS);
        let events = self.events_after(seq.max(oldest), i64::from(MAX_APPEND_ENTRIES))?;
        Ok(events.iter().map(LogEntry::from).collect())
    }

    fn events_after(&self, seq: i64, limit: i64) -> Result<Vec<StoredEvent>> {
        let select = "
            SELECT seq, log_id, type, date, user_id, session_id, revokes FROM event_log
            WHERE seq > ? AND user_id <> '' AND log_id IS NOT NULL ORDER BY seq LIMIT ?";
        let rows: Vec<EventRow> = self.tables.query(select, vec![seq.into(), limit.into()])?;
        rows.into_iter().map(EventRow::into_event).collect()
    }

    /// Makes room for the revocations of new events. If the tenant has too many revocations, those of
    /// the sessions with the oldest dates are dropped. `min_acked` is the sequence number up to which
    /// every follower has acknowledged.
    pub(crate) fn make_room(
        &self,
        events: &EventLines,
        now: Timestamp,
        min_acked: i64,
    ) -> Result<Room> {
        let rows = capacity::rows_of(events)?;
        let latest = LatestEvents {
            last_seq: self.last_seq()?,
            min_acked,
        };
        let database = self.tables.for_writing()?;
        self.capacity.make_room(database, rows, latest, now)
    }

    /// Returns how many revocations of sessions were dropped to make room, and when last. `None` if none
    /// were.
    pub(crate) fn dropped_revocations(&self) -> Result<Option<DroppedRevocations>> {
        match self.tables.for_reading()? {
            None => Ok(None),
            Some(database) => revocations::dropped(database),
        }
    }

    /// Stores the events that are not duplicates, all or none, and returns them in order.
    /// `min_acked` is the sequence number up to which every follower has acknowledged.
    pub(crate) fn append<'e>(
        &self,
        publication: &'e Publication,
        now: Timestamp,
        min_acked: i64,
        retention_days: u16,
    ) -> Result<Vec<StoredLine<'e>>> {
        let database = self.tables.for_writing()?;
        // Load the log first. A later load would already contain the new events, and they would be
        // pushed twice.
        let previous_seq = self.last_seq()?;
        let cutoff = expiry_cutoff(retention_days, now);
        let mut stored: Vec<StoredLine<'e>> = Vec::new();
        database.transaction(|| {
            let inserted = insert_all(database, publication, now, cutoff)?;
            stored = inserted.stored;
            let latest = LatestEvents {
                last_seq: stored.last().map_or(previous_seq, |event| event.seq),
                min_acked,
            };
            retention::delete_replaced(database, &inserted.replaced, latest)?;
            retention::delete_old(database, previous_seq, latest)
        })?;
        self.push_latest(&stored);
        Ok(stored)
    }

    /// Adds the latest of new events to the log in memory.
    fn push_latest(&self, stored: &[StoredLine<'_>]) {
        let oldest_to_replay = stored.len().saturating_sub(MAX_REPLAY_EVENTS);
        let latest = stored.iter().skip(oldest_to_replay);
        self.log.update(|log| {
            latest
                .filter_map(StoredLine::parse)
                .for_each(|event| log.push(event));
        });
    }

    /// Returns the time at which [`EventStore::prune`] must be called, or `None` without events.
    pub(crate) fn next_prune(&self, retention_days: u16) -> Result<Option<Timestamp>> {
        match self.tables.for_reading()? {
            None => Ok(None),
            Some(database) => retention::next_prune(database, retention_days),
        }
    }

    /// Deletes the oldest expired events and their revocations, a limited number of them. If others
    /// remain, the next prune is due at once.
    pub(crate) fn prune(&self, retention_days: u16, now: Timestamp) -> Result<()> {
        let Some(database) = self.tables.for_reading()? else {
            return Ok(());
        };
        database.transaction(|| retention::prune(database, retention_days, now))?;
        self.log.invalidate();
        self.capacity.invalidate();
        Ok(())
    }
}

/// The result of the insertion of events and their revocations.
struct Inserted<'e> {
    /// The events that are not duplicates.
    stored: Vec<StoredLine<'e>>,
    /// The sequence numbers of events whose revocation was replaced.
    replaced: Vec<i64>,
}

/// Inserts the events of a publication and their revocations.
fn insert_all<'e>(
    database: &Database,
    publication: &'e Publication,
    now: Timestamp,
    cutoff: Timestamp,
) -> Result<Inserted<'e>> {
    let source = publication.source;
    let mut inserted = Inserted {
        stored: Vec::new(),
        replaced: Vec::new(),
    };
    let mut lines = publication.events.iter();
    loop {
        let chunk = next_chunk(&mut lines)?;
        if chunk.is_empty() {
            return Ok(inserted);
        }
        let accepted = insert(database, chunk, source, now)?;
        let changes = accepted.iter().map(|(seq, line)| (*seq, &line.event));
        let replaced = revocations::record(database, changes, source, cutoff)?;
        inserted.replaced.extend(replaced);
        let stored = accepted.into_iter().map(|(seq, line)| StoredLine {
            seq,
            json: line.json,
        });
        inserted.stored.extend(stored);
    }
}

/// Returns the next events for one statement.
fn next_chunk<'e>(
    lines: &mut impl Iterator<Item = serde_json::Result<EventLine<'e>>>,
) -> Result<Vec<EventLine<'e>>> {
    let mut chunk = Vec::new();
    let mut bytes = 0_usize;
    while chunk.len() < MAX_STATEMENT_EVENTS && bytes < STATEMENT_BYTES {
        let Some(line) = lines.next() else { break };
        let line = line?;
        bytes = bytes.saturating_add(line.json.len());
        chunk.push(line);
    }
    Ok(chunk)
}

/// Inserts events. Returns those that are not duplicates, each with its new sequence number.
///
/// An event is a duplicate if an event with its id is stored: one of the latest 10,000, or one whose
/// revocation is current. It is also a duplicate if it ends a session that has already ended, and at
/// least one of the two reports is a logout token: the log and the logout tokens of several clients
/// report the same end. Two records of the log with different ids are two events.
fn insert<'e>(
    database: &Database,
    lines: Vec<EventLine<'e>>,
    source: Source,
    now: Timestamp,
) -> Result<Vec<(i64, EventLine<'e>)>> {
    let insert = "
        INSERT INTO event_log (log_id, received_at, type, date, user_id, session_id, revokes)
        SELECT value ->> 'id', ?, value ->> 'type', value ->> 'date', value ->> 'user_id',
            value ->> 'session_id', value ->> 'revokes'
        FROM json_each(?) WHERE NOT EXISTS (
            SELECT 1 FROM revoked_sessions AS session
            WHERE session.user_id = value ->> 'user_id'
                AND session.session_id = value ->> 'session_id'
                AND session.ended_at IS NOT NULL AND (? OR session.ended_by_token)
                -- The types of `EventType::ends_session`.
                AND value ->> 'type' IN ('logout', 'session_revoked')
        )
        ON CONFLICT (log_id) DO NOTHING RETURNING seq, log_id";
    let members: Vec<&str> = lines.iter().map(|line| line.json).collect();
    let json = format!("[{}]", members.join(","));
    let is_from_token = i64::from(source == Source::LogoutToken);
    let bindings = vec![now.as_millis().into(), json.into(), is_from_token.into()];
    let rows: Vec<AcceptedRow> = database.query(insert, bindings)?;
    let mut seqs: HashMap<String, i64> =
        rows.into_iter().map(|row| (row.log_id, row.seq)).collect();
    // Remove each number: a batch may contain the same log record twice.
    let accepted = lines
        .into_iter()
        .filter_map(|line| Some((seqs.remove(&line.event.id)?, line)));
    Ok(accepted.collect())
}

impl EventRow {
    fn into_event(self) -> Result<StoredEvent> {
        let event = Event {
            id: self.log_id,
            event_type: self.event_type,
            date: self.date,
            user_id: self.user_id,
            session_id: self.session_id,
            revokes: self.revokes,
        };
        let json = serde_json::to_string(&event)?;
        Ok(StoredEvent::new(self.seq, event, json))
    }
}
