//! Log lines: one JSON object per line, for Workers Logs to index.
//!
//! Every rejected request is a line. A failure of the Worker itself has the level `error`. No line
//! contains a token; of a user, lines contain only the id.

use std::fmt::Display;

use serde::Serialize;
use session_events_core::error::ApiError;
use worker::{console_error, console_log, console_warn};

use crate::Result;

/// A request or socket message that is rejected.
#[derive(Clone, Copy)]
pub(crate) struct Rejected<'a> {
    /// The tenant's domain, or the name of a shard (`acme.us.auth0.com/3`), or the slug if the tenant
    /// is not served, or an empty string if the path names no tenant.
    pub(crate) tenant: &'a str,
    /// The endpoint, or the kind of request between objects.
    pub(crate) endpoint: &'static str,
    /// The id in the response. Messages of a socket have none.
    pub(crate) request_id: Option<&'a str>,
}

/// Turns an error of the runtime into an internal error that names the failed step.
pub(crate) trait OrInternal<T> {
    /// Returns the value, or an internal error.
    fn or_internal(self, step: &'static str) -> Result<T>;
}

impl<T, E: Display> OrInternal<T> for std::result::Result<T, E> {
    fn or_internal(self, step: &'static str) -> Result<T> {
        self.map_err(|error| ApiError::internal(step, error))
    }
}

#[derive(Serialize)]
struct Line<'a> {
    what: &'static str,
    tenant: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    detail: &'a str,
}

impl<'a> Line<'a> {
    /// Returns a line that belongs to no request.
    fn new(what: &'static str, tenant: &'a str, detail: &'a str) -> Self {
        Self {
            what,
            tenant,
            endpoint: None,
            request_id: None,
            error: None,
            detail,
        }
    }

    fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Logs a problem that was handled and that the operator or the publisher should know about.
pub(crate) fn warning(what: &'static str, tenant: &str, detail: &str) {
    console_warn!("{}", Line::new(what, tenant, detail).to_json());
}

/// Logs a loss that the operator must know about.
pub(crate) fn error(what: &'static str, tenant: &str, detail: &str) {
    console_error!("{}", Line::new(what, tenant, detail).to_json());
}

/// Logs an internal failure that no request reports.
pub(crate) fn incident(step: &'static str, tenant: &str, error: &worker::Error) {
    let detail = error.to_string();
    console_error!("{}", Line::new(step, tenant, &detail).to_json());
}

/// Logs a request or socket message that is rejected with this error.
pub(crate) fn rejected(request: Rejected<'_>, error: &ApiError) {
    let line = Line {
        what: "refused",
        tenant: request.tenant,
        endpoint: Some(request.endpoint),
        request_id: request.request_id,
        error: Some(error.code()),
        detail: &error.log_detail(),
    };
    let json = line.to_json();
    match error {
        ApiError::Internal(_) | ApiError::StorageUnavailable(_) | ApiError::StorageFull => {
            console_error!("{json}")
        }
        _ if error.status() >= 500 => console_warn!("{json}"),
        _ => console_log!("{json}"),
    }
}
