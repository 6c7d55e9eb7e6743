//! Which records of Auth0's log are events, and whom they affect.
//!
//! The [`catalogue`] has one row for each kind, and each kind is a file of its own with its rules:
//! functions that take from a log record whom it affects and what it revokes, or leave it. A
//! record that no rule takes is no event; nothing is ever guessed.

mod account_locked;
mod catalogue;
mod email_changed;
mod kinds;
mod logout;
mod mfa_changed;
mod password_changed;
mod record;
mod refresh_token_revoked;
mod session_revoked;
mod user_blocked;
mod user_deleted;
mod user_unblocked;

use serde::{Deserialize, Serialize};

use crate::{
    error::Fault,
    log_record::{self, LogData, LogRecord, Unreadable},
    tenant::Tenant,
    timestamp::{Timestamp, utc_date},
};
use catalogue::{Affected, CATALOGUE};
pub use kinds::Kinds;
use record::Record;

/// The longest user id that is taken, in bytes.
const MAX_USER_ID_BYTES: usize = 1024;
/// The longest session id that is taken, in bytes.
const MAX_SESSION_ID_BYTES: usize = 256;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The account was deleted.
    UserDeleted,
    /// An administrator blocked the user.
    UserBlocked,
    /// The user has a new password.
    PasswordChanged,
    /// The user logged out.
    Logout,
    /// Sessions were ended through the Management API.
    SessionRevoked,
    /// Refresh tokens were revoked.
    RefreshTokenRevoked,
    /// An administrator lifted a block.
    UserUnblocked,
    /// The account has another address.
    EmailChanged,
    /// The user's second factors are others.
    MfaChanged,
    /// Auth0 keeps somebody from logging in after too many wrong passwords.
    AccountLocked,
    /// Auth0 lets them log in again.
    AccountUnlocked,
}

/// What an event revokes of what was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// All sessions and tokens of the user.
    User,
    /// Those of the session that the event names.
    Session,
}

/// Something happened to somebody's account or sessions: what listeners are told, to the letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The log id of the record.
    pub id: String,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// When, in ISO 8601: the record's date, or else the time of receipt.
    pub date: String,
    /// To whom.
    pub user_id: String,
    /// To which of the user's sessions, where the record names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// What it revokes, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revokes: Option<Scope>,
}

