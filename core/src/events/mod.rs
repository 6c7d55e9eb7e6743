//! Events and the revocations that follow from them.
//!
//! - [`event`]: an event, its type, and the tokens that it revokes.
//! - [`event_lines`]: the events of a batch.
//! - [`event_types`]: the event types that a deployment reports.
//! - [`event_log`]: the latest events, kept for replay.
//! - [`revocation`]: the revocation of a user's tokens, and the rule that applies it.

pub mod event;
pub mod event_lines;
pub mod event_log;
pub mod event_types;
pub mod revocation;
