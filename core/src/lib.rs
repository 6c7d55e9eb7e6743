//! What session-events decides, free of any runtime.
//!
//! The worker is a shell round this crate: it moves bytes, sockets, rows and time, and asks here
//! what they mean. Nothing in here touches the network, the clock or storage, so every rule runs
//! natively in its tests, in milliseconds, with the time passed in.
//!
//! # Layout
//!
//! Who is asking for what:
//! - [`tenant`]: the slug in the path, the Auth0 domain that it stands for.
//! - [`route`]: a method and a path, to an endpoint of a tenant.
//! - [`config`]: what the operator set, checked as a whole.
//! - [`publish_token`]: what the log stream must present.
//! - [`client_address`]: whom to count failures against.
//!
//! From Auth0's log to listeners:
//! - [`log_record`]: a published body, record by record.
//! - [`event`]: which records end a session, and whose.
//! - [`event_log`]: the newest events, and what a listener is owed of them.
//! - [`revocation`]: who was revoked when, for longer than events are kept.
//! - [`follower`]: how a shard gets events from the root of its tenant.
//! - [`shards`]: what the root knows of its shards.
//!
//! Who may listen:
//! - [`access_token`]: from a string to claims that may be trusted.
//! - [`upgrade`]: the token that may come with a WebSocket upgrade.
//! - [`key_set`]: the issuer's keys, and when to fetch them again.
//! - [`introspection`]: what a backend is told of a token that it was shown.
//! - [`session`]: one socket's life, as a state machine.
//! - [`message_rate`]: how fast a socket may speak.
//! - [`listeners`]: who gets an event, found without looking at who does not; how many there may be.
//!
//! What is said:
//! - [`protocol`]: the messages and bodies, as they go over the wire.
//! - [`console`]: the live page's files, and what it is allowed to do.
//! - [`hub_request`]: what the Worker asks of a tenant's object.
//! - [`json`], [`object`]: how JSON is read, and objects in it.
//! - [`object_name`]: which of a tenant's objects is meant.
//! - [`entity_tag`]: whether a client has an answer already.
//! - [`error`]: every fault, its status, its close code and its sentence.
//! - [`timestamp`]: moments, in milliseconds and in ISO 8601.
//!
//! # Out of scope
//!
//! Checking a signature is the runtime's work (WebCrypto); [`access_token::verify`] asks for it
//! through a trait and decides what it may be asked for.

#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        reason = "a test that overflows fails"
    )
)]

pub mod access_token;
pub mod client_address;
pub mod config;
pub mod console;
pub mod entity_tag;
pub mod error;
pub mod event;
pub mod event_log;
pub mod follower;
pub mod hub_request;
pub mod introspection;
pub mod json;
pub mod key_set;
pub mod listeners;
pub mod log_record;
pub mod message_rate;
pub mod object;
pub mod object_name;
pub mod protocol;
pub mod publish_token;
pub mod revocation;
pub mod route;
pub mod session;
pub mod shards;
pub mod tenant;
pub mod timestamp;
pub mod upgrade;
