//! The revocation tables: a row for each user with a revocation, and one for each revoked session.
//!
//! Rows change in the same transaction that stores their events. Their dates do not depend on the order
//! of the events. Every change carries the sequence number of an event, so a client that
//! reads pages by sequence number misses no row that changes meanwhile: the row appears again on a
//! later page.

use serde::{Deserialize, Serialize};
use session_events_core::{
    events::{
        event::Event,
        event_lines::Source,
        revocation::{MAX_SESSIONS_PER_USER, Revocation},
    },
    protocol::bodies::DroppedRevocations,
    timestamp::{Timestamp, parse_rfc3339},
};
use worker::Result;

use super::database::Database;

/// Selects events whose revocation is current: a row of the revocation tables still refers to the
/// event, because no later event has replaced it. Other events may be deleted.
pub(super) const IS_CURRENT: &str = "(
    EXISTS (
        SELECT 1 FROM revoked_users AS user
        WHERE user.user_id = event_log.user_id AND user.seq = event_log.seq
    ) OR EXISTS (
        SELECT 1 FROM revoked_sessions AS session
        WHERE session.user_id = event_log.user_id AND session.session_id = event_log.session_id
            AND session.seq = event_log.seq
    ))";

/// A revocation to record.
#[derive(Serialize)]
struct Change {
    seq: i64,
    #[serde(flatten)]
    revocation: Revocation,
    /// The date in milliseconds since 1970.
    at: i64,
    /// The same date if the event ended the session itself, otherwise `None`.
    ended_at: Option<i64>,
    /// Whether a logout token reported this end.
    ended_by_token: bool,
}

#[derive(Deserialize)]
struct SeqRow {
    seq: i64,
}

#[derive(Deserialize)]
struct CountRow {
    count: i64,
}

#[derive(Deserialize)]
struct DroppedRow {
    count: i64,
    last_at: i64,
}

/// A user with more sessions than permitted.
#[derive(Deserialize)]
struct Overflow {
    user_id: String,
    count: i64,
    /// The latest sequence number of the user's sessions.
    latest_seq: i64,
}

/// Records the revocations of events, each given with its sequence number, unless they have expired.
/// Returns the sequence numbers of earlier events. Their revocations were possibly replaced.
pub(super) fn record<'a>(
    database: &Database,
    events: impl Iterator<Item = (i64, &'a Event)>,
    source: Source,
    cutoff: Timestamp,
) -> Result<Vec<i64>> {
    let changes: Vec<Change> = events
        .filter_map(|(seq, event)| Change::new(seq, event, source))
        .filter(|change| change.at > cutoff.as_millis())
        .collect();
    let (of_sessions, of_users): (Vec<&Change>, Vec<&Change>) = changes
        .iter()
        .partition(|change| change.revocation.session_id.is_some());
    let mut replaced = Vec::new();
    if !of_users.is_empty() {
        replaced.extend(record_of_users(
            database,
            &serde_json::to_string(&of_users)?,
        )?);
    }
    if !of_sessions.is_empty() {
        replaced.extend(record_of_sessions(
            database,
            &serde_json::to_string(&of_sessions)?,
        )?);
    }
    Ok(replaced)
}

/// Records user-wide revocations. Returns the sequence numbers of the rows that they replace.
fn record_of_users(database: &Database, changes: &str) -> Result<Vec<i64>> {
    let replaced = "
        SELECT user.seq AS seq FROM json_each(?) JOIN revoked_users AS user
            ON user.user_id = value ->> 'user_id' AND value ->> 'at' > user.at";
    let rows: Vec<SeqRow> = database.query(replaced, vec![changes.into()])?;
    upsert_users(database, changes)?;
    Ok(rows.into_iter().map(|row| row.seq).collect())
}

/// Records revocations of sessions. Returns the sequence numbers of the rows that they replace, and
/// those that [`limit_sessions`] returns.
fn record_of_sessions(database: &Database, changes: &str) -> Result<Vec<i64>> {
    let replaced = "
        SELECT session.seq AS seq FROM json_each(?) JOIN revoked_sessions AS session
            ON session.user_id = value ->> 'user_id'
            AND session.session_id = value ->> 'session_id'
            AND (
                value ->> 'at' > session.at
                OR value ->> 'ended_at' > session.ended_at
                OR (value ->> 'ended_at' IS NOT NULL AND session.ended_at IS NULL)
            )";
    let rows: Vec<SeqRow> = database.query(replaced, vec![changes.into()])?;
    upsert_sessions(database, changes)?;
    let dropped = limit_sessions(database, changes)?;
    Ok(rows.into_iter().map(|row| row.seq).chain(dropped).collect())
}

