//! The limit on the number of revocations of a tenant.

use std::cell::Cell;

use serde::Deserialize;
use session_events_core::{events::revocation::MAX_REVOCATIONS, timestamp::Timestamp};
use worker::Result;

use super::{database::Database, retention, revocations};

/// Number of session entries to drop at once. To find the oldest takes a scan of all entries.
const DROPPED_SESSIONS: i64 = 50_000;
/// An event adds at most two rows: its session and its user.
const ROWS_PER_EVENT: i64 = 2;

/// Room for new revocations.
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

    /// Makes room for the revocations of new events.
    pub(super) fn make_room(
        &self,
        database: &Database,
        events: usize,
        now: Timestamp,
    ) -> Result<Room> {
        let events = i64::try_from(events).unwrap_or(i64::MAX);
        let needed = events.saturating_mul(ROWS_PER_EVENT);
        let available = Room::Available {
            dropped_sessions: 0,
        };
        let bound = match self.at_most.get() {
            Some(bound) => bound,
            None => bound_by_events(database)?,
        };
        if self.reserve(bound, needed) || self.reserve(revocations::count(database)?, needed) {
            return Ok(available);
        }
        let dropped_sessions = drop_sessions(database, needed, now)?;
        if self.reserve(revocations::count(database)?, needed) {
            return Ok(Room::Available { dropped_sessions });
        }
        Ok(Room::Full)
    }

    /// Returns whether there is room for more rows beside this many. If so, they count from now on.
    fn reserve(&self, rows: i64, needed: i64) -> bool {
        let total = rows.saturating_add(needed);
        let has_room = total <= MAX_REVOCATIONS;
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

/// Drops session entries, those with the oldest dates first. Returns their number.
fn drop_sessions(database: &Database, needed: i64, now: Timestamp) -> Result<usize> {
    let mut dropped = Vec::new();
    database.transaction(|| {
        dropped = revocations::drop_sessions(database, needed.max(DROPPED_SESSIONS), now)?;
        retention::delete_replaced(database, &dropped, i64::MAX)
    })?;
    Ok(dropped.len())
}
