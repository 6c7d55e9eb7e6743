//! Helpers for the tests of the rules.

use super::batch::{Batch, read_batch};
use crate::{
    Result,
    events::{event::Event, event_types::EventTypes},
    timestamp::Timestamp,
};

/// The time at which the helpers receive a body.
pub(super) const RECEIVED_AT: &str = "2026-01-01T00:00:00.000Z";

/// Reads a body for the default events of a tenant with the name `acme`.
pub(super) fn read_default_types(body: &str) -> Result<Batch> {
    read_types(body, &EventTypes::default())
}

/// Reads a body for these events of a tenant with the name `acme`.
pub(super) fn read_types(body: &str, event_types: &EventTypes) -> Result<Batch> {
    let received_at = Timestamp::from_millis(1_767_225_600_000);
    read_batch(body.as_bytes(), Some("acme"), event_types, received_at)
}

/// Returns a JSON Object body: one log record with the id `1` and this `data`.
pub(super) fn record(data: &str) -> String {
    format!(r#"{{"log_id":"1","data":{data}}}"#)
}

/// Returns the events of a batch.
pub(super) fn events_of(batch: &Batch) -> Vec<Event> {
    batch
        .events
        .iter()
        .map(|line| line.unwrap().event)
        .collect()
}

/// Returns the `data` of a `sapi` record: a Management API operation by `auth0|admin`.
pub(super) fn api_operation(method: &str, path: &str, request: &str, response: &str) -> String {
    format!(
        r#"{{"type":"sapi","user_id":"auth0|admin","details":{{"request":{{"method":"{method}","path":"{path}","body":{request}}},"response":{{"statusCode":200,"body":{response}}}}}}}"#
    )
}

/// Returns the `data` of an `sscim` record: a SCIM operation by an identity provider.
pub(super) fn scim_operation(method: &str, path: &str, request: &str, response: &str) -> String {
    format!(
        r#"{{"type":"sscim","details":{{"request":{{"method":"{method}","path":"{path}","body":{request}}},"response":{{"statusCode":200,"body":{response}}}}}}}"#
    )
}

/// Returns the JSON of the event that a record with this `data` makes, if the default event types
/// are reported.
pub(super) fn event_json(data: &str) -> Option<String> {
    let batch = read_default_types(&record(data));
    let batch = batch.unwrap_or_else(|error| panic!("{error:?}: {data}"));
    assert_eq!(batch.received, 1);
    events_of(&batch)
        .first()
        .map(|event| serde_json::to_string(event).unwrap())
}

/// The type, `user_id`, `session_id` and `revokes` of an event.
type EventSummary = (
    &'static str,
    &'static str,
    Option<&'static str>,
    Option<&'static str>,
);

/// Returns the event that a record with this `data` makes, if all event types are reported. Asserts
/// that the record makes no event if no event type is reported.
pub(super) fn event_summary(data: &str) -> Option<EventSummary> {
    let body = record(data);
    let none = read_types(&body, &EventTypes::only([])).unwrap();
    assert_eq!((none.with_events, none.ignored), (0, 1));
    let batch = read_types(&body, &EventTypes::all()).unwrap();
    let events = events_of(&batch);
    let event = events.first()?;
    let json = serde_json::to_value(event).unwrap();
    let member =
        |name: &str| -> Option<&'static str> { Some(json.get(name)?.as_str()?.to_owned().leak()) };
    Some((
        member("type")?,
        member("user_id")?,
        member("session_id"),
        member("revokes"),
    ))
}
