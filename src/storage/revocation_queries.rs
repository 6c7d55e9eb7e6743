//! Reads the revocation tables: pages for clients, and the rows that can apply to a token.

use serde::Deserialize;
use session_events_core::{
    events::{
        event::EventType,
        revocation::{Revocation, SessionRevocation, UserRevocations},
    },
    protocol::revocation_page::{Cursor, Entry, PageRequest, RevocationPage},
    timestamp::Timestamp,
};
use worker::Result;

use super::{database::Database, schema::Tables};

/// The times in the row of a user.
#[derive(Default, Deserialize)]
struct UserTimes {
    at: Option<i64>,
    session_at: Option<i64>,
}

#[derive(Deserialize)]
struct SessionTime {
    at: i64,
    ended_at: Option<i64>,
}

/// The unexpired revocations of one event: the user-wide one, that of a session, or both.
#[derive(Deserialize)]
struct PageRow {
    seq: i64,
    user_id: String,
    user_type: Option<EventType>,
    user_date: Option<String>,
    session_id: Option<String>,
    session_type: Option<EventType>,
    session_date: Option<String>,
}

/// The revocations of a tenant, for reading.
pub(crate) struct Revocations<'a>(&'a Tables);

impl<'a> Revocations<'a> {
    /// Returns the revocations in these tables.
    pub(super) fn new(tables: &'a Tables) -> Self {
        Self(tables)
    }

    /// Returns a page of the revocations that have not expired. A page that is not full is the last.
    pub(crate) fn page(
        &self,
        request: &PageRequest,
        last_event_id: Option<String>,
        cutoff: Timestamp,
    ) -> Result<RevocationPage> {
        let entries = match (self.0.for_reading()?, &request.user_id) {
            (None, _) => Vec::new(),
            (Some(database), None) => all_entries(database, request, cutoff)?,
            (Some(database), Some(user_id)) => entries_of_user(database, request, user_id, cutoff)?,
        };
        Ok(RevocationPage::new(request, entries, last_event_id))
    }

    /// Returns the revocations of a user that have not expired, as far as they can apply to a token
    /// of this session.
    pub(crate) fn of_user(
        &self,
        user_id: &str,
        session_id: Option<&str>,
        cutoff: Timestamp,
    ) -> Result<UserRevocations> {
        let select = "SELECT at, session_at FROM revoked_users WHERE user_id = ?";
        let rows: Vec<UserTimes> = self.0.query(select, vec![user_id.into()])?;
        let user = rows.into_iter().next().unwrap_or_default();
        let session = match session_id {
            None => None,
            Some(session_id) => {
                let select = "SELECT at, ended_at FROM revoked_sessions WHERE user_id = ? AND session_id = ?";
                let bindings = vec![user_id.into(), session_id.into()];
                let rows: Vec<SessionTime> = self.0.query(select, bindings)?;
                rows.into_iter().next()
            }
        };
        let unexpired = |at: i64| (at > cutoff.as_millis()).then(|| Timestamp::from_millis(at));
        Ok(UserRevocations {
            user_wide: user.at.and_then(unexpired),
            any_session: user.session_at.and_then(unexpired),
            own_session: session.and_then(|session| {
                Some(SessionRevocation {
                    date: unexpired(session.at)?,
                    has_ended: session.ended_at.is_some(),
                })
            }),
        })
    }
}

/// Returns at least as many entries as the page has, in receipt order.
fn all_entries(
    database: &Database,
    request: &PageRequest,
    cutoff: Timestamp,
) -> Result<Vec<Entry>> {
    let select = "
        SELECT event.seq AS seq, event.user_id AS user_id,
            user.type AS user_type, user.date AS user_date,
            session.session_id AS session_id, session.type AS session_type,
            session.date AS session_date
        FROM event_log AS event
        LEFT JOIN revoked_users AS user
            ON user.user_id = event.user_id AND user.seq = event.seq AND user.at > ?1
        LEFT JOIN revoked_sessions AS session
            ON session.user_id = event.user_id AND session.session_id = event.session_id
            AND session.seq = event.seq AND session.at > ?1
        WHERE event.seq >= ?2 AND (user.seq IS NOT NULL OR session.seq IS NOT NULL)
        ORDER BY event.seq LIMIT ?3";
    // The entries of the first row may be before the cursor.
    let rows = i64::from(request.limit).saturating_add(1);
    let bindings = vec![
        cutoff.as_millis().into(),
        request.cursor.seq().into(),
        rows.into(),
    ];
    let rows: Vec<PageRow> = database.query(select, bindings)?;
    Ok(rows.into_iter().flat_map(PageRow::entries).collect())
}

/// Returns all entries of a user, in receipt order.
fn entries_of_user(
    database: &Database,
    request: &PageRequest,
    user_id: &str,
    cutoff: Timestamp,
) -> Result<Vec<Entry>> {
    let select = "
        SELECT seq, user_id, type AS user_type, date AS user_date,
            NULL AS session_id, NULL AS session_type, NULL AS session_date
        FROM revoked_users WHERE user_id = ?1 AND at > ?2 AND seq >= ?3
        UNION ALL
        SELECT seq, user_id, NULL, NULL, session_id, type, date
        FROM revoked_sessions WHERE user_id = ?1 AND at > ?2 AND seq >= ?3";
    let bindings = vec![
        user_id.into(),
        cutoff.as_millis().into(),
        request.cursor.seq().into(),
    ];
    let rows: Vec<PageRow> = database.query(select, bindings)?;
    let mut entries: Vec<Entry> = rows.into_iter().flat_map(PageRow::entries).collect();
    entries.sort_by_key(|entry| entry.cursor);
    Ok(entries)
}

impl PageRow {
    /// Returns the user-wide revocation and that of a session, as far as the row has them.
    fn entries(self) -> impl Iterator<Item = Entry> {
        let user_wide = self
            .user_type
            .zip(self.user_date)
            .map(|(event_type, date)| Entry {
                cursor: Cursor::of_user(self.seq),
                revocation: Revocation {
                    user_id: self.user_id.clone(),
                    session_id: None,
                    event_type,
                    date,
                },
            });
        let session = self
            .session_type
            .zip(self.session_date)
            .map(|(event_type, date)| Entry {
                cursor: Cursor::of_session(self.seq),
                revocation: Revocation {
                    user_id: self.user_id,
                    session_id: self.session_id,
                    event_type,
                    date,
                },
            });
        user_wide.into_iter().chain(session)
    }
}