/// A later user-wide revocation replaces an earlier one.
fn upsert_users(database: &Database, changes: &str) -> Result<()> {
    let upsert = "
        INSERT INTO revoked_users (user_id, seq, type, date, at)
        SELECT value ->> 'user_id', value ->> 'seq', value ->> 'type', value ->> 'date',
            value ->> 'at'
        FROM json_each(?) WHERE true
        ON CONFLICT (user_id) DO UPDATE
        SET seq = excluded.seq, type = excluded.type, date = excluded.date, at = excluded.at
        WHERE at IS NULL OR excluded.at > at";
    database.execute(upsert, vec![changes.into()])
}

/// A session keeps its latest date. Its `type` is that of the latest event that ended the session
/// itself, if there is one, because an ended session does not come back.
fn upsert_sessions(database: &Database, changes: &str) -> Result<()> {
    let upsert = "
        INSERT INTO revoked_sessions
            (user_id, session_id, seq, type, date, at, ended_at, ended_by_token)
        SELECT value ->> 'user_id', value ->> 'session_id', value ->> 'seq', value ->> 'type',
            value ->> 'date', value ->> 'at', value ->> 'ended_at', value ->> 'ended_by_token'
        FROM json_each(?) WHERE true
        ON CONFLICT (user_id, session_id) DO UPDATE
        SET seq = excluded.seq,
            type = CASE
                WHEN excluded.ended_at > ended_at
                    OR (ended_at IS NULL AND (excluded.ended_at IS NOT NULL OR excluded.at > at))
                THEN excluded.type ELSE type END,
            date = CASE WHEN excluded.at > at THEN excluded.date ELSE date END,
            at = max(at, excluded.at),
            ended_by_token = CASE
                WHEN ended_at IS NULL THEN excluded.ended_by_token ELSE ended_by_token END,
            -- `max` of two values is NULL if one of them is.
            ended_at = coalesce(max(ended_at, excluded.ended_at), ended_at, excluded.ended_at)
        WHERE excluded.at > at OR excluded.ended_at > ended_at
            OR (excluded.ended_at IS NOT NULL AND ended_at IS NULL)";
    database.execute(upsert, vec![changes.into()])?;
    let latest = "
        INSERT INTO revoked_users (user_id, session_at)
        SELECT value ->> 'user_id', max(value ->> 'at') FROM json_each(?) WHERE true
        GROUP BY value ->> 'user_id'
        ON CONFLICT (user_id) DO UPDATE SET session_at = excluded.session_at
        WHERE session_at IS NULL OR excluded.session_at > session_at";
    database.execute(latest, vec![changes.into()])
}

/// Limits the sessions of the users whose sessions have changed. Returns the sequence numbers of the
/// dropped sessions, and of user-wide revocations that may have been replaced.
fn limit_sessions(database: &Database, changes: &str) -> Result<Vec<i64>> {
    let overflowing = "
        SELECT user_id, count(*) AS count, max(seq) AS latest_seq FROM revoked_sessions
        WHERE user_id IN (SELECT value ->> 'user_id' FROM json_each(?))
        GROUP BY user_id HAVING count(*) > ?";
    let limit = i64::from(MAX_SESSIONS_PER_USER);
    let users: Vec<Overflow> = database.query(overflowing, vec![changes.into(), limit.into()])?;
    drop_oldest_sessions(database, &users)
}

/// Limits the sessions of every user. The events of the dropped ones stay until they expire.
pub(super) fn limit_sessions_of_all_users(database: &Database) -> Result<()> {
    let overflowing = "
        SELECT user_id, count(*) AS count, max(seq) AS latest_seq FROM revoked_sessions
        GROUP BY user_id HAVING count(*) > ?";
    let users: Vec<Overflow> =
        database.query(overflowing, vec![i64::from(MAX_SESSIONS_PER_USER).into()])?;
    drop_oldest_sessions(database, &users).map(drop)
}

/// Drops the sessions with the oldest dates, and revokes all tokens of the user up to the latest of
/// these dates instead. Returns the sequence numbers of the dropped sessions, and of user-wide
/// revocations that may have been replaced.
fn drop_oldest_sessions(database: &Database, users: &[Overflow]) -> Result<Vec<i64>> {
    let oldest = "
        SELECT session_id FROM revoked_sessions WHERE user_id = ?1 ORDER BY at LIMIT ?2";
    let raise = format!(
        "
        -- SQLite takes `type` and `date` from the row with the maximum. `seq` is that of the user's
        -- latest session event, so a client that reads the pages meanwhile finds the raised entry.
        INSERT INTO revoked_users (user_id, seq, type, date, at)
        SELECT user_id, ?3, type, date, max(at) FROM revoked_sessions
        WHERE user_id = ?1 AND session_id IN ({oldest})
        ON CONFLICT (user_id) DO UPDATE
        SET seq = excluded.seq, type = excluded.type, date = excluded.date, at = excluded.at
        WHERE at IS NULL OR excluded.at > at"
    );
    let delete = format!(
        "
        DELETE FROM revoked_sessions WHERE user_id = ?1 AND session_id IN ({oldest})
        RETURNING seq"
    );
    let replaced = "SELECT seq FROM revoked_users WHERE user_id = ? AND seq IS NOT NULL";
    let mut dropped = Vec::new();
    for user in users {
        let excess = user.count.saturating_sub(i64::from(MAX_SESSIONS_PER_USER));
        let user_id = user.user_id.as_str();
        let rows: Vec<SeqRow> = database.query(replaced, vec![user_id.into()])?;
        dropped.extend(rows.iter().map(|row| row.seq));
        database.execute(
            &raise,
            vec![user_id.into(), excess.into(), user.latest_seq.into()],
        )?;
        let rows: Vec<SeqRow> = database.query(&delete, vec![user_id.into(), excess.into()])?;
        dropped.extend(rows.iter().map(|row| row.seq));
    }
    Ok(dropped)
}

