//! The settings of one tenant in the table [`TENANTS`](super::TENANTS).

use serde::Deserialize;

use super::{
    Issuer, TenantConfig,
    issuer::{IssuerEntry, parse_issuers},
};
use crate::{
    error::ConfigError,
    events::event_types::{EventTypes, all_names},
    json::JsonObject,
    tenant::{Slug, Tenant},
};

/// A tenant's entry in the table, before it is checked.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    issuers: Option<Vec<IssuerEntry>>,
    audience: Option<String>,
    events: Option<Vec<String>>,
    domain: Option<String>,
    logout_token_audiences: Option<Vec<String>>,
    tenant_name: Option<String>,
    console_client_id: Option<String>,
}

/// The valid settings of a tenant. An audience or events that are not set are those of the
/// deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TenantSettings {
    pub(super) slug: Slug,
    pub(super) tenant: Tenant,
    pub(super) audience: Option<String>,
    issuers: Vec<Issuer>,
    event_types: Option<EventTypes>,
    tenant_name: Option<String>,
    logout_token_audiences: Vec<String>,
    console_client_id: Option<String>,
}

impl TenantSettings {
    /// Returns the settings of a tenant on Auth0's public cloud that has no entry of its own.
    pub(super) fn on_auth0(slug: Slug) -> Self {
        let tenant = Tenant::on_auth0(&slug);
        Self {
            audience: None,
            issuers: vec![Issuer::of_domain(&tenant)],
            event_types: None,
            tenant_name: Some(slug.name().to_owned()),
            logout_token_audiences: Vec::new(),
            console_client_id: None,
            slug,
            tenant,
        }
    }

    /// Parses the entry of a tenant in the table `variable`.
    pub(super) fn parse(variable: &str, slug: Slug, json: &str) -> Result<Self, ConfigError> {
        let name = slug.to_string();
        let invalid = |problem: String| {
            ConfigError::new(
                variable.to_owned(),
                format!("is invalid for {name}: {problem}"),
            )
        };
        let JsonObject(entry) = serde_json::from_str(json).map_err(|error| {
            let example = r#"Write a table such as { issuers = ["https://login.acme.com/"] }"#;
            invalid(format!("{error}. {example}"))
        })?;
        Self::check(slug, entry).map_err(invalid)
    }

    fn check(slug: Slug, entry: Entry) -> Result<Self, String> {
        let has_domain = entry.domain.is_some();
        let tenant = match entry.domain {
            None => Tenant::on_auth0(&slug),
            Some(domain) => parse_domain(&domain)?,
        };
        let tenant_name = match check_text("tenant_name", "corp", entry.tenant_name)? {
            None if !has_domain => Some(slug.name().to_owned()),
            given => given,
        };
        Ok(Self {
            audience: check_text("audience", "https://events.example.com/api", entry.audience)?,
            issuers: match entry.issuers {
                None => vec![Issuer::of_domain(&tenant)],
                Some(listed) => {
                    let listed = parse_issuers(listed)?;
                    if has_domain {
                        listed
                    } else {
                        with_auth0_domain(&tenant, listed)
                    }
                }
            },
            event_types: entry.events.as_deref().map(parse_events).transpose()?,
            tenant_name,
            logout_token_audiences: check_client_ids(entry.logout_token_audiences)?,
            console_client_id: check_text(
                "console_client_id",
                "my-client-id",
                entry.console_client_id,
            )?,
            slug,
            tenant,
        })
    }

    /// Returns the configuration of the tenant. `audience` and `event_types` are those of the
    /// deployment.
    pub(super) fn complete(self, audience: &str, event_types: &EventTypes) -> TenantConfig {
        TenantConfig {
            slug: self.slug,
            tenant: self.tenant,
            audience: self.audience.unwrap_or_else(|| audience.to_owned()),
            issuers: self.issuers,
            event_types: self.event_types.unwrap_or_else(|| event_types.clone()),
            tenant_name: self.tenant_name,
            logout_token_audiences: self.logout_token_audiences,
            console_client_id: self.console_client_id,
        }
    }
}

/// Adds the issuer at a tenant's Auth0 domain to a list. The list can name it, to set another URL
/// of its key set.
fn with_auth0_domain(tenant: &Tenant, listed: Vec<Issuer>) -> Vec<Issuer> {
    let default = Issuer::of_domain(tenant);
    let is_listed = listed.iter().any(|issuer| issuer.issuer == default.issuer);
    let default = (!is_listed).then_some(default);
    default.into_iter().chain(listed).collect()
}

fn parse_domain(domain: &str) -> Result<Tenant, String> {
    Tenant::from_domain(domain).ok_or_else(|| {
        format!(
            "domain is \"{domain}\", which is not a host name in lower case. Write the host alone, for example domain = \"sso.corp.example\""
        )
    })
}

fn parse_events(names: &[String]) -> Result<EventTypes, String> {
    if names.is_empty() {
        return Err("events is empty. Name the event types, for example events = [\"logout\"], or remove it".into());
    }
    EventTypes::parse(names.iter().map(String::as_str)).map_err(|name| {
        format!(
            "events contains {name}, which is not an event type. The event types are {}",
            all_names()
        )
    })
}

fn check_client_ids(ids: Option<Vec<String>>) -> Result<Vec<String>, String> {
    match ids {
        None => Ok(Vec::new()),
        Some(ids) if !ids.is_empty() && ids.iter().all(|id| !id.trim().is_empty()) => Ok(ids),
        Some(_) => Err("logout_token_audiences lacks a client id. Write the ids of the clients that send logout tokens, for example logout_token_audiences = [\"my-client-id\"], or remove it".into()),
    }
}

/// Checks that a text is not blank.
fn check_text(member: &str, example: &str, text: Option<String>) -> Result<Option<String>, String> {
    match text {
        Some(text) if text.trim().is_empty() => Err(format!(
            "{member} is empty. Write for example {member} = \"{example}\", or remove it"
        )),
        text => Ok(text),
    }
}
