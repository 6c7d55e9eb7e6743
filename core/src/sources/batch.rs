//! Turns a published body into events.

use std::borrow::Cow;

use super::{
    affected::{Affected, IdTooLong},
    catalogue::CATALOGUE,
    log_record::{self, LogRecord, ParseError},
    record_view::RecordView,
};
use crate::{
    Result,
    error::ApiError,
    events::{
        event::{Event, EventType, event_id},
        event_lines::EventLines,
        event_types::EventTypes,
    },
    timestamp::{Timestamp, parse_rfc3339, utc_date},
};

/// Number of seconds by which the date of an event may be after its time of receipt. The clocks of
/// Auth0 and of this service differ a little.
pub const MAX_CLOCK_SKEW_SECONDS: i64 = 60;

/// Maximum number of indices of malformed records that are kept for a log line of the Worker.
pub const MAX_MALFORMED_INDICES: usize = 20;

/// The content of a published body.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Number of records in the body, including malformed ones.
    pub received: usize,
    /// Number of log records that make events.
    pub with_events: usize,
    /// Number of log records that make no event of this tenant.
    pub ignored: usize,
    /// Number of malformed records.
    pub malformed: usize,
    /// Indices, from 0, of the first malformed records, at most [`MAX_MALFORMED_INDICES`].
    pub malformed_indices: Vec<usize>,
    /// The events, in the order of the body. Some may be duplicates of stored events.
    pub events: EventLines,
    /// The longest delay of an event: the number of seconds from its date to its receipt.
    pub delay_seconds: i64,
}

/// Extracts the events of the given types from a published body. A record whose tenant name differs
/// from `tenant_name` makes no event. If either name is missing, the record counts as the tenant's.
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
    let records = log_record::split_records(body);
    for (index, slice) in records.slices().enumerate() {
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
        match to_events(&record, tenant_name, event_types, received_at) {
            Ok(events) => batch.push(&events, received_at)?,
            Err(IdTooLong) => batch.count_malformed(index),
        }
    }
    let is_empty_array = batch.received == 0 && records.is_complete_array();
    if !has_object && !is_empty_array {
        return Err(ApiError::InvalidRequest(
            "The body contains no log record. Set the log stream's Content Format to JSON Array, JSON Lines or JSON Object.",
        ));
    }
    Ok(batch)
}

impl Batch {
    /// Adds the events of a record.
    fn push(&mut self, events: &[Event], received_at: Timestamp) -> Result<()> {
        let counter = match events {
            [] => &mut self.ignored,
            _ => &mut self.with_events,
        };
        *counter = counter.saturating_add(1);
        // All events of a record have the date of the record.
        let date = events.first().and_then(|event| parse_rfc3339(&event.date));
        let delay = date.map_or(0, |date| received_at.seconds_since(date));
        self.delay_seconds = self.delay_seconds.max(delay);
        events
            .iter()
            .try_for_each(|event| self.events.push(event))
            .map_err(|error| ApiError::internal("batch", error))
    }

    fn count_malformed(&mut self, index: usize) {
        self.malformed = self.malformed.saturating_add(1);
        if self.malformed_indices.len() < MAX_MALFORMED_INDICES {
            self.malformed_indices.push(index);
        }
    }
}

/// Returns the events that a log record makes for this tenant, at most one per user.
fn to_events(
    record: &LogRecord<'_>,
    tenant_name: Option<&str>,
    event_types: &EventTypes,
    received_at: Timestamp,
) -> Result<Vec<Event>, IdTooLong> {
    let data = record.data();
    if let (Some(expected), Some(name)) = (tenant_name, data.tenant_name())
        && name != expected
    {
        return Ok(Vec::new());
    }
    let view = RecordView::new(data);
    let matches = match_catalogue(&view, &data.code, event_types);
    if matches.is_empty() {
        return Ok(Vec::new());
    }
    let date = event_date(data.date().as_deref(), received_at);
    let events = most_revoking_per_user(matches).into_iter().enumerate();
    events
        .map(|(index, (event_type, affected))| {
            affected.check_lengths()?;
            Ok(Event {
                id: event_id(&record.log_id, index),
                event_type,
                date: date.clone(),
                user_id: affected.user_id.into_owned(),
                session_id: affected.session_id.map(Cow::into_owned),
                revokes: affected.revokes,
            })
        })
        .collect()
}

/// Returns the date of an event: that of its record, or the time of receipt if the record has no valid
/// date. A date too far after the receipt is replaced by the latest permitted one, because an event
/// revokes the tokens issued up to its date. No other code corrects dates.
fn event_date(record_date: Option<&str>, received_at: Timestamp) -> String {
    let latest = received_at.plus_seconds(MAX_CLOCK_SKEW_SECONDS);
    let date = record_date.and_then(utc_date);
    match date.as_deref().and_then(parse_rfc3339) {
        Some(parsed) if parsed > latest => latest.to_string(),
        _ => date.unwrap_or_else(|| received_at.to_string()),
    }
}

/// Returns the matches of the catalogue whose events are among `event_types`, in the order of the
/// catalogue.
fn match_catalogue<'r>(
    record: &'r RecordView<'_>,
    log_code: &str,
    event_types: &EventTypes,
) -> Vec<(EventType, Affected<'r>)> {
    let matching = CATALOGUE.iter().filter_map(|row| {
        let affected = row
            .rules
            .iter()
            .filter(|(code, _)| *code == log_code)
            .find_map(|(_, rule)| rule(record))?;
        event_types
            .contains(row.event_type, affected.revokes)
            .then_some((row.event_type, affected))
    });
    matching.collect()
}

/// Returns one match per user: the one that revokes most, and the first among equals.
fn most_revoking_per_user<'r>(
    matches: Vec<(EventType, Affected<'r>)>,
) -> Vec<(EventType, Affected<'r>)> {
    let mut chosen: Vec<(EventType, Affected<'r>)> = Vec::new();
    for candidate in matches {
        let same_user = chosen
            .iter_mut()
            .find(|(_, affected)| affected.user_id == candidate.1.user_id);
        match same_user {
            None => chosen.push(candidate),
            Some(best) if candidate.1.revokes > best.1.revokes => *best = candidate,
            Some(_) => {}
        }
    }
    chosen
}

#[cfg(test)]
mod tests;
