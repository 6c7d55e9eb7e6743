//! Tenants and their configuration.
//!
//! - [`Tenant`]: the slug in a path and the Auth0 domain that it stands for.
//! - [`config`]: the variables that the operator sets.
//! - [`object_name`]: the names of a tenant's Durable Objects.

pub mod config;
pub mod object_name;
mod slug;

pub use slug::{Locality, Tenant};
