//! Revocations: the times at which users' tokens were revoked. They outlive the event log.
//!
//! For each user, storage holds the latest time at which all of the user's tokens were revoked. For
//! each individually revoked session, it holds the latest time for that session. A later event
//! replaces an entry; an earlier one changes nothing. So the stored revocations depend only on the
//! set of events, not on their order.
//!
//! A token is revoked if it was issued before such a time or in the same second. The claim `iat` is
//! truncated to seconds, and the clocks of Auth0 and this service differ.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::event::{Event, EventType, Revokes};
use crate::timestamp::{Timestamp, parse_rfc3339};

/// Maximum number of revocations that a tenant stores: those of its latest events.
pub const MAX_REVOCATIONS: u32 = 1_000_000;

/// A revocation, exactly as clients receive it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// The user whose tokens are revoked.
    pub user_id: String,
    /// The session whose tokens are revoked, or `None` if all of the user's are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The type of the latest event that revoked them.
    #[serde(rename = "type")]
    pub event_type: EventType,
    /// The date of that event.
    pub date: String,
}

impl Revocation {
    /// Returns the revocation that follows from an event, or `None` if the event revokes nothing.
    pub fn from_event(event: &Event) -> Option<Self> {
        let session_id = match event.revokes? {
            Revokes::User => None,
            Revokes::Session => event.session_id.clone(),
        };
        Some(Self {
            user_id: event.user_id.clone(),
            session_id,
            event_type: event.event_type,
            date: event.date.clone(),
        })
    }

    /// Returns the time up to which tokens are revoked: the date of the event. A date in the future
    /// counts as `now`; otherwise it would also revoke the tokens that are issued until that date.
    pub fn revoked_at(&self, now: Timestamp) -> Timestamp {
        parse_rfc3339(&self.date).map_or(now, |date| date.min(now))
    }
}

/// Returns whether a token with these claims is revoked by a revocation at `revoked_at`. A token
/// without a valid `iat` is revoked, because it may have been issued earlier.
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
    fn an_event_revokes_one_session_or_all_sessions_or_nothing() {
        let revocation = |revokes: &str| {
            Revocation::from_event(&event(&format!(
                r#"{{"id":"1","type":"logout","date":"2026-01-01T00:00:00Z","user_id":"a","session_id":"s"{revokes}}}"#
            )))
        };
        let session = revocation(r#","revokes":"session""#).unwrap();
        assert_eq!(session.session_id.as_deref(), Some("s"));
        assert_eq!(revocation(r#","revokes":"user""#).unwrap().session_id, None);
        assert_eq!(revocation(""), None);
    }

    #[test]
    fn a_date_in_the_future_counts_as_now() {
        let revoked_at = |date: &str| {
            let json = format!(
                r#"{{"id":"1","type":"logout","date":"{date}","user_id":"a","revokes":"user"}}"#
            );
            let now = Timestamp::from_millis(1_700_000_000_000);
            Revocation::from_event(&event(&json))
                .unwrap()
                .revoked_at(now)
                .as_millis()
        };
        assert_eq!(revoked_at("2099-01-01T00:00:00Z"), 1_700_000_000_000);
        assert_eq!(revoked_at("2023-11-14T22:13:19.5Z"), 1_699_999_999_500);
        assert_eq!(revoked_at("soon"), 1_700_000_000_000);
    }

    #[test]
    fn a_token_issued_in_the_same_second_is_revoked_and_a_later_one_is_not() {
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