/// Returns the number of rows.
pub(super) fn count(database: &Database) -> Result<i64> {
    let select = "
        SELECT (SELECT count(*) FROM revoked_users) + (SELECT count(*) FROM revoked_sessions)
        AS count";
    let rows: Vec<CountRow> = database.query(select, vec![])?;
    Ok(rows.first().map_or(0, |row| row.count))
}

/// Returns the number of users with a user-wide revocation.
pub(super) fn count_user_wide(database: &Database) -> Result<i64> {
    let select = "SELECT count(*) AS count FROM revoked_users WHERE at IS NOT NULL";
    let rows: Vec<CountRow> = database.query(select, vec![])?;
    Ok(rows.first().map_or(0, |row| row.count))
}

/// Drops the sessions with the oldest dates, and the users that have no other revocation. Returns
/// the sequence numbers of the dropped sessions.
pub(super) fn drop_sessions(database: &Database, count: i64, now: Timestamp) -> Result<Vec<i64>> {
    let delete = "
        DELETE FROM revoked_sessions WHERE (user_id, session_id) IN
        (SELECT user_id, session_id FROM revoked_sessions ORDER BY at LIMIT ?)
        RETURNING seq";
    let rows: Vec<SeqRow> = database.query(delete, vec![count.into()])?;
    let without_sessions = "
        DELETE FROM revoked_users WHERE at IS NULL AND NOT EXISTS
        (SELECT 1 FROM revoked_sessions WHERE revoked_sessions.user_id = revoked_users.user_id)";
    database.execute(without_sessions, vec![])?;
    let dropped = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let note = "
        INSERT INTO dropped_revocations (id, count, last_at) VALUES (1, ?, ?)
        ON CONFLICT (id) DO UPDATE
        SET count = count + excluded.count, last_at = excluded.last_at";
    if dropped > 0 {
        database.execute(note, vec![dropped.into(), now.as_millis().into()])?;
    }
    Ok(rows.into_iter().map(|row| row.seq).collect())
}

/// Returns the number of session entries that were dropped because the tenant had too many.
pub(super) fn dropped(database: &Database) -> Result<Option<DroppedRevocations>> {
    let rows = database.query("SELECT count, last_at FROM dropped_revocations", vec![])?;
    let row: Option<DroppedRow> = rows.into_iter().next();
    Ok(row.map(|row| DroppedRevocations {
        count: row.count,
        last_at: Timestamp::from_millis(row.last_at),
    }))
}

/// Deletes the revocations of the events up to a sequence number.
pub(super) fn delete_up_to(database: &Database, seq: i64) -> Result<()> {
    let users_of_events = "SELECT user_id FROM event_log WHERE seq <= ?1";
    let sessions = "
        DELETE FROM revoked_sessions WHERE seq <= ?1 AND (user_id, session_id) IN
        (SELECT user_id, session_id FROM event_log WHERE seq <= ?1 AND session_id IS NOT NULL)";
    let user_wide = format!(
        "
        UPDATE revoked_users SET seq = NULL, type = NULL, date = NULL, at = NULL
        WHERE seq <= ?1 AND user_id IN ({users_of_events})"
    );
    let users = format!(
        "
        DELETE FROM revoked_users WHERE at IS NULL AND user_id IN ({users_of_events})
        AND NOT EXISTS
        (SELECT 1 FROM revoked_sessions WHERE revoked_sessions.user_id = revoked_users.user_id)"
    );
    for statement in [sessions, &user_wide, &users] {
        database.execute(statement, vec![seq.into()])?;
    }
    Ok(())
}

impl Change {
    /// Returns the row for an event, or `None` if the event revokes nothing.
    fn new(seq: i64, event: &Event, source: Source) -> Option<Self> {
        let revocation = Revocation::from_event(event)?;
        let at = parse_rfc3339(&revocation.date)?.as_millis();
        let ends_session = revocation.event_type.ends_session();
        Some(Self {
            seq,
            at,
            ended_at: ends_session.then_some(at),
            ended_by_token: ends_session && source == Source::LogoutToken,
            revocation,
        })
    }
}
