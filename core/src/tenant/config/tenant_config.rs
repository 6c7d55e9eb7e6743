//! The configuration of one tenant.

use super::Issuer;
use crate::{
    events::event_types::EventTypes,
    tenant::{Slug, Tenant},
};

/// The configuration of a tenant that is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantConfig {
    pub(super) slug: Slug,
    pub(super) tenant: Tenant,
    pub(super) audience: String,
    pub(super) issuers: Vec<Issuer>,
    pub(super) event_types: EventTypes,
    pub(super) tenant_name: Option<String>,
    pub(super) logout_token_audiences: Vec<String>,
    pub(super) console_client_id: Option<String>,
}

impl TenantConfig {
    /// Returns the slug, which names the tenant in paths.
    pub fn slug(&self) -> &Slug {
        &self.slug
    }

    /// Returns the tenant, identified by its domain.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// Returns the required `aud` of access tokens.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// Returns the issuers of the tenant's access tokens.
    pub fn issuers(&self) -> &[Issuer] {
        &self.issuers
    }

    /// Returns the issuer with exactly this `iss`.
    pub fn issuer(&self, iss: &str) -> Option<&Issuer> {
        self.issuers.iter().find(|issuer| issuer.issuer == iss)
    }

    /// Returns the origins of the issuers from which the console may request a token: the first
    /// one, if the tenant has a client for the console, and those on the local machine. Only local
    /// development has such issuers, as stand-ins for Auth0.
    pub fn console_issuer_origins(&self) -> Vec<String> {
        let sign_in = self
            .console_client_id
            .as_ref()
            .and_then(|_| self.issuers.first());
        let is_allowed = |issuer: &&Issuer| Some(*issuer) == sign_in || issuer.is_local();
        self.issuers
            .iter()
            .filter(is_allowed)
            .filter_map(Issuer::origin)
            .collect()
    }

    /// Returns the events that the tenant makes from its log records.
    pub fn event_types(&self) -> &EventTypes {
        &self.event_types
    }

    /// Returns the `tenant_name` of the tenant's log records. `None` means that records with any
    /// `tenant_name` are accepted: it is not known for a tenant with a domain of its own.
    pub fn tenant_name(&self) -> Option<&str> {
        self.tenant_name.as_deref()
    }

    /// Returns the accepted `aud` of logout tokens: the ids of the clients that send them. Without
    /// any, logout tokens are not accepted.
    pub fn logout_token_audiences(&self) -> &[String] {
        &self.logout_token_audiences
    }

    /// Returns the id of the client with which the console signs in.
    pub fn console_client_id(&self) -> Option<&str> {
        self.console_client_id.as_deref()
    }
}
