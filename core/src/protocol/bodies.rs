//! Request and response bodies.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::filter::Filter;
use crate::{
    error::ApiError,
    sources::batch::Batch,
    timestamp::{Timestamp, iso8601},
};

/// The body of every error response.
#[derive(Debug, Serialize, Deserialize)]
pub struct ErrorBody {
    /// The error code, for programs.
    pub error: Cow<'static, str>,
    /// The error description, for people.
    pub error_description: Cow<'static, str>,
}

impl From<&ApiError> for ErrorBody {
    fn from(error: &ApiError) -> Self {
        Self {
            error: error.code().into(),
            error_description: error.description(),
        }
    }
}

/// The response to a published batch: how many of its records had which outcome.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishReceipt {
    /// Number of records in the body.
    pub received: usize,
    /// Number of records that made a new event.
    pub events: usize,
    /// Number of duplicates: records that would make an event, but whose event is stored already, or
    /// whose session a logout token has already ended (docs/protocol.md, "Publishing").
    pub duplicates: usize,
    /// Number of records that make no event of this tenant.
    pub ignored: usize,
    /// Number of malformed records.
    pub malformed: usize,
}

impl PublishReceipt {
    /// Returns the receipt of a batch that has not been stored yet. Every record with events counts as
    /// a duplicate until [`PublishReceipt::with_new_events`].
    pub fn before_storing(batch: &Batch) -> Self {
        Self {
            received: batch.received,
            events: 0,
            duplicates: batch.with_events,
            ignored: batch.ignored,
            malformed: batch.malformed,
        }
    }

    /// Returns the receipt of a single event that has not been stored yet.
    pub fn before_storing_one() -> Self {
        Self {
            received: 1,
            duplicates: 1,
            ..Self::default()
        }
    }

    /// Returns the receipt after the events of this number of records turned out to be new.
    pub fn with_new_events(self, records: usize) -> Self {
        Self {
            events: records,
            duplicates: self.duplicates.saturating_sub(records),
            ..self
        }
    }
}

/// The response of `GET /`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Index {
    /// The name of the service.
    pub name: Cow<'static, str>,
    /// The version of the service.
    pub version: Cow<'static, str>,
    /// The purpose of the service.
    pub description: Cow<'static, str>,
}

/// The response of `GET /{tenant}/_debug`: the request as the Worker sees it.
#[derive(Debug, Serialize)]
pub struct WorkerDebug<'a> {
    /// The host, with the port unless it is the default port.
    pub host: &'a str,
    /// The URL.
    pub url: &'a str,
    /// The path of the URL.
    pub path: &'a str,
    /// The path without the tenant segment.
    pub internal_path: &'a str,
    /// The slug of the tenant.
    pub tenant: String,
    /// The domain of the tenant.
    pub tenant_domain: &'a str,
}

/// The response of `GET /{tenant}/api/_debug`: the request as the tenant object sees it.
#[derive(Debug, Serialize)]
pub struct ObjectDebug<'a> {
    /// The host, with the port unless it is the default port.
    pub host: &'a str,
    /// The URL.
    pub url: &'a str,
    /// The path of the URL.
    pub path: &'a str,
    /// The domain of the tenant.
    pub tenant_domain: &'a str,
}

/// The response of `GET /{tenant}/api/listeners`. Code that only forwards the connections uses a
/// `C` that leaves them unparsed.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListenersBody<C = Connection> {
    /// Number of open sockets.
    pub count: usize,
    /// The open sockets.
    pub connections: Vec<C>,
}

/// An open socket.
#[derive(Debug, Serialize, Deserialize)]
pub struct Connection {
    /// The time at which the socket connected.
    #[serde(with = "iso8601")]
    pub connected_on: Timestamp,
    /// The subject of its token, if it has authenticated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// The events that it receives, if it has authenticated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
    /// Always `false`: closed sockets are not listed.
    pub terminated: bool,
}

/// The response of `GET /{tenant}/api/events`, for a client.
#[derive(Debug, Deserialize)]
pub struct EventsBody<'a> {
    /// The stored events, latest first.
    #[serde(borrow)]
    pub events: Vec<&'a RawValue>,
}

/// The response of `GET /{tenant}/api/health` if the tenant's storage responds.
#[derive(Debug, Serialize)]
pub struct HealthBody {
    /// Always `ok`: a storage failure is an error response.
    pub storage: &'static str,
    /// The details, for a client with the permission for all users.
    #[serde(flatten)]
    pub details: Option<HealthDetails>,
}

/// The details of a tenant's health.
#[derive(Debug, Serialize)]
pub struct HealthDetails {
    /// The state of each issuer's key set.
    pub key_sets: Vec<KeySetHealth>,
    /// The session entries that were dropped. Absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped_revocations: Option<DroppedRevocations>,
}

/// The session entries that were dropped because the tenant had too many revocations.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct DroppedRevocations {
    /// Number of dropped entries.
    pub count: i64,
    /// The time at which entries were last dropped.
    #[serde(with = "iso8601")]
    pub last_at: Timestamp,
}

/// The state of the cached key set of an issuer.
#[derive(Debug, Serialize)]
pub struct KeySetHealth {
    /// The URL of the key set.
    pub jwks_uri: String,
    /// The time of the last successful fetch in ISO 8601, or `null` if no token has required a
    /// fetch yet.
    pub fetched_at: Option<String>,
    /// The time of the last failed fetch in ISO 8601. Absent after a successful fetch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_at: Option<String>,
}
