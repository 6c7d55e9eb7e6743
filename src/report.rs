//! What is logged: one JSON object a line, for Workers Logs to index. No line ever holds a token,
//! and of a user nothing but the id.

use serde::Serialize;
use session_events_core::error::Fault;
use worker::{console_error, console_warn};

#[derive(Serialize)]
struct Line<'a> {
    what: &'static str,
    tenant: &'a str,
    detail: &'a str,
}

impl Line<'_> {
    fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Something the operator or the publisher should know of and that is dealt with.
pub(crate) fn warning(what: &'static str, tenant: &str, detail: &str) {
    let line = Line {
        what,
        tenant,
        detail,
    };
    console_warn!("{}", line.to_json());
}

/// Something that should not happen. What the client is told of it is no more than that.
pub(crate) fn internal(what: &'static str, tenant: &str, error: &worker::Error) -> Fault {
    let line = Line {
        what,
        tenant,
        detail: &error.to_string(),
    };
    console_error!("{}", line.to_json());
    Fault::Internal
}
