//! Which records of Auth0's log end a session, and whose.
//!
//! Each kind of event is a file of its own with the same two things: the code of the log records
//! that it is made from, and the rule that takes from such a record whose session is over, or
//! leaves it. A record that no rule takes is no event; nothing is ever guessed.

mod logout;
mod password_changed;
mod user_blocked;

use serde::{Deserialize, Serialize};

use crate::{
    error::Fault,
    log_record::{self, LogData, LogRecord, Unreadable},
    tenant::Tenant,
    timestamp::{Timestamp, utc_date},
};

/// The longest user id that is taken, in bytes.
const MAX_USER_ID_BYTES: usize = 1024;
/// The longest session id that is taken, in bytes.
const MAX_SESSION_ID_BYTES: usize = 256;

/// What ended the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The user logged out.
    Logout,
    /// The user changed the password.
    PasswordChanged,
    /// An administrator blocked the user.
    UserBlocked,
}

/// Somebody's session is over: what listeners are told, to the letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The log id of the record.
    pub id: String,
    /// What ended the session.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// When, in ISO 8601: the record's date, or else the time of receipt.
    pub date: String,
    /// Whose.
    pub user_id: String,
    /// Which of the user's sessions, where the record names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
}

/// Whose session a record says is over.
struct Ended {
    user_id: String,
    session_id: Option<String>,
}

impl Ended {
    /// All sessions of a user.
    fn all_of(user_id: &str) -> Self {
        Self {
            user_id: user_id.to_owned(),
            session_id: None,
        }
    }
}

/// The rule of the record's code, applied.
fn ended(data: &LogData<'_>) -> Option<(Kind, Ended)> {
    match data.code.as_ref() {
        logout::CODE => Some((Kind::Logout, logout::ended(data)?)),
        password_changed::CODE => Some((Kind::PasswordChanged, password_changed::ended(data)?)),
        user_blocked::CODE => Some((Kind::UserBlocked, user_blocked::ended(data)?)),
        _ => None,
    }
}

/// What a published body came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Every piece of the body, readable or not.
    pub received: usize,
    /// The records that are no event of this tenant.
    pub ignored: usize,
    /// The places in the body, from 0, of the pieces that could not be read.
    pub malformed: Vec<usize>,
    /// The events, in the body's order.
    pub events: Vec<Event>,
}

/// Picks the tenant's events out of a published body.
///
/// # Errors
///
/// [`Fault::InvalidRequest`] where the body is not empty brackets and holds not a single object,
/// [`Fault::TooManyRecords`] where it holds more than [`log_record::MAX_RECORDS`].
pub fn read_batch(body: &[u8], tenant: &Tenant, received_on: Timestamp) -> Result<Batch, Fault> {
    let mut batch = Batch::default();
    let mut objects = 0_usize;
    for (place, piece) in log_record::pieces(body).enumerate() {
        batch.received = place.saturating_add(1);
        if batch.received > log_record::MAX_RECORDS {
            return Err(Fault::TooManyRecords);
        }
        let record = log_record::read(piece);
        if !matches!(record, Err(Unreadable::NotAnObject)) {
            objects = objects.saturating_add(1);
        }
        match record.map(|record| event(&record, tenant, received_on)) {
            Ok(Ok(Some(event))) => batch.events.push(event),
            Ok(Ok(None)) => batch.ignored = batch.ignored.saturating_add(1),
            Ok(Err(TooLong)) | Err(_) => batch.malformed.push(place),
        }
    }
    let empty_array = batch.received == 0 && body.trim_ascii().ends_with(b"]");
    if objects == 0 && !empty_array {
        return Err(Fault::InvalidRequest(
            "The body holds no log record: set the log stream's Content Format to JSON Array, JSON Lines or JSON Object.",
        ));
    }
    Ok(batch)
}

/// A user or session id over the limit.
struct TooLong;

