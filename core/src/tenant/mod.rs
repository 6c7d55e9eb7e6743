//! Tenants and their configuration.
//!
//! - [`Tenant`]: an Auth0 tenant, its slug and its domain.
//! - [`config`]: the configuration of a deployment.
//! - [`object_name`]: the names of a tenant's Durable Objects.

pub mod config;
pub mod object_name;
mod slug;

pub use slug::{Locality, Tenant};
