//! `publish-token`: prints the settings of a tenant's log stream.

use std::io::{IsTerminal as _, stdout};

use session_events_core::{
    tenant::{Slug, Tenant, config::PUBLISH_SECRET},
    tokens::publish_token::PublishSecret,
};

use crate::{
    error::Result,
    options::{publish_token::PublishSecretOption, worker::BaseUrl},
    output::print_line,
};

pub(crate) fn run(
    slug: &Slug,
    tenant: &Tenant,
    url: Option<&BaseUrl>,
    secret: &PublishSecretOption,
) -> Result {
    let Some(secret) = secret.secret() else {
        return Err(format!(
            "set the environment variable {PUBLISH_SECRET} to the Worker's secret: {PUBLISH_SECRET}=… npm run token -- {slug}"
        )
        .into());
    };
    let secret = PublishSecret::new(PUBLISH_SECRET, secret.to_owned())?;
    let token = secret.publish_token(tenant);
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
