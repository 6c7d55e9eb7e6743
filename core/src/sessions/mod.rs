//! Socket sessions and subscribers.
//!
//! - [`listener`]: an authenticated subscriber and its rights.
//! - [`session`]: the state of one socket, as a state machine.
//! - [`replay`]: the stored events that a subscriber receives when it authenticates.
//! - [`listeners`]: the index over all open sockets, and the limits on their number.
//! - [`slow_consumer`]: the rule for subscribers that do not read.
//! - [`message_rate`]: the limit on messages per second.

pub mod listener;
pub mod listeners;
pub mod message_rate;
pub mod replay;
pub mod session;
pub mod slow_consumer;
