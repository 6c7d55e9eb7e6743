//! Sources of events: Auth0's log records and the rules that read them.
//!
//! - [`log_record`]: splits a published body into log records.
//! - [`batch`]: turns a published body into events.
//! - `record`, `affected`: the view of a log record that the rules read, and what they return.
//! - `catalogue`: the log codes of each event type and the rule for each.
//! - `kinds`: one file per event type.

mod affected;
pub mod batch;
mod catalogue;
mod kinds;
pub mod log_record;
mod record;
