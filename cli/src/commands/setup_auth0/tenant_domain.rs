//! The domain of the tenant, which the Worker knows from its configuration.

use session_events_core::tenant::Tenant;

use crate::{
    commands::doctor::token::{has_audience, read_claims},
    connection::worker_domain,
    error::Result,
    options::credentials::Credentials,
};

use super::{SetupAuth0Options, management_audience};

/// Returns the tenant with the domain of `--domain`, or else with the domain in the Worker's
/// configuration.
pub(super) fn find(options: &SetupAuth0Options, credentials: &Credentials) -> Result<Tenant> {
    let worker = &options.read.worker;
    if let Some(tenant) = worker.domain.given() {
        return Ok(tenant.clone());
    }
    let fetched = worker_domain::fetch(&worker.url, &worker.slug)
        .map_err(|error| error.append("; or give --domain"))?;
    let tenant = fetched.ok_or_else(|| {
        format!(
            "the Worker does not serve the tenant {}: add it to TENANTS in wrangler.toml and deploy, or give --domain",
            worker.slug
        )
    })?;
    let is_expected = tenant == Tenant::on_auth0(&worker.slug);
    if is_expected || options.management.url().is_some() || is_for(credentials, &tenant) {
        return Ok(tenant);
    }
    // A Worker must not choose the host that receives a client secret.
    Err(format!(
        "the Worker has the domain {tenant} for {}, which would receive the management credentials: give --domain {tenant} to confirm",
        worker.slug
    )
    .into())
}

/// Returns true if the credentials are a token for the Management API of this tenant.
fn is_for(credentials: &Credentials, tenant: &Tenant) -> bool {
    match credentials {
        Credentials::Token(token) => read_claims(token)
            .is_some_and(|claims| has_audience(&claims, &management_audience(tenant))),
        Credentials::Client { .. } => false,
    }
}
