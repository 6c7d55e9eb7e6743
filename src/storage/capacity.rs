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

/// Number of session entries to drop at once. To find the oldest takes a scan of all entries.
const DROPPED_SESSIONS: i64 = 50_000;
/// Maximum number of rows that an event adds: those of its session and of its user.
const ROWS_PER_EVENT: i64 = 2;

/// The result of making room for new revocations.
pub(crate) enum Room {
    /// There is room. This many session entries were dropped to make it.
    Available { dropped_sessions: usize },
    /// There is no room: only users with user-wide revocations are left.
    Full,
}

/// An upper bound of the number of revocations, so that they are counted only near the limit.
#[derive(Default)]
pub(super) struct Capacity {
    at_most: Cell<Option<i64>>,
}

#[derive(Deserialize)]
struct EventsRow {
    events: Option<i64>,
}

impl Capacity {
    /// Forgets the bound after rows were deleted.
    pub(super) fn invalidate(&self) {
        self.at_most.set(None);
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
        let bound = match self.at_most.get() {
            Some(bound) => bound,
            None => bound_by_events(database)?,
        };
        if self.reserve(bound, rows) || self.reserve(revocations::count(database)?, rows) {
            return Ok(available);
        }
        // User-wide revocations are never dropped, so without them there must be room.
        if !self.reserve(revocations::count_user_wide(database)?, rows) {
            return Ok(Room::Full);
        }
        self.invalidate();
        let mut dropped = Vec::new();
        database.transaction(|| {
            dropped = revocations::drop_sessions(database, rows.max(DROPPED_SESSIONS), now)?;
            retention::delete_replaced(database, &dropped, latest)
        })?;
        if self.reserve(revocations::count(database)?, rows) {
            return Ok(Room::Available {
                dropped_sessions: dropped.len(),
            });
        }
        Ok(Room::Full)
    }

    /// Returns whether there is room for more rows beside this many. If so, they count from now on.
    fn reserve(&self, rows: i64, needed: i64) -> bool {
        let total = rows.saturating_add(needed);
        let has_room = total <= MAX_REVOCATION_ROWS;
        self.at_most.set(Some(if has_room { total } else { rows }));
        has_room
    }
}

/// Returns a bound that takes no count: every revocation belongs to one of the stored events.
fn bound_by_events(database: &Database) -> Result<i64> {
    let select = "SELECT max(seq) - min(seq) + 1 AS events FROM event_log";
    let rows: Vec<EventsRow> = database.query(select, vec![])?;
    let events = rows.first().and_then(|row| row.events).unwrap_or_default();
    Ok(events.saturating_mul(ROWS_PER_EVENT))
}

/// Returns the number of rows that the revocations of events add at most: for that of a session, one
/// of the session and one of its user.
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
