//! Revocations: the times at which users' tokens were revoked. They outlive the event log.
//!
//! For each user, storage holds the latest date at which all of the user's tokens were revoked. For
//! each individually revoked session, it holds the latest date for that session. So the stored
//! dates do not depend on the order of the events.
//!
//! # The rule
//!
//! A token is revoked if one of the revocations of its `sub` applies to it:
//!
//! 1. a user-wide revocation at or after the token's `iat`;
//! 2. a revocation of the token's own session, if an event ended the session itself, regardless of
//!    `iat`: a session does not come back, but a refresh token can outlive it;
//! 3. any other revocation of the token's own session at or after `iat`;
//! 4. a revocation of any session of the user at or after `iat`, if the token does not name its
//!    session.
//!
//! Dates and `iat` are compared in whole seconds, because `iat` has no fraction. All of this holds
//! until a revocation expires, `REVOCATION_DAYS` after its date.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::event::{Event, EventType, Revokes};
use crate::timestamp::Timestamp;

/// Maximum number of revoked sessions that are stored for a user. Beyond that, the sessions with the
/// oldest dates are dropped, and all of the user's tokens up to these dates are revoked instead.
pub const MAX_SESSIONS_PER_USER: u32 = 1_000;
/// Maximum number of rows that are stored for a tenant: one for each user with a revocation, and one
/// for each revoked session. Beyond that, the sessions with the oldest dates are dropped.
pub const MAX_REVOCATION_ROWS: i64 = 5_000_000;

const SECONDS_PER_DAY: i64 = 24 * 60 * 60;

/// Returns the time up to which revocations have expired.
pub fn expiry_cutoff(retention_days: u16, now: Timestamp) -> Timestamp {
    now.plus_seconds(i64::from(retention_days).saturating_mul(-SECONDS_PER_DAY))
}

/// Returns the time at which an event that was received at `received_at` must be deleted.
pub fn deletion_time(retention_days: u16, received_at: Timestamp) -> Timestamp {
    received_at.plus_seconds(i64::from(retention_days).saturating_mul(SECONDS_PER_DAY))
}

/// A revocation, exactly as clients receive it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// The user whose tokens are revoked.
    pub user_id: String,
    /// The session whose tokens are revoked, or `None` if all of the user's are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The type of the latest event that revoked them. For a session, an event that ended the
    /// session itself takes precedence over later ones that did not.
    #[serde(rename = "type")]
    pub event_type: EventType,
    /// The date of the latest event that revoked them.
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
}

/// The revocations of a user that can apply to a token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRevocations {
    /// The date of the user-wide revocation.
    pub user_wide: Option<Timestamp>,
    /// The latest date of any of the user's sessions.
    pub any_session: Option<Timestamp>,
    /// The revocation of the token's own session, if the token names one.
    pub own_session: Option<SessionRevocation>,
}

/// The revocation of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRevocation {
    /// The date of the latest event that revoked tokens of the session.
    pub date: Timestamp,
    /// Whether the session itself has ended.
    pub has_ended: bool,
}

impl UserRevocations {
    /// Returns whether a token of this user is revoked. `session_id` is the session that it names. A
    /// token without a valid `iat` may have been issued at any time, so every date counts.
    pub fn revokes(&self, claims: &Map<String, Value>, session_id: Option<&str>) -> bool {
        let issued_at = claims.get("iat").and_then(Value::as_i64);
        let is_issued_before = |date: Timestamp| {
            issued_at.is_none_or(|iat| Timestamp::from_millis(0).plus_seconds(iat) <= date)
        };
        let of_session = match session_id {
            None => self.any_session.is_some_and(is_issued_before),
            Some(_) => self
                .own_session
                .is_some_and(|session| session.has_ended || is_issued_before(session.date)),
        };
        of_session || self.user_wide.is_some_and(is_issued_before)
    }
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

    /// Revocations at 1,700,000,000.3 seconds.
    fn revocations(
        user_wide: bool,
        any_session: bool,
        own_session: Option<bool>,
    ) -> UserRevocations {
        let date = Timestamp::from_millis(1_700_000_000_300);
        UserRevocations {
            user_wide: user_wide.then_some(date),
            any_session: any_session.then_some(date),
            own_session: own_session.map(|has_ended| SessionRevocation { date, has_ended }),
        }
    }

    fn revokes(revocations: &UserRevocations, iat: impl Into<Value>, sid: Option<&str>) -> bool {
        revocations.revokes(&Map::from_iter([("iat".to_owned(), iat.into())]), sid)
    }

    #[test]
    fn a_token_issued_in_the_same_second_is_revoked_and_a_later_one_is_not() {
        for (revocations, sid) in [
            (revocations(true, false, None), None),
            (revocations(true, false, None), Some("s")),
            (revocations(false, true, None), None),
            (revocations(false, true, Some(false)), Some("s")),
        ] {
            assert!(revokes(&revocations, 1_699_999_999, sid));
            assert!(revokes(&revocations, 1_700_000_000, sid));
            assert!(!revokes(&revocations, 1_700_000_001, sid));
            assert!(revokes(&revocations, Value::Null, sid));
            assert!(revokes(&revocations, "1700000001", sid));
        }
    }

    #[test]
    fn a_token_of_a_session_that_has_ended_is_revoked_whenever_it_was_issued() {
        let ended = revocations(false, true, Some(true));
        assert!(revokes(&ended, 1_800_000_000, Some("s")));
    }

    #[test]
    fn the_end_of_another_session_revokes_only_tokens_that_do_not_name_theirs() {
        let other = revocations(false, true, None);
        assert!(!revokes(&other, 1_600_000_000, Some("s")));
        assert!(revokes(&other, 1_600_000_000, None));
        assert!(!revokes(&UserRevocations::default(), 1_600_000_000, None));
    }

    #[test]
    fn a_revocation_expires_after_the_retention_period() {
        let now = Timestamp::from_millis(1_700_000_000_000);
        assert_eq!(expiry_cutoff(30, now).as_millis(), 1_697_408_000_000);
        assert_eq!(deletion_time(30, expiry_cutoff(30, now)), now);
    }
}
