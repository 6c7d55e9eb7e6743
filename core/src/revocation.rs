//! Who was revoked when: what outlasts the last hundred events.
//!
//! For each user the newest moment at which all of the user's tokens were revoked is kept, and for
//! each session that ended alone the newest of its own. A newer event moves an entry on; an older
//! one, in whatever order they arrive and however often, changes nothing. So what is kept depends
//! only on which events there were.
//!
//! A token is revoked when it was issued before such a moment, or in the same second, because
//! `iat` is cut to seconds and the two clocks are not the same.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    error::Fault,
    event::{Event, Kind, Scope},
    route::Target,
    timestamp::{Timestamp, instant},
};

/// How many revocations a page holds at most, and unless fewer are asked for.
pub const MAX_PAGE: u32 = 1_000;
/// How many revocations of a tenant are kept at most: those of as many of its newest events.
pub const MAX_REVOCATIONS: u32 = 1_000_000;

/// A revocation as it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// Whose tokens.
    pub user_id: String,
    /// Those of which session; all of the user's where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The newest event that revoked them.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// When that was: the event's date.
    pub date: String,
}

impl Revocation {
    /// What an event revokes.
    pub fn of(event: &Event) -> Option<Self> {
        let session_id = match event.revokes? {
            Scope::User => None,
            Scope::Session => event.session_id.clone(),
        };
        Some(Self {
            user_id: event.user_id.clone(),
            session_id,
            kind: event.kind,
            date: event.date.clone(),
        })
    }

    /// The moment up to which tokens are revoked: the event's date, but no later than it was
    /// heard of, so that a date in the future locks nobody out.
    pub fn moment(&self, now: Timestamp) -> Timestamp {
        instant(&self.date).map_or(now, |date| date.min(now))
    }
}

/// Whether a token with these claims was there at the moment up to which its kind is revoked. One
/// that does not tell when it was issued may have been there ever since.
pub fn is_revoked(claims: &Map<String, Value>, revoked_at: Timestamp) -> bool {
    let iat = claims.get("iat").and_then(Value::as_i64);
    iat.is_none_or(|iat| Timestamp::from_millis(0).plus_seconds(iat) <= revoked_at)
}

/// Which revocations a client asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageRequest {
    /// Only those that were made or moved on after this.
    pub after: i64,
    /// How many at most.
    pub limit: u32,
    /// Only this user's.
    pub user_id: Option<String>,
}

impl PageRequest {
    /// Reads the query.
    ///
    /// # Errors
    ///
    /// [`Fault::InvalidRequest`] for a cursor or a limit that is none.
    pub fn parse(target: &Target<'_>) -> Result<Self, Fault> {
        let after =
            match target.parameter("after") {
                None => 0,
                Some(cursor) => cursor.parse().ok().filter(|cursor| *cursor >= 0).ok_or(
                    Fault::InvalidRequest("after must be the next of an earlier page."),
                )?,
            };
        let limit = match target.parameter("limit") {
            None => MAX_PAGE,
            Some(limit) => limit
                .parse()
                .ok()
                .filter(|limit| (1..=MAX_PAGE).contains(limit))
                .ok_or(Fault::InvalidRequest(
                    "limit must be a whole number from 1 to 1000.",
                ))?,
        };
        Ok(Self {
            after,
            limit,
            user_id: target.parameter("user_id"),
        })
    }
}

/// A page of revocations: those that were made or moved on first come first.
#[derive(Debug, Serialize, Deserialize)]
pub struct Page {
    /// The revocations.
    pub revocations: Vec<Revocation>,
    /// What to ask for as `after` to have the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The newest event that all pages so far take into account: who resumes a socket from that of
    /// the last page misses nothing. `null` where there was none yet.
    pub last_event_id: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(json: &str) -> Event {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn an_event_revokes_a_session_or_all_of_a_user_s_or_nothing() {
        let of = |more: &str| {
            Revocation::of(&event(&format!(
                r#"{{"id":"1","type":"logout","date":"2026-01-01T00:00:00Z","user_id":"a","session_id":"s"{more}}}"#
            )))
        };
        let session = of(r#","revokes":"session""#).unwrap();
        assert_eq!(session.session_id.as_deref(), Some("s"));
        assert_eq!(of(r#","revokes":"user""#).unwrap().session_id, None);
        assert_eq!(of(""), None);
    }

    #[test]
    fn a_date_in_the_future_counts_as_now() {
        let at = |date: &str| {
            let json = format!(
                r#"{{"id":"1","type":"logout","date":"{date}","user_id":"a","revokes":"user"}}"#
            );
            let now = Timestamp::from_millis(1_700_000_000_000);
            Revocation::of(&event(&json))
                .unwrap()
                .moment(now)
                .as_millis()
        };
        assert_eq!(at("2099-01-01T00:00:00Z"), 1_700_000_000_000);
        assert_eq!(at("2023-11-14T22:13:19.5Z"), 1_699_999_999_500);
        assert_eq!(at("soon"), 1_700_000_000_000);
    }

    #[test]
    fn a_token_of_the_same_second_is_revoked_and_one_of_the_next_is_not() {
        let revoked = |iat: Value| {
            let claims = Map::from_iter([("iat".to_owned(), iat)]);
            is_revoked(&claims, Timestamp::from_millis(1_700_000_000_300))
        };
        assert!(revoked(1_699_999_999.into()));
        assert!(revoked(1_700_000_000.into()));
        assert!(!revoked(1_700_000_001.into()));
        assert!(revoked(Value::Null));
        assert!(is_revoked(&Map::new(), Timestamp::from_millis(0)));
    }

    #[test]
    fn a_page_is_asked_for_by_its_cursor_and_its_size() {
        let parse = |query: &str| {
            let url = format!("https://a.com/acme/api/revocations{query}");
            PageRequest::parse(&Target::parse(&url)?)
        };
        let page = |after, limit, user_id: Option<&str>| {
            Ok(PageRequest {
                after,
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
                matches!(parse(query), Err(Fault::InvalidRequest(_))),
                "{query}"
            );
        }
    }
}
