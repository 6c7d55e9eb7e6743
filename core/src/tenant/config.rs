//! The configuration of a deployment.
//!
//! A [`Config`] exists only if every variable is valid, so no request is served with a partly
//! invalid configuration. The Worker's build script runs the same checks on `wrangler.toml`, so an
//! invalid value fails the build.

use crate::{error::ConfigError, events::event_types::EventTypes, tenant::Tenant};

mod issuer;
mod variables;

use issuer::parse_issuers;
pub use issuer::{Issuer, is_loopback};
pub use variables::{
    AUDIENCE, EVENTS, ISSUERS, PUBLISH_SECRET, PUBLISH_SECRET_PREVIOUS, REVOCATION_DAYS, SHARDS,
    TENANTS,
};
use variables::{parse_number, parse_tenant};

/// The audience if [`AUDIENCE`] is not set.
pub const DEFAULT_AUDIENCE: &str = "https://events.auth0a.com/api";

/// The retention of revocations if [`REVOCATION_DAYS`] is not set. No access token of Auth0 is
/// valid for longer (Auth0, "Update Access Token Lifetime").
const DEFAULT_REVOCATION_DAYS: u16 = 30;
/// Maximum retention of revocations in days.
const MAX_REVOCATION_DAYS: u16 = 366;
/// Maximum number of shards. The leader appends each event to every shard that has subscribers.
const MAX_SHARDS: u16 = 100;

/// The configuration of a deployment.
#[derive(Clone, Debug)]
pub struct Config {
    audience: String,
    tenants: Vec<Tenant>,
    /// One entry per additional issuer. A tenant can have several.
    additional_issuers: Vec<(Tenant, Issuer)>,
    event_types: EventTypes,
    revocation_days: u16,
    shards: u16,
}

impl Config {
    /// Reads all variables. `lookup` returns the value of a variable if it is set.
    ///
    /// # Errors
    ///
    /// The first variable that is invalid.
    pub fn read(lookup: impl Fn(&'static str) -> Option<String>) -> Result<Self, ConfigError> {
        Ok(Self {
            audience: parse_audience(lookup(AUDIENCE))?,
            tenants: parse_tenants(&lookup(TENANTS).unwrap_or_default())?,
            additional_issuers: parse_issuers(&lookup(ISSUERS).unwrap_or_default())?,
            event_types: parse_event_types(&lookup(EVENTS).unwrap_or_default())?,
            revocation_days: parse_revocation_days(lookup(REVOCATION_DAYS).as_deref())?,
            shards: parse_shards(lookup(SHARDS).as_deref())?,
        })
    }

    /// Returns the required `aud` of access tokens.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// Returns the event types that the deployment reports.
    pub fn event_types(&self) -> &EventTypes {
        &self.event_types
    }

    /// Returns the number of days for which revocations are stored.
    pub fn revocation_days(&self) -> u16 {
        self.revocation_days
    }

    /// Returns the number of shards per tenant. `None` means that the leader holds the sockets
    /// itself.
    pub fn shards(&self) -> Option<u16> {
        (self.shards > 1).then_some(self.shards)
    }

    /// Returns whether a tenant is served. An empty list of tenants permits every tenant.
    pub fn serves(&self, tenant: &Tenant) -> bool {
        self.tenants.is_empty() || self.tenants.contains(tenant)
    }

    /// Returns the issuers of the tenant's access tokens: its Auth0 domain and the additional
    /// issuers. An additional issuer can replace the Auth0 domain, to set another key set URL.
    pub fn issuers(&self, tenant: &Tenant) -> impl Iterator<Item = Issuer> {
        let default = Issuer::auth0_domain(tenant);
        let is_replaced = self
            .additional_issuers(tenant)
            .any(|issuer| issuer.issuer == default.issuer);
        (!is_replaced)
            .then_some(default)
            .into_iter()
            .chain(self.additional_issuers(tenant).cloned())
    }

    /// Returns the tenant's issuer with exactly this `iss`.
    pub fn issuer(&self, tenant: &Tenant, iss: &str) -> Option<Issuer> {
        self.issuers(tenant).find(|issuer| issuer.issuer == iss)
    }

    /// Returns the origins of the tenant's issuers on the local machine. Only local development has
    /// such issuers, as stand-ins for Auth0.
    pub fn local_issuer_origins(&self, tenant: &Tenant) -> Vec<String> {
        self.additional_issuers(tenant)
            .filter_map(Issuer::local_origin)
            .collect()
    }

    fn additional_issuers(&self, tenant: &Tenant) -> impl Iterator<Item = &Issuer> {
        self.additional_issuers
            .iter()
            .filter(move |(owner, _)| owner == tenant)
            .map(|(_, issuer)| issuer)
    }
}

fn parse_audience(audience: Option<String>) -> Result<String, ConfigError> {
    let audience = audience.unwrap_or_else(|| DEFAULT_AUDIENCE.to_owned());
    if audience.trim().is_empty() {
        return Err(ConfigError {
            variable: AUDIENCE,
            problem: "is empty. Set it to the identifier of your API in Auth0".into(),
        });
    }
    Ok(audience)
}

fn parse_tenants(list: &str) -> Result<Vec<Tenant>, ConfigError> {
    list.split(',')
        .map(str::trim)
        .filter(|slug| !slug.is_empty())
        .map(|slug| parse_tenant(TENANTS, slug))
        .collect()
}

/// Parses the list of event types. A blank list selects the default, because a deployment without
/// event types would be useless.
fn parse_event_types(list: &str) -> Result<EventTypes, ConfigError> {
    if list.trim().is_empty() {
        return Ok(EventTypes::default());
    }
    EventTypes::parse(list).map_err(|name| ConfigError {
        variable: EVENTS,
        problem: format!(
            "contains {name}, which is not an event type. The event types are {}",
            EventTypes::all().names()
        ),
    })
}

fn parse_revocation_days(days: Option<&str>) -> Result<u16, ConfigError> {
    match days {
        None => Ok(DEFAULT_REVOCATION_DAYS),
        Some(days) => parse_number(REVOCATION_DAYS, days, "days", MAX_REVOCATION_DAYS),
    }
}

fn parse_shards(shards: Option<&str>) -> Result<u16, ConfigError> {
    match shards {
        None => Ok(1),
        Some(shards) => parse_number(SHARDS, shards, "shards", MAX_SHARDS),
    }
}

#[cfg(test)]
mod tests;
