//! The rows in which it is kept who was revoked when.
//!
//! They change in the transaction that stores the events, so neither is ever there without the
//! other. A row only moves forward in time: the statement that writes it says so. Each change
//! carries the number of its event, so whoever reads the rows by that number misses none that
//! changes meanwhile: it comes again, later.

use serde::{Deserialize, Serialize};
use session_events_core::{
    event::{Event, Kind},
    revocation::{Page, PageRequest, Revocation},
    timestamp::Timestamp,
};
use worker::Result;

use super::database::Database;

/// What is kept: `session_id` is empty where all of a user's tokens are meant, `at` is the moment
/// up to which they are revoked, `seq` the number of the event.
pub(super) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS revocations (
        user_id TEXT NOT NULL,
        session_id TEXT NOT NULL,
        seq INTEGER NOT NULL,
        type TEXT NOT NULL,
        date TEXT NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (user_id, session_id)
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS revocations_by_seq ON revocations (seq);
    CREATE INDEX IF NOT EXISTS revocations_by_at ON revocations (at);
";

const SECONDS_A_DAY: i64 = 24 * 60 * 60;
/// Rows are let go together, so that an object that is otherwise asleep wakes for it seldom.
const PRUNING_SECONDS: i64 = 60 * 60;
/// How many rows are let go in one step, so that nobody waits for it: where `REVOCATION_DAYS` was
/// lowered there may be a million.
const PRUNED_AT_ONCE: i64 = 10_000;

/// A tenant's revocations.
pub(super) struct Revocations {
    database: Database,
}

/// A change, as the statement takes it: user, session, number, type, date, moment.
#[derive(Serialize)]
struct Change(String, String, i64, Kind, String, i64);

/// A revocation, as the statement yields it: user, session, number, type, date.
#[derive(Deserialize)]
struct Row(String, String, i64, Kind, String);

impl Revocations {
    pub(super) fn new(database: Database) -> Self {
        Self { database }
    }

    /// Takes in what these events, each with its number, revoke.
    pub(super) fn record<'a>(
        &self,
        events: impl Iterator<Item = (i64, &'a Event)>,
        now: Timestamp,
    ) -> Result<()> {
        let changes: Vec<Change> = events
            .filter_map(|(seq, event)| {
                let revocation = Revocation::from_event(event)?;
                let at = revocation.revoked_at(now).as_millis();
                let session = revocation.session_id.unwrap_or_default();
                let (user, date) = (revocation.user_id, revocation.date);
                Some(Change(user, session, seq, revocation.kind, date, at))
            })
            .collect();
        if changes.is_empty() {
            return Ok(());
        }
        let record = "
            INSERT INTO revocations (user_id, session_id, seq, type, date, at)
            SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5
            FROM json_each(?) WHERE true
            ON CONFLICT (user_id, session_id) DO UPDATE
            SET seq = excluded.seq, type = excluded.type, date = excluded.date, at = excluded.at
            WHERE excluded.at > at";
        let changes = serde_json::to_string(&changes)?;
        self.database.run(record, vec![changes.into()])
    }

    /// A page, of what was revoked no longer ago than `days`; it is the last unless it is full.
    pub(super) fn page(
        &self,
        wanted: PageRequest,
        last_event_id: Option<String>,
        days: u16,
        now: Timestamp,
    ) -> Result<Page> {
        let columns = "SELECT user_id, session_id, seq, type, date FROM revocations";
        let (after, limit) = (wanted.after, wanted.limit);
        let oldest = oldest_kept(days, now).as_millis();
        let rows: Vec<Row> = match wanted.user_id {
            None => self.database.rows(
                &format!("{columns} WHERE seq > ? AND at > ? ORDER BY seq LIMIT ?"),
                vec![after.into(), oldest.into(), i64::from(limit).into()],
            ),
            Some(user_id) => self.database.rows(
                &format!("{columns} WHERE user_id = ? AND seq > ? AND at > ? ORDER BY seq LIMIT ?"),
                vec![
                    user_id.into(),
                    after.into(),
                    oldest.into(),
                    i64::from(limit).into(),
                ],
            ),
        }?;
        let full = u32::try_from(rows.len()).is_ok_and(|count| count == limit);
        let last = rows.last().map(|Row(_, _, seq, ..)| seq.to_string());
        Ok(Page {
            revocations: rows.into_iter().map(revocation).collect(),
            next: last.filter(|_| full),
            last_event_id,
        })
    }

    /// Up to when a user's tokens are revoked: all of them, or those of a session; where it is not
    /// known which session a token is of, the end of any counts.
    pub(super) fn revoked_at(
        &self,
        user_id: &str,
        session_id: Option<&str>,
    ) -> Result<Option<Timestamp>> {
        let newest = "SELECT max(at) FROM revocations WHERE user_id = ?";
        let numbers = match session_id {
            None => self.database.numbers(newest, vec![user_id.into()]),
            Some(session_id) => self.database.numbers(
                &format!("{newest} AND session_id IN ('', ?)"),
                vec![user_id.into(), session_id.into()],
            ),
        };
        Ok(at_of(numbers?))
    }

    /// When rows must be let go; `None` where there are none.
    pub(super) fn due(&self, days: u16) -> Result<Option<Timestamp>> {
        let oldest = "SELECT min(at) FROM revocations";
        let oldest = at_of(self.database.numbers(oldest, vec![])?);
        let kept = i64::from(days).saturating_mul(SECONDS_A_DAY);
        let due = |oldest: Timestamp| oldest.plus_seconds(kept.saturating_add(PRUNING_SECONDS));
        Ok(oldest.map(due))
    }

    /// Lets go of the oldest that were revoked longer than `days` ago; the rest is due at once.
    pub(super) fn prune(&self, days: u16, now: Timestamp) -> Result<()> {
        let aged = "
            DELETE FROM revocations WHERE (user_id, session_id) IN
            (SELECT user_id, session_id FROM revocations WHERE at <= ? ORDER BY at LIMIT ?)";
        let oldest = oldest_kept(days, now).as_millis();
        self.database
            .run(aged, vec![oldest.into(), PRUNED_AT_ONCE.into()])
    }
}

fn oldest_kept(days: u16, now: Timestamp) -> Timestamp {
    now.plus_seconds(i64::from(days).saturating_mul(-SECONDS_A_DAY))
}

fn revocation(Row(user_id, session_id, _, kind, date): Row) -> Revocation {
    Revocation {
        user_id,
        session_id: Some(session_id).filter(|id| !id.is_empty()),
        kind,
        date,
    }
}

fn at_of(numbers: Vec<i64>) -> Option<Timestamp> {
    let at = numbers.into_iter().next()?;
    Some(Timestamp::from_millis(at))
}
