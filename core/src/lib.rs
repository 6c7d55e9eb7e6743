//! The rules of session-events, independent of any runtime.
//!
//! The Worker in `src/` moves bytes, sockets, rows and time. This crate decides what they mean.
//! Nothing here touches the network, the clock or storage: the current time is always an argument.
//! So every rule is tested natively and in milliseconds.
//!
//! # Map
//!
//! - [`tenant`]: tenants, their configuration, and the names of their Durable Objects.
//! - [`sources`]: Auth0's log records, and the rules that turn them into events.
//! - [`events`]: events, the log of the latest events, and revocations.
//! - [`tokens`]: publish tokens, access tokens, key sets, and introspection.
//! - [`sessions`]: the state of each WebSocket, the index over all of them, and their limits.
//! - [`replication`]: the leader's log and its followers.
//! - [`protocol`]: routes, messages and bodies on the wire, and between the Worker and its objects.
//! - [`error`]: every error, with its status, close code and description.
//! - [`metrics`]: the data points for the operator.
//! - [`json`], [`timestamp`]: strict JSON objects, and points in time.
//!
//! # Out of scope
//!
//! The runtime checks signatures (WebCrypto). [`tokens::access_token::verify`] calls it through the
//! trait [`Verifier`](tokens::signature::Verifier).

#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        reason = "an overflow in a test fails the test"
    )
)]

pub mod error;
pub mod events;
pub mod json;
pub mod metrics;
pub mod protocol;
pub mod replication;
pub mod sessions;
pub mod sources;
pub mod tenant;
pub mod timestamp;
pub mod tokens;

/// The result of an operation that can fail with an [`ApiError`](error::ApiError).
pub type Result<T, E = error::ApiError> = std::result::Result<T, E>;
