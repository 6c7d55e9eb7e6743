//! Moves the rows of an earlier version into the present tables.
//!
//! The earlier version had the tables `accepted` (log ids), `events` (events as JSON) and
//! `revocations` (one row for each revoked user or session). All three use the sequence number of
//! the event.

use worker::Result;

use super::{database::Database, revocations};

/// The events, their revocations and their log ids, in one row per sequence number.
///
/// The earlier version stored no time of receipt. `at` is never later than the time of receipt, so the
/// running maximum of `at` is a lower bound of that time, and it never decreases.
const EVENTS: &str = "
    INSERT INTO event_log
        (seq, log_id, received_at, type, date, user_id, session_id, revokes)
    SELECT seq, log_id,
        coalesce(
            max(at) OVER (ORDER BY seq ROWS UNBOUNDED PRECEDING), min(at) OVER (), unixepoch() * 1000
        ),
        coalesce(type, ''), coalesce(date, ''), coalesce(user_id, ''), session_id, revokes
    FROM (
        SELECT numbers.seq AS seq, accepted.log_id AS log_id,
            coalesce(
                revocations.at,
                CASE WHEN unixepoch(events.event ->> 'date') <= unixepoch()
                    THEN unixepoch(events.event ->> 'date') * 1000 END
            ) AS at,
            coalesce(events.event ->> 'type', revocations.type) AS type,
            coalesce(revocations.date, events.event ->> 'date') AS date,
            coalesce(events.event ->> 'user_id', revocations.user_id) AS user_id,
            coalesce(events.event ->> 'session_id', nullif(revocations.session_id, ''))
                AS session_id,
            coalesce(
                events.event ->> 'revokes',
                CASE WHEN revocations.session_id = '' THEN 'user'
                    WHEN revocations.session_id IS NOT NULL THEN 'session' END
            ) AS revokes
        FROM (
            SELECT seq FROM accepted UNION SELECT seq FROM events UNION SELECT seq FROM revocations
        ) AS numbers
        LEFT JOIN accepted ON accepted.seq = numbers.seq
        LEFT JOIN events ON events.seq = numbers.seq
        LEFT JOIN revocations ON revocations.seq = numbers.seq
    )";

/// The rows of users, and of sessions that were revoked individually.
const REVOCATIONS: &str = "
    INSERT INTO revoked_users (user_id, seq, type, date, at)
    SELECT user_id, seq, type, date, at FROM revocations WHERE session_id = '';

    INSERT INTO revoked_users (user_id, session_at)
    SELECT user_id, max(at) FROM revocations WHERE session_id <> '' GROUP BY user_id
    ON CONFLICT (user_id) DO UPDATE SET session_at = excluded.session_at;

    INSERT INTO revoked_sessions (user_id, session_id, seq, type, date, at, ended_at)
    SELECT user_id, session_id, seq, type, date, at, CASE WHEN type IN ('logout', 'session_revoked') THEN at END
    FROM revocations WHERE session_id <> '';";

/// Corrects a date in the future: the earlier version stored it unchanged, beside the time of
/// receipt in `at`.
const DATES: &str = "
    UPDATE revocations SET date = strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000.0, 'unixepoch')
    WHERE unixepoch(date) > at / 1000;";

const DROP: &str = "DROP TABLE accepted; DROP TABLE events; DROP TABLE revocations;";

/// Moves the events and their revocations. Must run in a transaction.
pub(super) fn migrate_events(database: &Database) -> Result<()> {
    for statements in [DATES, EVENTS, REVOCATIONS, DROP] {
        database.execute(statements, vec![])?;
    }
    revocations::limit_sessions_of_all_users(database)
}
