//! Tenants and their configuration.
//!
//! - [`Slug`]: the name of a tenant in the paths of requests.
//! - [`Tenant`]: a tenant, identified by its domain.
//! - [`config`]: the configuration of a deployment and of each tenant.
//! - [`object_name`]: the names of a tenant's Durable Objects.

pub mod config;
mod domain;
pub mod object_name;
mod slug;

pub use domain::Tenant;
pub use slug::{Locality, Slug};
