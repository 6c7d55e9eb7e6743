//! The names of the configuration variables, and parsers for simple values.

use crate::{error::ConfigError, tenant::Tenant};

/// The variable with the required `aud` of access tokens.
pub const AUDIENCE: &str = "AUDIENCE";
/// The variable with the list of served tenants.
pub const TENANTS: &str = "TENANTS";
/// The variable with additional issuers of tenants.
pub const ISSUERS: &str = "ISSUERS";
/// The variable with the list of reported event types.
pub const EVENTS: &str = "EVENTS";
/// The variable with the retention of revocations in days.
pub const REVOCATION_DAYS: &str = "REVOCATION_DAYS";
/// The variable with the number of shards per tenant.
pub const SHARDS: &str = "SHARDS";
/// The secret from which publish tokens are derived.
pub const PUBLISH_SECRET: &str = "PUBLISH_SECRET";
/// The previous secret, which is still accepted during a rotation.
pub const PUBLISH_SECRET_PREVIOUS: &str = "PUBLISH_SECRET_PREVIOUS";

/// Parses the slug of a tenant.
pub(super) fn parse_tenant(variable: &'static str, slug: &str) -> Result<Tenant, ConfigError> {
    Tenant::from_slug(slug).ok_or_else(|| ConfigError {
        variable,
        problem: format!(
            "contains \"{slug}\", which is not a tenant. Write a tenant as acme or acme@us"
        ),
    })
}

/// Parses a whole number from 1 to `max`. `unit` names what the number counts in the error message.
pub(super) fn parse_number(
    variable: &'static str,
    value: &str,
    unit: &str,
    max: u16,
) -> Result<u16, ConfigError> {
    let value = value.trim();
    value
        .parse()
        .ok()
        .filter(|number| (1..=max).contains(number))
        .ok_or_else(|| ConfigError {
            variable,
            problem: format!("is \"{value}\". Set it to a whole number of {unit} from 1 to {max}"),
        })
}
