//! What is logged: one JSON object a line, for Workers Logs to index.
//!
//! Every refusal is a line, whoever was refused and for whatever reason; one that is our own fault
//! is a line of level error. No line ever holds a token, and of a user nothing but the id.

use serde::Serialize;
use session_events_core::error::Fault;
use worker::{console_error, console_log, console_warn};

/// Something that should not happen, as a fault that says which step it happened in.
pub(crate) fn internal(step: &'static str) -> impl Fn(worker::Error) -> Fault {
    move |error| Fault::internal(step, error)
}

/// Who was refused, where.
#[derive(Clone, Copy)]
pub(crate) struct Refused<'a> {
    /// The Auth0 domain; empty where no tenant was named.
    pub(crate) tenant: &'a str,
    /// What was asked for.
    pub(crate) endpoint: &'static str,
    /// What the answer carries too; a socket's messages have none.
    pub(crate) request_id: Option<&'a str>,
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
    /// One that is about no request.
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

/// Something the operator or the publisher should know of and that is dealt with.
pub(crate) fn warning(what: &'static str, tenant: &str, detail: &str) {
    console_warn!("{}", Line::new(what, tenant, detail).to_json());
}

/// Something that should not happen, where there is nobody to answer.
pub(crate) fn incident(step: &'static str, tenant: &str, error: &worker::Error) {
    let detail = error.to_string();
    console_error!("{}", Line::new(step, tenant, &detail).to_json());
}

/// A refusal.
pub(crate) fn refused(who: Refused<'_>, fault: &Fault) {
    let line = Line {
        what: "refused",
        tenant: who.tenant,
        endpoint: Some(who.endpoint),
        request_id: who.request_id,
        error: Some(fault.code()),
        detail: &fault.log_detail(),
    };
    match fault {
        Fault::Internal(_) | Fault::StorageUnavailable(_) => console_error!("{}", line.to_json()),
        _ if fault.status() >= 500 => console_warn!("{}", line.to_json()),
        _ => console_log!("{}", line.to_json()),
    }
}
