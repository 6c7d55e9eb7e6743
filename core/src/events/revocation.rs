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
    events::event::{Event, EventType, Revokes},
    timestamp::{Timestamp, instant},
};

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
    pub kind: EventType,
    /// When that was: the event's date.
    pub date: String,
}

impl Revocation {
    /// What an event revokes.
    pub fn of(event: &Event) -> Option<Self> {
        let session_id = match event.revokes? {
            Revokes::User => None,
            Revokes::Session => event.session_id.clone(),
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
}
