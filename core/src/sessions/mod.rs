//! Socket sessions and subscribers.
//!
//! - [`listener`]: an authenticated subscriber and its rights.
//! - [`session`]: the state of one socket, as a state machine.
//! - [`replay`]: the stored events that a subscriber receives when it authenticates.
//! - [`listeners`]: the index over all open sockets.
//! - [`limits`]: the limits on sockets, messages and tokens.
//! - [`rates`]: counts what is limited per second or per minute.
//! - [`slow_consumer`]: the rule for subscribers that do not read.

pub mod limits;
pub mod listener;
pub mod listeners;
pub mod rates;
pub mod replay;
pub mod session;
pub mod slow_consumer;
