//! Tokens and the keys that sign them.
//!
//! - [`bearer`]: the `Authorization: Bearer` header.
//! - [`publish_token`]: the secret token with which Auth0's log stream publishes.
//! - [`access_token`]: verification of access tokens, and their permissions.
//! - [`algorithm`], [`key_set`]: signature algorithms, and the cached key sets of issuers.
//! - [`introspection`]: the state of a token, as a back end asks for it (RFC 7662).

pub mod access_token;
pub mod algorithm;
pub mod bearer;
pub mod introspection;
pub mod key_set;
pub mod publish_token;
