//! The limit on the number of rows in the revocation tables of a tenant.

use std::cell::Cell;

use serde::Deserialize;
use session_events_core::{
    events::{event::Revokes, event_lines::EventLines, revocation::MAX_REVOCATION_ROWS},
    timestamp::Timestamp,
};
use worker::Result;

use super::{
    database::Database,
    retention::{self, LatestEvents},
    revocations,
};

/// Minimum number of session entries to drop at once, because finding the oldest takes a scan of all
/// entries.
const MIN_DROPPED_SESSIONS: i64 = 50_000;
/// Maximum number of rows that an event adds: those of its session and of its user.
const ROWS_PER_EVENT: i64 = 2;

/// The result of making room for new revocations.
pub(crate) enum Room {
    /// There is room. This many session entries were dropped to make it.
    Available { dropped_sessions: usize },
    /// There is no room. Dropping every session entry would not make enough.
    Full,
}

/// An upper bound of the number of rows, so that they are counted only near the limit.
#[derive(Default)]
pub(super) struct Capacity {
    upper_bound: Cell<Option<i64>>,
}

#[derive(Deserialize)]
struct EventsRow {
    events: Option<i64>,
}

impl Capacity {
    /// Forgets the bound after rows were deleted.
    pub(super) fn invalidate(&self) {
        self.upper_bound.set(None);
    }

    /// Makes room for this many new rows. `latest` limits which events may be deleted.
    pub(super) fn make_room(
        &self,
        database: &Database,
        rows: i64,
        latest: LatestEvents,
        now: Timestamp,
    ) -> Result<Room> {
        let available = Room::Available {
            dropped_sessions: 0,
        };
        let bound = match self.upper_bound.get() {
            Some(bound) => bound,
            None => bound_by_events(database)?,
        };
        if self.reserve(bound, rows) {
            return Ok(available);
        }
        let existing = revocations::count(database)?;
        if self.reserve(existing, rows) {
            return Ok(available);
        }
        // User-wide revocations are never dropped. If they leave no room, dropping sessions cannot help.
        if !has_room(revocations::count_user_wide(database)?, rows) {
            return Ok(Room::Full);
        }
        let excess = existing
            .saturating_add(rows)
            .saturating_sub(MAX_REVOCATION_ROWS);
        let mut dropped = Vec::new();
        database.transaction(|| {
            dropped = revocations::drop_sessions(database, excess.max(MIN_DROPPED_SESSIONS), now)?;
            retention::delete_replaced(database, &dropped, latest)
        })?;
        let _has_room = self.reserve(revocations::count(database)?, rows);
        Ok(Room::Available {
            dropped_sessions: dropped.len(),
        })
    }

    /// Returns whether the added rows fit beside the existing ones, and records the new upper bound.
    fn reserve(&self, existing: i64, added: i64) -> bool {
        let has_room = has_room(existing, added);
        let added = if has_room { added } else { 0 };
        self.upper_bound.set(Some(existing.saturating_add(added)));
        has_room
    }
}

fn has_room(existing: i64, added: i64) -> bool {
    existing.saturating_add(added) <= MAX_REVOCATION_ROWS
}

/// Returns an upper bound without a scan of the tables: every revocation belongs to a stored event.
fn bound_by_events(database: &Database) -> Result<i64> {
    let select = "SELECT max(seq) - min(seq) + 1 AS events FROM event_log";
    let rows: Vec<EventsRow> = database.query(select, vec![])?;
    let events = rows.first().and_then(|row| row.events).unwrap_or_default();
    Ok(events.saturating_mul(ROWS_PER_EVENT))
}

/// Returns the maximum number of rows that the revocations of events add: two for the revocation of a
/// session (a row for the session and a row for its user), and one for a user-wide revocation.
pub(super) fn rows_of(events: &EventLines) -> Result<i64> {
    let mut rows = 0_i64;
    for line in events.iter() {
        rows = rows.saturating_add(match line?.event.revokes {
            None => 0,
            Some(Revokes::User) => 1,
            Some(Revokes::Session) => ROWS_PER_EVENT,
        });
    }
    Ok(rows)
}
