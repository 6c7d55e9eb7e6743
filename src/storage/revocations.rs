//! The revocation table.
//!
//! Rows change in the same transaction that stores their events. A row only moves forward in time.
//! Every change carries the sequence number of its event, so a client that reads pages by sequence
//! number misses no row that changes meanwhile: the row appears again on a later page.

use serde::{Deserialize, Serialize};
use session_events_core::{
    events::{
        event::{Event, EventType},
        revocation::Revocation,
    },
    protocol::revocation_page::{PageRequest, RevocationPage},
    timestamp::Timestamp,
};
use worker::Result;

use super::database::Database;

const SECONDS_PER_DAY: i64 = 24 * 60 * 60;
/// Seconds for which an expired row may stay, so that a sleeping object wakes for many rows at once.
const PRUNE_DELAY_SECONDS: i64 = 60 * 60;
/// Number of rows to delete in one step. After `REVOCATION_DAYS` is lowered, a million rows can
/// expire at once, and other requests must not wait for all of them.
const MAX_PRUNED_ROWS: i64 = 10_000;

/// The revocations of a tenant.
pub(crate) struct Revocations {
    database: Database,
}

/// A row to insert or update.
#[derive(Serialize)]
struct Change {
    user_id: String,
    session_id: String,
    seq: i64,
    #[serde(rename = "type")]
    event_type: EventType,
    date: String,
    /// Milliseconds since 1970.
    at: i64,
}

/// A row as selected for a page.
#[derive(Deserialize)]
struct Row {
    user_id: String,
    session_id: String,
    seq: i64,
    #[serde(rename = "type")]
    event_type: EventType,
    date: String,
}

/// An aggregate over the column `at`, which is null without rows.
#[derive(Deserialize)]
struct AtRow {
    at: Option<i64>,
}

impl Revocations {
    /// Returns the revocations in this database.
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }

    /// Records the revocations of events, each given with its sequence number.
    pub(crate) fn record<'a>(
        &self,
        events: impl Iterator<Item = (i64, &'a Event)>,
        now: Timestamp,
    ) -> Result<()> {
        let changes: Vec<Change> = events
            .filter_map(|(seq, event)| Change::new(seq, event, now))
            .collect();
        if changes.is_empty() {
            return Ok(());
        }
        let upsert = "
            INSERT INTO revocations (user_id, session_id, seq, type, date, at)
            SELECT value ->> 'user_id', value ->> 'session_id', value ->> 'seq', value ->> 'type',
                   value ->> 'date', value ->> 'at'
            FROM json_each(?) WHERE true
            ON CONFLICT (user_id, session_id) DO UPDATE
            SET seq = excluded.seq, type = excluded.type, date = excluded.date, at = excluded.at
            WHERE excluded.at > at";
        let changes = serde_json::to_string(&changes)?;
        self.database.execute(upsert, vec![changes.into()])
    }

    /// Returns a page of the revocations of the last `days` days. A page that is not full is the
    /// last.
    pub(crate) fn page(
        &self,
        request: PageRequest,
        last_event_id: Option<String>,
        days: u16,
        now: Timestamp,
    ) -> Result<RevocationPage> {
        let columns = "SELECT user_id, session_id, seq, type, date FROM revocations";
        let expired = expiry(days, now).as_millis();
        let PageRequest {
            after,
            limit,
            user_id,
        } = request;
        let rows: Vec<Row> = match user_id {
            None => self.database.query(
                &format!("{columns} WHERE seq > ? AND at > ? ORDER BY seq LIMIT ?"),
                vec![after.into(), expired.into(), i64::from(limit).into()],
            ),
            Some(user_id) => self.database.query(
                &format!("{columns} WHERE user_id = ? AND seq > ? AND at > ? ORDER BY seq LIMIT ?"),
                vec![
                    user_id.into(),
                    after.into(),
                    expired.into(),
                    i64::from(limit).into(),
                ],
            ),
        }?;
        let is_full = u32::try_from(rows.len()).is_ok_and(|count| count == limit);
        let next = match rows.last() {
            Some(last) if is_full => Some(last.seq.to_string()),
            _ => None,
        };
        Ok(RevocationPage {
            revocations: rows.into_iter().map(Revocation::from).collect(),
            next,
            last_event_id,
        })
    }

    /// Returns the latest revocation time for a user. With a session id, only that session and
    /// user-wide revocations count; without one, all of the user's.
    pub(crate) fn revoked_at(
        &self,
        user_id: &str,
        session_id: Option<&str>,
    ) -> Result<Option<Timestamp>> {
        let latest = "SELECT max(at) AS at FROM revocations WHERE user_id = ?";
        match session_id {
            None => self.select_at(latest, vec![user_id.into()]),
            Some(session_id) => self.select_at(
                &format!("{latest} AND session_id IN ('', ?)"),
                vec![user_id.into(), session_id.into()],
            ),
        }
    }

    /// Returns the time at which [`Revocations::prune`] must be called, or `None` if the table is
    /// empty.
    pub(crate) fn next_prune(&self, days: u16) -> Result<Option<Timestamp>> {
        let oldest = self.select_at("SELECT min(at) AS at FROM revocations", vec![])?;
        let retention = i64::from(days).saturating_mul(SECONDS_PER_DAY);
        let delay = retention.saturating_add(PRUNE_DELAY_SECONDS);
        Ok(oldest.map(|oldest| oldest.plus_seconds(delay)))
    }

    /// Deletes the oldest expired rows, at most [`MAX_PRUNED_ROWS`]. If others remain, the next
    /// prune is due at once.
    pub(crate) fn prune(&self, days: u16, now: Timestamp) -> Result<()> {
        let delete = "
            DELETE FROM revocations WHERE (user_id, session_id) IN
            (SELECT user_id, session_id FROM revocations WHERE at <= ? ORDER BY at LIMIT ?)";
        let expired = expiry(days, now).as_millis();
        self.database
            .execute(delete, vec![expired.into(), MAX_PRUNED_ROWS.into()])
    }

    fn select_at(
        &self,
        statement: &str,
        bindings: Vec<worker::SqlStorageValue>,
    ) -> Result<Option<Timestamp>> {
        let rows: Vec<AtRow> = self.database.query(statement, bindings)?;
        let at = rows.first().and_then(|row| row.at);
        Ok(at.map(Timestamp::from_millis))
    }
}

impl Change {
    /// Returns the row for an event, or `None` if the event revokes nothing.
    fn new(seq: i64, event: &Event, now: Timestamp) -> Option<Self> {
        let revocation = Revocation::from_event(event)?;
        Some(Self {
            at: revocation.revoked_at(now).as_millis(),
            user_id: revocation.user_id,
            session_id: revocation.session_id.unwrap_or_default(),
            seq,
            event_type: revocation.event_type,
            date: revocation.date,
        })
    }
}

impl From<Row> for Revocation {
    fn from(row: Row) -> Self {
        Self {
            user_id: row.user_id,
            session_id: Some(row.session_id).filter(|id| !id.is_empty()),
            event_type: row.event_type,
            date: row.date,
        }
    }
}

/// Returns the time up to which revocations have expired.
fn expiry(days: u16, now: Timestamp) -> Timestamp {
    now.plus_seconds(i64::from(days).saturating_mul(-SECONDS_PER_DAY))
}
