//! Tokens and the keys that sign them.
//!
//! - [`bearer`]: the `Authorization: Bearer` header.
//! - [`publish_token`]: the secret token with which Auth0's log stream publishes.
//! - [`access_token`]: verification of access tokens, and their permissions.
//! - [`logout_token`]: verification of logout tokens (OpenID Connect Back-Channel Logout).
//! - [`signature`], `unverified_token`: the verification that both kinds of tokens share.
//! - [`algorithm`]: signature algorithms.
//! - [`key_set`], [`cached_key_set`]: the usable keys of an issuer, and when to fetch them.
//! - [`introspection`]: the responses to a backend that introspects a token (RFC 7662).

pub mod access_token;
pub mod algorithm;
pub mod bearer;
pub mod cached_key_set;
pub mod introspection;
pub mod key_set;
pub mod logout_token;
pub mod publish_token;
pub mod signature;
mod unverified_token;
