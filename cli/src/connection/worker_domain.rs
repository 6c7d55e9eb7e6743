//! The domain of a tenant, which the Worker knows from its configuration.

use serde::Deserialize;
use session_events_core::tenant::{Slug, Tenant};

use crate::{connection::http, error::Result, options::worker::BaseUrl};

/// The part of the response of `/{tenant}/_debug` that is needed here.
#[derive(Deserialize)]
struct WorkerDebug {
    tenant_domain: String,
}

/// Returns the tenant with the domain that the Worker has for this slug, or `None` if the Worker does
/// not serve the tenant.
pub(crate) fn fetch(url: &BaseUrl, slug: &Slug) -> Result<Option<Tenant>> {
    let url = format!("{url}/{slug}/_debug");
    let response = http::get(&http::client(), &url)?;
    if response.status == 404 {
        return Ok(None);
    }
    let debug: WorkerDebug = response.json()?;
    let tenant = Tenant::from_domain(&debug.tenant_domain)
        .ok_or_else(|| format!("{url} returned an invalid domain: check the URL"))?;
    Ok(Some(tenant))
}