/// The first row of the catalogue that counts and takes the record, and whom it affects.
fn affected(data: &LogData<'_>, kinds: &Kinds) -> Option<(Kind, Affected)> {
    let record = Record::new(data);
    CATALOGUE
        .iter()
        .filter(|row| kinds.contains(row.kind))
        .find_map(|row| {
            let rules = row.rules.iter().filter(|(code, _)| *code == data.code);
            let mut taken = rules.filter_map(|(_, rule)| rule(&record));
            Some((row.kind, taken.next()?))
        })
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

/// Picks the tenant's events of these kinds out of a published body.
///
/// # Errors
///
/// [`Fault::InvalidRequest`] where the body is not empty brackets and holds not a single object,
/// [`Fault::TooManyRecords`] where it holds more than [`log_record::MAX_RECORDS`].
pub fn read_batch(
    body: &[u8],
    tenant: &Tenant,
    kinds: &Kinds,
    received_on: Timestamp,
) -> Result<Batch, Fault> {
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
        match record.map(|record| event(&record, tenant, kinds, received_on)) {
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
    kinds: &Kinds,
    received_on: Timestamp,
) -> Result<Option<Event>, TooLong> {
    let data = record.data();
    if data.tenant_name().is_some_and(|name| name != tenant.name()) {
        return Ok(None);
    }
    let Some((kind, affected)) = affected(data, kinds) else {
        return Ok(None);
    };
    let session_id_bytes = affected.session_id.as_ref().map_or(0, String::len);
    if affected.user_id.len() > MAX_USER_ID_BYTES || session_id_bytes > MAX_SESSION_ID_BYTES {
        return Err(TooLong);
    }
    Ok(Some(Event {
        id: record.log_id.clone().into_owned(),
        kind,
        date: data
            .date()
            .and_then(|date| utc_date(&date))
            .unwrap_or_else(|| received_on.to_string()),
        user_id: affected.user_id,
        session_id: affected.session_id,
        revokes: affected.revokes,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECEIVED_ON: &str = "2026-01-01T00:00:00.000Z";

    fn batch(body: &str) -> Result<Batch, Fault> {
        batch_of(body, &Kinds::default())
    }

    fn batch_of(body: &str, kinds: &Kinds) -> Result<Batch, Fault> {
        let tenant = Tenant::from_slug("acme@us").unwrap_or_else(|| panic!("a valid slug"));
        read_batch(
            body.as_bytes(),
            &tenant,
            kinds,
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

    /// The data of a `sapi` record.
    pub(super) fn api(method: &str, path: &str, request: &str, response: &str) -> String {
        format!(
            r#"{{"type":"sapi","user_id":"auth0|admin","details":{{"request":{{"method":"{method}","path":"{path}","body":{request}}},"response":{{"statusCode":200,"body":{response}}}}}}}"#
        )
    }

    type Told = (
        &'static str,
        &'static str,
        Option<&'static str>,
        Option<&'static str>,
    );

    /// The one event of a record with this `data` where all kinds count: its type, its user, its
    /// session and what it revokes. Whatever it is, it is none where no kind counts.
    pub(super) fn any_event_of(data: &str) -> Option<Told> {
        let body = format!(r#"{{"log_id":"1","data":{data}}}"#);
        let none = batch_of(&body, &Kinds::only([])).unwrap();
        assert_eq!((none.events.len(), none.ignored), (0, 1));
        let batch = batch_of(&body, &Kinds::all()).unwrap();
        let event = batch.events.first()?;
        let json = serde_json::to_value(event).unwrap();
        let word = |name: &str| -> Option<&'static str> {
            Some(json.get(name)?.as_str()?.to_owned().leak())
        };
        Some((
            word("type")?,
            word("user_id")?,
            word("session_id"),
            word("revokes"),
        ))
    }

    #[test]
    fn a_record_that_is_several_things_is_the_one_that_ends_most() {
        let path = "/api/v2/users/auth0|1";
        let answer = |blocked| format!(r#"{{"user_id":"auth0|1","blocked":{blocked}}}"#);
        for (blocked, kind) in [(true, "user_blocked"), (false, "password_changed")] {
            let request = format!(r#"{{"blocked":{blocked},"password":"*****"}}"#);
            let event = any_event_of(&api("patch", path, &request, &answer(blocked)));
            assert_eq!(event, Some((kind, "auth0|1", None, Some("user"))));
        }
    }

    #[test]
    fn an_array_is_not_taken_for_the_object_in_whose_place_it_stands() {
        let path = "/api/v2/users/auth0|1";
        let user = r#"{"user_id":"auth0|1","blocked":true}"#;
        for (request, response) in [
            (r#"[{"blocked":true}]"#, user),
            (r#"["*****"]"#, user),
            ("[true]", user),
            (r#"{"blocked":true}"#, r#"[true,"auth0|1"]"#),
        ] {
            let data = api("patch", path, request, response);
            assert_eq!(any_event_of(&data), None, "{request} {response}");
        }
        let session = api("delete", "/api/v2/sessions/s1", "{}", r#"["auth0|1"]"#);
        assert_eq!(any_event_of(&session), None);
        for details in [
            r#"["s1",{},{}]"#,
            r#"{"request":["PATCH","/",{}],"response":[{}]}"#,
        ] {
            let data = format!(r#"{{"type":"slo","user_id":"auth0|1","details":{details}}}"#);
            let logout = any_event_of(&data).unwrap();
            assert_eq!(logout, ("logout", "auth0|1", None, Some("user")));
        }
    }

    #[test]
    fn a_kind_that_does_not_count_leaves_its_record_to_those_that_do() {
        let path = "/api/v2/users/auth0|1";
        let data = api(
            "patch",
            path,
            r#"{"blocked":true,"password":"x"}"#,
            r#"{"user_id":"auth0|1","blocked":true}"#,
        );
        let body = format!(r#"{{"log_id":"1","data":{data}}}"#);
        let kinds = Kinds::only([Kind::PasswordChanged]);
        let batch = batch_of(&body, &kinds).unwrap();
        assert_eq!(batch.events[0].kind, Kind::PasswordChanged);
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
        for date in [
            "",
            r#","date":"""#,
            r#","date":"soon""#,
            r#","date":null"#,
            r#","date":1767323045000"#,
            r#","date":{}"#,
        ] {
            assert_eq!(
                event_of(&format!(r#"{{"type":"scp","user_id":"auth0|1"{date}}}"#)),
                Some(format!(
                    r#"{{"id":"1","type":"password_changed","date":"{RECEIVED_ON}","user_id":"auth0|1","revokes":"user"}}"#
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
