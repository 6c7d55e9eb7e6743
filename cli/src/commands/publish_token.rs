//! `publish-token`: prints the settings of a tenant's log stream.

use std::io::{IsTerminal as _, stdout};

use session_events_core::tenant::{Slug, Tenant};

use crate::{
    connection::worker_domain,
    error::Result,
    options::{
        publish_token::PublishSecretOption,
        worker::{BaseUrl, DomainOptions},
    },
    output::{print_line, print_note},
};

pub(crate) fn run(
    slug: &Slug,
    domain: &DomainOptions,
    url: Option<&BaseUrl>,
    secret: &PublishSecretOption,
) -> Result {
    let secret = secret.secret()?;
    let tenant = tenant(slug, domain, url);
    let token = secret.publish_token(&tenant);
    let path = format!("/{slug}/api/publish");
    if stdout().is_terminal() {
        let url = url.map_or("https://YOUR-DOMAIN".to_owned(), BaseUrl::to_string);
        return print_line(&format!(
            "Log stream of {}\n\n  Payload URL      {url}{path}\n  Authorization    {token}\n  Content Format   JSON Lines (JSON Array and JSON Object work as well)",
            tenant.domain()
        ));
    }
    print_line(&format!("publish_token\t{token}"))?;
    print_line(&format!("payload_path\t{path}"))?;
    if let Some(url) = url {
        print_line(&format!("payload_url\t{url}{path}"))?;
    }
    Ok(())
}

/// Returns the tenant with the given domain, or else with the domain in the Worker's configuration. The
/// Worker need not be deployed yet: then, returns the tenant on Auth0's public cloud.
fn tenant(slug: &Slug, domain: &DomainOptions, url: Option<&BaseUrl>) -> Tenant {
    if let Some(tenant) = domain.given() {
        return tenant.clone();
    }
    let on_auth0 = Tenant::on_auth0(slug);
    let Some(url) = url else {
        return on_auth0;
    };
    match worker_domain::fetch(url, slug) {
        Ok(Some(tenant)) => tenant,
        Ok(None) => on_auth0,
        Err(error) => {
            print_note(&format!(
                "the token is for {on_auth0}, because the Worker's configuration is unknown: {error}"
            ));
            on_auth0
        }
    }
}
