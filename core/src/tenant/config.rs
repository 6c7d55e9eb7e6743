//! The configuration of a deployment and of each tenant.
//!
//! A [`Config`] exists only if every variable is valid and nothing is missing, so no request is
//! served with a partly valid configuration. The build and the deployment run the same checks on
//! `wrangler.toml`.

use std::borrow::Cow;

use crate::{
    error::ConfigError,
    events::event_types::EventTypes,
    tenant::{Slug, Tenant},
};

mod issuer;
mod tenant_config;
mod tenant_settings;
mod tenants;
mod variables;

pub use issuer::{Issuer, is_loopback};
pub use tenant_config::TenantConfig;
use tenant_settings::TenantSettings;
use tenants::Tenants;
pub use variables::{
    AUDIENCE, EVENTS, ISSUERS, PUBLISH_SECRET, PUBLISH_SECRET_PREVIOUS, REVOCATION_DAYS, SHARDS,
    TENANTS,
};
use variables::{parse_audience, parse_event_types, parse_number, reject_issuers};

/// Maximum size of a variable (Cloudflare, "Workers limits: Environment variables").
const MAX_VARIABLE_BYTES: usize = 5 * 1024;
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
    tenants: ServedTenants,
    revocation_days: u16,
    shards: u16,
}

/// The tenants that a deployment serves.
#[derive(Clone, Debug)]
enum ServedTenants {
    /// Any tenant on Auth0's public cloud.
    Any {
        audience: String,
        event_types: EventTypes,
    },
    Listed(Vec<TenantConfig>),
}

impl Config {
    /// Reads all variables. `lookup` returns the text of a variable if it is set, and a table as
    /// JSON.
    ///
    /// # Errors
    ///
    /// The first variable that is invalid, or else the first that is missing.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        Variables::parse(lookup)?.into_config()
    }

    /// Checks the variables that are set. Required variables may be missing.
    ///
    /// # Errors
    ///
    /// The first variable that is invalid.
    pub fn check_form(lookup: impl Fn(&str) -> Option<String>) -> Result<(), ConfigError> {
        Variables::parse(lookup).map(|_| ())
    }

    /// Returns the configuration of the tenant that a slug names, if it is served.
    pub fn tenant(&self, slug: &Slug) -> Option<Cow<'_, TenantConfig>> {
        match &self.tenants {
            ServedTenants::Any {
                audience,
                event_types,
            } => {
                let settings = TenantSettings::on_auth0(slug.clone());
                Some(Cow::Owned(settings.complete(audience, event_types)))
            }
            ServedTenants::Listed(tenants) => {
                let tenant = tenants.iter().find(|tenant| tenant.slug() == slug)?;
                Some(Cow::Borrowed(tenant))
            }
        }
    }

    /// Returns the configuration of a tenant, if it is served.
    pub fn tenant_of_domain(&self, tenant: &Tenant) -> Option<Cow<'_, TenantConfig>> {
        match &self.tenants {
            ServedTenants::Any { .. } => self.tenant(&Slug::from_auth0_domain(tenant.domain())?),
            ServedTenants::Listed(tenants) => {
                let tenant = tenants.iter().find(|listed| listed.tenant() == tenant)?;
                Some(Cow::Borrowed(tenant))
            }
        }
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
}

/// Checks the name and the size of a variable that is about to be deployed.
///
/// # Errors
///
/// A [`ConfigError`] if Cloudflare does not accept a variable of this size, or if the name suggests
/// a table of tenants that is not read.
pub fn check_variable(variable: &str, value: &str) -> Result<(), ConfigError> {
    tenants::check_name(variable)?;
    if value.len() <= MAX_VARIABLE_BYTES {
        return Ok(());
    }
    let mut problem = format!(
        "has {} bytes, and Cloudflare accepts at most {MAX_VARIABLE_BYTES}. ",
        value.len()
    );
    if variable.starts_with(TENANTS) {
        problem.push_str(
            "Move some tenants into TENANTS_2, which continues the table, for example [env.production.vars.TENANTS_2.\"acme@us\"]",
        );
    } else {
        problem.push_str("Shorten it");
    }
    Err(ConfigError::new(variable.to_owned(), problem))
}

/// The variables, each of which is valid or missing.
struct Variables {
    audience: Option<String>,
    tenants: Option<Tenants>,
    event_types: EventTypes,
    revocation_days: u16,
    shards: u16,
}

impl Variables {
    fn parse(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        reject_issuers(lookup(ISSUERS))?;
        Ok(Self {
            audience: parse_audience(lookup(AUDIENCE)),
            tenants: Tenants::read(&lookup)?,
            event_types: parse_event_types(&lookup(EVENTS).unwrap_or_default())?,
            revocation_days: parse_number(
                REVOCATION_DAYS,
                lookup(REVOCATION_DAYS),
                DEFAULT_REVOCATION_DAYS,
                "days",
                MAX_REVOCATION_DAYS,
            )?,
            shards: parse_number(SHARDS, lookup(SHARDS), 1, "shards", MAX_SHARDS)?,
        })
    }

    /// Returns the configuration if nothing is missing.
    fn into_config(self) -> Result<Config, ConfigError> {
        let tenants = self.tenants.ok_or_else(|| {
            ConfigError::new(
                TENANTS,
                "is missing. Set it to the slugs of your tenants, for example TENANTS = \"acme@us\"",
            )
        })?;
        let tenants = match tenants {
            Tenants::Any => ServedTenants::Any {
                audience: self.audience.ok_or_else(|| missing_audience(""))?,
                event_types: self.event_types,
            },
            Tenants::Listed(listed) => {
                let complete = |settings: TenantSettings| {
                    let audience = settings.audience.clone().or_else(|| self.audience.clone());
                    let audience = audience.ok_or_else(|| {
                        let slug = &settings.slug;
                        missing_audience(&format!(", and {slug} has no audience of its own"))
                    })?;
                    Ok(settings.complete(&audience, &self.event_types))
                };
                let tenants: Result<_, ConfigError> = listed.into_iter().map(complete).collect();
                ServedTenants::Listed(tenants?)
            }
        };
        Ok(Config {
            tenants,
            revocation_days: self.revocation_days,
            shards: self.shards,
        })
    }
}

fn missing_audience(detail: &str) -> ConfigError {
    ConfigError::new(
        AUDIENCE,
        format!(
            "is missing{detail}. Set it to the identifier of your API in Auth0, for example AUDIENCE = \"https://events.example.com/api\""
        ),
    )
}

#[cfg(test)]
mod tests;
