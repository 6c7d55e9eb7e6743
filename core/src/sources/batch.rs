//! Turns a published body into events.

use std::borrow::Cow;

use super::{
    affected::Affected,
    catalogue::CATALOGUE,
    log_record::{self, LogRecord, ParseError},
    record_view::RecordView,
};
use crate::{
    Result,
    error::ApiError,
    events::{
        event::{Event, EventType},
        event_types::EventTypes,
    },
    timestamp::{Timestamp, parse_rfc3339, utc_date},
};

/// Maximum length of a user id in bytes.
const MAX_USER_ID_BYTES: usize = 1024;
/// Maximum length of a session id in bytes.
const MAX_SESSION_ID_BYTES: usize = 256;
/// Number of seconds by which the date of an event may be after its time of receipt. The clocks of
/// Auth0 and of this service differ a little.
pub const MAX_CLOCK_SKEW_SECONDS: i64 = 60;

/// Number of malformed records whose indices are kept, for the log.
pub const MAX_MALFORMED_INDICES: usize = 20;

/// The content of a published body.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Number of records in the body, including malformed ones.
    pub received: usize,
    /// Number of log records that make no event of this tenant.
    pub ignored: usize,
    /// Number of malformed records.
    pub malformed: usize,
    /// Indices, from 0, of the first malformed records, at most [`MAX_MALFORMED_INDICES`].
    pub malformed_indices: Vec<usize>,
    /// The events, in the order of the body. Some may be duplicates of stored events.
    pub events: Vec<Event>,
}

/// Extracts these events from a published body. Records with another `tenant_name` make no event;
/// without a `tenant_name` to compare with, every record counts as the tenant's.
///
/// # Errors
///
/// - [`ApiError::InvalidRequest`] if the body contains no JSON object and is not an empty array.
/// - [`ApiError::TooManyRecords`] if it contains more than [`log_record::MAX_RECORDS`] records.
pub fn read_batch(
    body: &[u8],
    tenant_name: Option<&str>,
    event_types: &EventTypes,
    received_at: Timestamp,
) -> Result<Batch> {
    let mut batch = Batch::default();
    let mut has_object = false;
    for (index, slice) in log_record::split_records(body).enumerate() {
        batch.received = index.saturating_add(1);
        if batch.received > log_record::MAX_RECORDS {
            return Err(ApiError::TooManyRecords);
        }
        let record = log_record::parse(slice);
        has_object |= !matches!(record, Err(ParseError::NotAnObject));
        let Ok(record) = record else {
            batch.count_malformed(index);
            continue;
        };
        match to_event(&record, tenant_name, event_types, received_at) {
            Ok(Some(event)) => batch.events.push(event),
            Ok(None) => batch.ignored = batch.ignored.saturating_add(1),
            Err(IdTooLong) => batch.count_malformed(index),
        }
    }
    let is_empty_array = batch.received == 0 && body.trim_ascii().ends_with(b"]");
    if !has_object && !is_empty_array {
        return Err(ApiError::InvalidRequest(
            "The body contains no log record. Set the log stream's Content Format to JSON Array, JSON Lines or JSON Object.",
        ));
    }
    Ok(batch)
}

impl Batch {
    fn count_malformed(&mut self, index: usize) {
        self.malformed = self.malformed.saturating_add(1);
        if self.malformed_indices.len() < MAX_MALFORMED_INDICES {
            self.malformed_indices.push(index);
        }
    }
}

/// A user id or session id exceeds its maximum length.
struct IdTooLong;

/// Returns the event that a log record makes, or `None` if it makes none for this tenant.
fn to_event(
    record: &LogRecord<'_>,
    tenant_name: Option<&str>,
    event_types: &EventTypes,
    received_at: Timestamp,
) -> Result<Option<Event>, IdTooLong> {
    let data = record.data();
    if let (Some(expected), Some(name)) = (tenant_name, data.tenant_name())
        && name != expected
    {
        return Ok(None);
    }
    let view = RecordView::new(data);
    let Some((event_type, affected)) = match_catalogue(&view, &data.code, event_types) else {
        return Ok(None);
    };
    let session_id_bytes = affected.session_id.as_ref().map_or(0, |id| id.len());
    if affected.user_id.len() > MAX_USER_ID_BYTES || session_id_bytes > MAX_SESSION_ID_BYTES {
        return Err(IdTooLong);
    }
    Ok(Some(Event {
        id: record.log_id.clone().into_owned(),
        event_type,
        date: event_date(data.date().as_deref(), received_at),
        user_id: affected.user_id.into_owned(),
        session_id: affected.session_id.map(Cow::into_owned),
        revokes: affected.revokes,
    }))
}

/// Returns the date of an event: that of its record, but not far after the time of receipt. Otherwise
/// the event would also revoke tokens that are issued until then. This is the only place that
/// corrects a date; everything else compares with it as it is.
fn event_date(record_date: Option<&str>, received_at: Timestamp) -> String {
    let latest = received_at.plus_seconds(MAX_CLOCK_SKEW_SECONDS);
    let date = record_date.and_then(utc_date);
    match date.as_deref().and_then(parse_rfc3339) {
        Some(parsed) if parsed > latest => latest.to_string(),
        _ => date.unwrap_or_else(|| received_at.to_string()),
    }
}

/// Returns the first event type with a rule that matches the record and an effect for which the
/// tenant makes an event.
fn match_catalogue<'r>(
    record: &'r RecordView<'_>,
    log_code: &str,
    event_types: &EventTypes,
) -> Option<(EventType, Affected<'r>)> {
    CATALOGUE.iter().find_map(|row| {
        let affected = row
            .rules
            .iter()
            .filter(|(code, _)| *code == log_code)
            .find_map(|(_, rule)| rule(record))?;
        event_types
            .contains(row.event_type, affected.revokes)
            .then_some((row.event_type, affected))
    })
}

#[cfg(test)]
mod tests;
