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
mod tests;