fn event(
    record: &LogRecord<'_>,
    tenant: &Tenant,
    received_on: Timestamp,
) -> Result<Option<Event>, TooLong> {
    let data = record.data();
    if data.tenant_name().is_some_and(|name| name != tenant.name()) {
        return Ok(None);
    }
    let Some((kind, ended)) = ended(data) else {
        return Ok(None);
    };
    let session_id_bytes = ended.session_id.as_ref().map_or(0, String::len);
    if ended.user_id.len() > MAX_USER_ID_BYTES || session_id_bytes > MAX_SESSION_ID_BYTES {
        return Err(TooLong);
    }
    Ok(Some(Event {
        id: record.log_id.clone().into_owned(),
        kind,
        date: data
            .date()
            .and_then(utc_date)
            .unwrap_or_else(|| received_on.to_string()),
        user_id: ended.user_id,
        session_id: ended.session_id,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECEIVED_ON: &str = "2026-01-01T00:00:00.000Z";

    fn batch(body: &str) -> Result<Batch, Fault> {
        let tenant = Tenant::from_slug("acme@us").unwrap_or_else(|| panic!("a valid slug"));
        read_batch(
            body.as_bytes(),
            &tenant,
            Timestamp::from_millis(1_767_225_600_000),
        )
    }

    /// The one event of a record with this `data`, as it goes over the wire.
    pub(super) fn event_of(data: &str) -> Option<String> {
        let batch = batch(&format!(r#"{{"log_id":"1","data":{data}}}"#));
        let batch = batch.unwrap_or_else(|fault| panic!("{fault:?}: {data}"));
        assert_eq!(batch.received, 1);
        let event = batch.events.first()?;
        serde_json::to_string(event).ok()
    }

    #[test]
    fn every_record_is_counted_once() {
        let body = r#"[
            {"log_id":"1","data":{"type":"slo","user_id":"auth0|1"}},
            {"log_id":"2","data":{"type":"s","user_id":"auth0|1"}},
            {"log_id":"3","data":{"type":"slo"}},
            {"log_id":"4"},
            5,
            {"log_id":"6","data":{"type":"scp","user_id":"auth0|2","tenant_name":"acme"}},
            {"log_id":"7","data":{"type":"scp","user_id":"auth0|2","tenant_name":"other"}},
            {"log_id":"8","data":{"type":"scp","user_id":"auth0|2","tenant_name":""}}
        ]"#;
        let batch = batch(body).unwrap_or_else(|fault| panic!("{fault:?}"));
        let ids: Vec<&str> = batch.events.iter().map(|event| event.id.as_str()).collect();
        assert_eq!(ids, ["1", "6", "8"]);
        assert_eq!(batch.malformed, [3, 4]);
        assert_eq!((batch.received, batch.ignored), (8, 3));
    }

    #[test]
    fn only_a_body_in_which_nothing_can_be_read_is_refused() {
        for body in [
            "", " ", "nonsense", "1", "[1,2]", "null", "\"{}\"", "[", "\u{feff}",
        ] {
            let refused = matches!(batch(body), Err(Fault::InvalidRequest(_)));
            assert!(refused, "{body:?}");
        }
        assert_eq!(batch("[]"), Ok(Batch::default()));
        for body in ["{}", "[{}]", "{\"log_id\":", r#"[{"foo":1}]"#] {
            let malformed = batch(body).map(|batch| batch.malformed);
            assert_eq!(malformed, Ok(vec![0]), "{body:?}");
        }
    }

    #[test]
    fn an_event_without_a_readable_date_has_the_time_of_receipt() {
        for date in ["", r#","date":"""#, r#","date":"soon""#, r#","date":null"#] {
            assert_eq!(
                event_of(&format!(r#"{{"type":"scp","user_id":"auth0|1"{date}}}"#)),
                Some(format!(
                    r#"{{"id":"1","type":"password_changed","date":"{RECEIVED_ON}","user_id":"auth0|1"}}"#
                ))
            );
        }
    }

    #[test]
    fn ids_of_users_and_sessions_are_bounded() {
        for (user, session, malformed) in [(1024, 256, 0), (1025, 0, 1), (1, 257, 1)] {
            let body = format!(
                r#"{{"log_id":"1","data":{{"type":"slo","user_id":"{}","details":{{"session_id":"{}"}}}}}}"#,
                "u".repeat(user),
                "s".repeat(session),
            );
            let count = batch(&body).map(|batch| batch.malformed.len());
            assert_eq!(count, Ok(malformed), "{user} {session}");
        }
    }

    #[test]
    fn a_body_of_more_records_than_are_taken_is_refused_whole() {
        let body = |count| format!("[{}]", vec!["{}"; count].join(","));
        let received = |count| batch(&body(count)).map(|batch| batch.received);
        assert_eq!(received(50_000), Ok(50_000));
        assert_eq!(received(50_001), Err(Fault::TooManyRecords));
    }

    #[test]
    fn the_longest_event_there_can_be_is_bounded() {
        let text = |bytes| "\\u0001".repeat(bytes);
        let body = format!(
            r#"{{"log_id":"{}","data":{{"type":"slo","user_id":"{}","date":"{}","details":{{"session_id":"{}"}}}}}}"#,
            "\\\\".repeat(256),
            text(1024),
            "2021-11-03T05:53:57.123456789Z",
            text(256),
        );
        let batch = batch(&body).expect("a readable body");
        let event = serde_json::to_string(&batch.events).expect("an event");
        assert!((8_000..10_000).contains(&event.len()), "{}", event.len());
    }
}
