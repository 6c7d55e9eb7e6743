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

/// What every error looks like.
#[derive(Debug, Serialize, Deserialize)]
pub struct ErrorBody {
    /// What is wrong, for programs.
    pub error: Cow<'static, str>,
    /// What is wrong and what to do about it, for people.
    pub error_description: Cow<'static, str>,
}

impl From<&ApiError> for ErrorBody {
    fn from(fault: &ApiError) -> Self {
        Self {
            error: fault.code().into(),
            error_description: fault.description(),
        }
    }
}

/// The answer to a published batch.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishReceipt {
    /// The records in the body.
    pub received: usize,
    /// Those that were news and went to listeners.
    pub events: usize,
    /// Those that had been accepted before.
    pub duplicates: usize,
    /// Those that are no event of this tenant.
    pub ignored: usize,
    /// Those that could not be read.
    pub malformed: usize,
}

impl PublishReceipt {
    /// The receipt of a batch of whose events none is known to be news.
    pub fn of(batch: &Batch) -> Self {
        Self {
            received: batch.received,
            events: 0,
            duplicates: batch.events.len(),
            ignored: batch.ignored,
            malformed: batch.malformed.len(),
        }
    }

    /// The same where so many of the events were news.
    pub fn with_news(self, events: usize) -> Self {
        Self {
            events,
            duplicates: self.duplicates.saturating_sub(events),
            ..self
        }
    }
}

/// The answer of `GET /`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Index {
    /// The service's name.
    pub name: Cow<'static, str>,
    /// Its version.
    pub version: Cow<'static, str>,
    /// What it does.
    pub description: Cow<'static, str>,
}

/// The answer of `GET /{tenant}/_debug`.
#[derive(Debug, Serialize)]
pub struct WorkerDebug<'a> {
    /// The host, with the port unless it is the usual one.
    pub host: &'a str,
    /// The whole URL.
    pub url: &'a str,
    /// Its path.
    pub path: &'a str,
    /// The path without the tenant's segment.
    pub internal_path: &'a str,
    /// The slug.
    pub tenant: String,
    /// The Auth0 domain.
    pub tenant_domain: String,
}

/// The answer of `GET /{tenant}/api/_debug`.
#[derive(Debug, Serialize)]
pub struct HubDebug<'a> {
    /// The host, with the port unless it is the usual one.
    pub host: &'a str,
    /// The whole URL, as the tenant's object sees it.
    pub url: &'a str,
    /// Its path.
    pub path: &'a str,
    /// The Auth0 domain.
    pub tenant_domain: String,
}

/// The answer of `GET /{tenant}/api/listeners`; who only hands it on need not look into a `C`.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListenersBody<C = Connection> {
    /// How many there are.
    pub count: usize,
    /// Each open socket.
    pub connections: Vec<C>,
}

/// An open socket.
#[derive(Debug, Serialize, Deserialize)]
pub struct Connection {
    /// Since when.
    #[serde(with = "iso8601")]
    pub connected_on: Timestamp,
    /// Whose, once it has authenticated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// Whose events it is told of, once it has authenticated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
    /// Always `false`: a socket that has ended is not listed.
    pub terminated: bool,
}

/// The answer of `GET /{tenant}/api/events`, as it is read.
#[derive(Debug, Deserialize)]
pub struct EventsBody<'a> {
    /// The events, newest first.
    #[serde(borrow)]
    pub events: Vec<&'a RawValue>,
}

/// The answer of `GET /{tenant}/api/health`, where the tenant's storage answers.
#[derive(Debug, Serialize)]
pub struct HealthBody {
    /// Always `ok`; what is not well is answered as a fault.
    pub storage: &'static str,
    /// The key set of each of the tenant's issuers.
    pub key_sets: Vec<KeySetHealth>,
}

/// What is known of an issuer's key set.
#[derive(Debug, Serialize)]
pub struct KeySetHealth {
    /// Where it is.
    pub jwks_uri: String,
    /// When it was last fetched, in ISO 8601; `null` where no token has called for it yet.
    pub fetched_at: Option<String>,
    /// When it was last tried to fetch it anew and that failed; absent once it succeeds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_at: Option<String>,
}
