//! Thin bindings to the Workers runtime.
//!
//! - [`clock`], [`log`], [`environment`]: time, log lines, variables and secrets.
//! - [`metrics`]: data points for Workers Analytics Engine.
//! - [`requests`], [`http`]: reading requests, and building responses.
//! - [`tenant_stub`]: requests to a tenant object.
//! - [`key_set_fetch`], [`key_set_cache`], [`shared_cache`]: fetching and caching key sets.
//! - [`verifier`], [`web_crypto`]: the runtime's part in the verification of a token.

pub(crate) mod clock;
pub(crate) mod environment;
pub(crate) mod http;
pub(crate) mod key_set_cache;
pub(crate) mod key_set_fetch;
pub(crate) mod log;
pub(crate) mod metrics;
pub(crate) mod requests;
mod shared_cache;
pub(crate) mod tenant_stub;
pub(crate) mod verifier;
mod web_crypto;
