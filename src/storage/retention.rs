//! Deletes events that are no longer needed, and expired events with their revocations.
//!
//! An event is needed while it is one of the latest [`DUPLICATE_EVENTS`], while its revocation is
//! current, or while a follower has not acknowledged it and it is one of the latest
//! [`MAX_UNACKNOWLEDGED_EVENTS`]. Every event, needed or not, is deleted at the end of the retention
//! period after its receipt, with its revocation.

use serde::Deserialize;
use session_events_core::{
    events::revocation::{deletion_time, expiry_cutoff},
    sources::batch::MAX_CLOCK_SKEW_SECONDS,
    timestamp::Timestamp,
};
use worker::Result;

use super::{
    database::Database,
    revocations::{self, IS_CURRENT},
};

/// Number of the latest events that are kept to detect duplicates.
const DUPLICATE_EVENTS: i64 = 10_000;
/// Maximum number of unacknowledged events that are kept for followers. It is larger than the largest
/// batch (50,000).
pub(super) const MAX_UNACKNOWLEDGED_EVENTS: i64 = 100_000;
/// Number of events to delete in one step. After `REVOCATION_DAYS` is lowered, a million events can
/// expire at once, and other requests must not wait for all of them.
const MAX_PRUNED_EVENTS: i64 = 10_000;
/// Delays the deletion of an event, in seconds, so that a sleeping object wakes once for many events.
/// It must be at least the clock skew: a revocation holds for the retention period after the event's
/// date, which can be that much later than the receipt.
const PRUNE_DELAY_SECONDS: i64 = MAX_CLOCK_SKEW_SECONDS;

#[derive(Deserialize)]
struct ReceivedRow {
    seq: i64,
    received_at: i64,
}

/// The events that are kept even if their revocation is no longer current.
#[derive(Clone, Copy)]
pub(super) struct LatestEvents {
    /// The sequence number of the latest event.
    pub(super) last_seq: i64,
    /// The sequence number up to which every follower has acknowledged.
    pub(super) min_acked: i64,
}

impl LatestEvents {
    /// Returns the sequence number up to which replaced events may be deleted.
    fn deletable_up_to(self) -> i64 {
        let before_latest = |kept: i64| self.last_seq.saturating_sub(kept);
        before_latest(DUPLICATE_EVENTS)
            .min(self.min_acked)
            .max(before_latest(MAX_UNACKNOWLEDGED_EVENTS))
    }
}

/// Deletes events whose revocation was replaced, unless they are among the latest.
pub(super) fn delete_replaced(
    database: &Database,
    seqs: &[i64],
    latest: LatestEvents,
) -> Result<()> {
    let up_to = latest.deletable_up_to();
    let old: Vec<i64> = seqs.iter().copied().filter(|seq| *seq <= up_to).collect();
    if old.is_empty() {
        return Ok(());
    }
    let delete = format!(
        "DELETE FROM event_log WHERE seq IN (SELECT value FROM json_each(?)) AND NOT {IS_CURRENT}"
    );
    database.execute(&delete, vec![serde_json::to_string(&old)?.into()])
}

/// Must be called when the latest sequence number has advanced from `previous_seq`. Deletes events
/// without a current revocation: beyond the latest [`DUPLICATE_EVENTS`] if every follower has
/// acknowledged them, and beyond the latest [`MAX_UNACKNOWLEDGED_EVENTS`] in any case.
pub(super) fn delete_old(
    database: &Database,
    previous_seq: i64,
    latest: LatestEvents,
) -> Result<()> {
    let LatestEvents {
        last_seq,
        min_acked,
    } = latest;
    let left_latest = |kept: i64| {
        let after = previous_seq.saturating_sub(kept);
        (after, last_seq.saturating_sub(kept))
    };
    let (after, up_to) = left_latest(DUPLICATE_EVENTS);
    delete_replaced_between(database, after, up_to.min(min_acked))?;
    let (after, up_to) = left_latest(MAX_UNACKNOWLEDGED_EVENTS);
    delete_replaced_between(database, after, up_to)
}

/// Deletes the events after `after`, up to and including `up_to`, unless their revocation is current.
fn delete_replaced_between(database: &Database, after: i64, up_to: i64) -> Result<()> {
    if up_to <= 0 || up_to <= after {
        return Ok(());
    }
    let delete = format!("DELETE FROM event_log WHERE seq > ? AND seq <= ? AND NOT {IS_CURRENT}");
    database.execute(&delete, vec![after.into(), up_to.into()])
}

/// Returns the time at which [`prune`] must be called, or `None` if no row names a user.
pub(super) fn next_prune(database: &Database, retention_days: u16) -> Result<Option<Timestamp>> {
    let select = "
        SELECT seq, received_at FROM event_log WHERE user_id <> '' ORDER BY seq LIMIT 1";
    let rows: Vec<ReceivedRow> = database.query(select, vec![])?;
    Ok(rows.first().map(|row| {
        let received_at = Timestamp::from_millis(row.received_at);
        deletion_time(retention_days, received_at).plus_seconds(PRUNE_DELAY_SECONDS)
    }))
}

/// Deletes the oldest expired events and their revocations, at most [`MAX_PRUNED_EVENTS`]. The last
/// row is emptied instead, so that sequence numbers never start again. Must run in a transaction.
pub(super) fn prune(database: &Database, retention_days: u16, now: Timestamp) -> Result<()> {
    let delayed = now.plus_seconds(PRUNE_DELAY_SECONDS.saturating_neg());
    let cutoff = expiry_cutoff(retention_days, delayed).as_millis();
    let oldest = "SELECT seq, received_at FROM event_log ORDER BY seq LIMIT ?";
    let rows: Vec<ReceivedRow> = database.query(oldest, vec![MAX_PRUNED_EVENTS.into()])?;
    let expired = rows.iter().take_while(|row| row.received_at <= cutoff);
    let Some(last) = expired.last() else {
        return Ok(());
    };
    revocations::delete_up_to(database, last.seq)?;
    let delete = "
        DELETE FROM event_log WHERE seq <= ? AND seq < (SELECT max(seq) FROM event_log)";
    database.execute(delete, vec![last.seq.into()])?;
    let empty = "
        UPDATE event_log
        SET log_id = NULL, type = '', date = '', user_id = '', session_id = NULL, revokes = NULL
        WHERE seq <= ?";
    database.execute(empty, vec![last.seq.into()])
}
