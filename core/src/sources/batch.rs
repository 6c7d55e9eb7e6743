//! Turns a published body into events.

use super::{
    affected::Affected,
    catalogue::CATALOGUE,
    log_record::{self, LogData, LogRecord, Unreadable},
    record::Record,
};
use crate::{
    Result,
    error::ApiError,
    events::{
        event::{Event, EventType},
        event_types::EventTypes,
    },
    tenant::Tenant,
    timestamp::{Timestamp, utc_date},
};

/// Maximum length of a user id in bytes.
const MAX_USER_ID_BYTES: usize = 1024;
/// Maximum length of a session id in bytes.
const MAX_SESSION_ID_BYTES: usize = 256;

/// The content of a published body.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Number of pieces in the body, readable or not.
    pub received: usize,
    /// Number of log records that make no event of this tenant.
    pub ignored: usize,
    /// Indices, from 0, of the pieces that could not be read.
    pub malformed: Vec<usize>,
    /// The events, in the order of the body.
    pub events: Vec<Event>,
}

/// Extracts the tenant's events of these types from a published body.
///
/// # Errors
///
/// - [`ApiError::InvalidRequest`] if the body holds no JSON object and is not an empty array.
/// - [`ApiError::TooManyRecords`] if it holds more than [`log_record::MAX_RECORDS`] records.
pub fn read_batch(
    body: &[u8],
    tenant: &Tenant,
    event_types: &EventTypes,
    received_at: Timestamp,
) -> Result<Batch> {
    let mut batch = Batch::default();
    let mut objects = 0_usize;
    for (index, piece) in log_record::pieces(body).enumerate() {
        batch.received = index.saturating_add(1);
        if batch.received > log_record::MAX_RECORDS {
            return Err(ApiError::TooManyRecords);
        }
        let record = log_record::parse(piece);
        if !matches!(record, Err(Unreadable::NotAnObject)) {
            objects = objects.saturating_add(1);
        }
        match record.map(|record| to_event(&record, tenant, event_types, received_at)) {
            Ok(Ok(Some(event))) => batch.events.push(event),
            Ok(Ok(None)) => batch.ignored = batch.ignored.saturating_add(1),
            Ok(Err(IdTooLong)) | Err(_) => batch.malformed.push(index),
        }
    }
    let is_empty_array = batch.received == 0 && body.trim_ascii().ends_with(b"]");
    if objects == 0 && !is_empty_array {
        return Err(ApiError::InvalidRequest(
            "The body contains no log record. Set the log stream's Content Format to JSON Array, JSON Lines or JSON Object.",
        ));
    }
    Ok(batch)
}

/// A user id or session id exceeds its maximum length.
struct IdTooLong;

/// Returns the event that a log record makes, or `None` if it makes none for this tenant.
fn to_event(
    record: &LogRecord<'_>,
    tenant: &Tenant,
    event_types: &EventTypes,
    received_at: Timestamp,
) -> Result<Option<Event>, IdTooLong> {
    let data = record.data();
    if data.tenant_name().is_some_and(|name| name != tenant.name()) {
        return Ok(None);
    }
    let Some((kind, affected)) = match_catalogue(data, event_types) else {
        return Ok(None);
    };
    let session_id_bytes = affected.session_id.as_ref().map_or(0, String::len);
    if affected.user_id.len() > MAX_USER_ID_BYTES || session_id_bytes > MAX_SESSION_ID_BYTES {
        return Err(IdTooLong);
    }
    Ok(Some(Event {
        id: record.log_id.clone().into_owned(),
        kind,
        date: data
            .date()
            .and_then(|date| utc_date(&date))
            .unwrap_or_else(|| received_at.to_string()),
        user_id: affected.user_id,
        session_id: affected.session_id,
        revokes: affected.revokes,
    }))
}

/// Returns the first reported event type with a rule that matches the record.
fn match_catalogue(data: &LogData<'_>, event_types: &EventTypes) -> Option<(EventType, Affected)> {
    let record = Record::new(data);
    let reported = CATALOGUE
        .iter()
        .filter(|row| event_types.contains(row.event_type));
    reported.into_iter().find_map(|row| {
        let mut rules = row.rules.iter().filter(|(code, _)| *code == data.code);
        let affected = rules.find_map(|(_, rule)| rule(&record))?;
        Some((row.event_type, affected))
    })
}

#[cfg(test)]
pub(super) mod tests;
