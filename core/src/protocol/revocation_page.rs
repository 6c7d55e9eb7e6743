//! Pages of the list of revocations.
//!
//! Entries are ordered by the sequence number of the event that changed them last. An event can
//! change two entries: that of a session, and the user-wide entry, if the user has too many sessions.
//! So a [`Cursor`] distinguishes the two.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::request_url::RequestUrl;
use crate::{error::ApiError, events::revocation::Revocation};

/// Maximum and default number of revocations in a page.
pub const MAX_PAGE_SIZE: u32 = 1_000;

/// The position of an entry in the list. Clients treat it as opaque text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(i64);

impl Cursor {
    /// Returns the cursor of a user-wide entry.
    pub fn of_user(seq: i64) -> Self {
        Self(seq.saturating_mul(2))
    }

    /// Returns the cursor of the entry of a session.
    pub fn of_session(seq: i64) -> Self {
        Self(seq.saturating_mul(2).saturating_add(1))
    }

    /// Returns the sequence number of the entry's event.
    pub fn seq(self) -> i64 {
        self.0.div_euclid(2)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The error for text that is not a cursor.
#[derive(Debug, PartialEq, Eq)]
pub struct InvalidCursor;

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let cursor = text.parse().ok().filter(|cursor| *cursor >= 0);
        cursor.map(Self).ok_or(InvalidCursor)
    }
}

/// An entry of the list, and its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The position.
    pub cursor: Cursor,
    /// The revocation.
    pub revocation: Revocation,
}

/// A request for a page of revocations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageRequest {
    /// Only entries after this cursor.
    pub cursor: Cursor,
    /// Maximum number of revocations in the page.
    pub limit: u32,
    /// Only the revocations of this user.
    pub user_id: Option<String>,
}

impl PageRequest {
    /// Parses the query of a URL.
    ///
    /// # Errors
    ///
    /// [`ApiError::InvalidRequest`] if `after` or `limit` is invalid.
    pub fn parse(url: &RequestUrl<'_>) -> crate::Result<Self> {
        let cursor = match url.parameter("after") {
            None => Cursor::default(),
            Some(after) => after.parse().map_err(|InvalidCursor| {
                ApiError::InvalidRequest(
                    "The parameter after is invalid. Use the value of next from an earlier page.",
                )
            })?,
        };
        let limit = match url.parameter("limit") {
            None => MAX_PAGE_SIZE,
            Some(limit) => limit
                .parse()
                .ok()
                .filter(|limit| (1..=MAX_PAGE_SIZE).contains(limit))
                .ok_or(ApiError::InvalidRequest(
                    "The parameter limit is invalid. Use a whole number from 1 to 1000.",
                ))?,
        };
        Ok(Self {
            cursor,
            limit,
            user_id: url.parameter("user_id"),
        })
    }
}

/// A page of revocations, ordered by the sequence number of the latest event of each.
#[derive(Debug, Serialize, Deserialize)]
pub struct RevocationPage {
    /// The revocations.
    pub revocations: Vec<Revocation>,
    /// The value of `after` for the next page. Absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The id of the tenant's latest event when the page was read, or `null` without events. A client
    /// that subscribes from the id of the last page misses nothing.
    pub last_event_id: Option<String>,
}

impl RevocationPage {
    /// Returns the page that a request selects from entries in the order of their cursors. A full page
    /// has a `next`, even if no entry follows.
    pub fn new(
        request: &PageRequest,
        entries: impl IntoIterator<Item = Entry>,
        last_event_id: Option<String>,
    ) -> Self {
        let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
        let page: Vec<Entry> = entries
            .into_iter()
            .filter(|entry| entry.cursor > request.cursor)
            .take(limit)
            .collect();
        let next = page.last().filter(|_| page.len() == limit);
        Self {
            next: next.map(|entry| entry.cursor.to_string()),
            revocations: page.into_iter().map(|entry| entry.revocation).collect(),
            last_event_id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::event::EventType;

    #[test]
    fn pages_return_each_entry_once_even_if_two_entries_have_the_same_event() {
        let entry = |cursor, session_id: Option<&str>| Entry {
            cursor,
            revocation: Revocation {
                user_id: "auth0|1".into(),
                session_id: session_id.map(str::to_owned),
                event_type: EventType::Logout,
                date: "2026-01-01T00:00:00Z".into(),
            },
        };
        let entries = [
            entry(Cursor::of_session(3), Some("a")),
            entry(Cursor::of_user(7), None),
            entry(Cursor::of_session(7), Some("b")),
        ];
        let mut request = PageRequest {
            limit: 1,
            ..PageRequest::default()
        };
        let mut sessions = Vec::new();
        loop {
            let page = RevocationPage::new(&request, entries.clone(), None);
            sessions.extend(page.revocations.into_iter().map(|one| one.session_id));
            let Some(next) = page.next else { break };
            request.cursor = next.parse().unwrap();
        }
        assert_eq!(sessions, [Some("a".into()), None, Some("b".into())]);
    }

    #[test]
    fn the_query_contains_the_cursor_the_limit_and_the_user() {
        let parse = |query: &str| {
            let url = format!("https://a.com/acme/api/revocations{query}");
            PageRequest::parse(&RequestUrl::parse(&url)?)
        };
        let page = |after, limit, user_id: Option<&str>| {
            Ok(PageRequest {
                cursor: Cursor(after),
                limit,
                user_id: user_id.map(str::to_owned),
            })
        };
        assert_eq!(parse(""), page(0, 1_000, None));
        assert_eq!(parse("?after=7&limit=10"), page(7, 10, None));
        assert_eq!(parse("?user_id=auth0%7C1"), page(0, 1_000, Some("auth0|1")));
        for query in [
            "?after=-1",
            "?after=x",
            "?after=",
            "?limit=0",
            "?limit=1001",
            "?limit=ten",
        ] {
            assert!(
                matches!(parse(query), Err(ApiError::InvalidRequest(_))),
                "{query}"
            );
        }
    }
}
