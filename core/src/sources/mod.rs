//! Sources of events: Auth0's log records, the rules that read them, and logout tokens.
//!
//! - [`backchannel_logout`]: turns a logout token into an event.
//! - [`log_record`]: splits a published body into log records and parses them.
//! - [`batch`]: turns a published body into events.
//! - `record_view`, `affected`: the input and the output of a rule.
//! - `catalogue`: the log codes of each event type and the rule for each.
//! - `rules`: the rules, one file per event type.
//! - `scim`: the attribute `active` in SCIM operations.

mod affected;
pub mod backchannel_logout;
pub mod batch;
mod catalogue;
pub mod log_record;
mod record_view;
mod rules;
mod scim;
#[cfg(test)]
mod test_support;
