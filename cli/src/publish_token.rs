//! `publish-token`: what to paste into a tenant's log stream.

use std::{env, io::IsTerminal};

use session_events_core::{config::PUBLISH_SECRET, publish_token, tenant::Tenant};

use crate::{address::BaseUrl, failure::Outcome, output};

pub(crate) fn run(tenant: &Tenant, url: Option<&BaseUrl>) -> Outcome {
    let secret = env::var(PUBLISH_SECRET).unwrap_or_default();
    if secret.is_empty() {
        return Err(format!(
            "set the environment variable {PUBLISH_SECRET} to the worker's secret: {PUBLISH_SECRET}=… npm run token -- {tenant}"
        )
        .into());
    }
    let token = publish_token::derive(&secret, tenant);
    let path = format!("/{tenant}/api/publish");
    if std::io::stdout().is_terminal() {
        let url = url.map_or("https://YOUR-DOMAIN".to_owned(), BaseUrl::to_string);
        return output::line(&format!(
            "Log stream of {}\n\n  Payload URL      {url}{path}\n  Authorization    {token}\n  Content Format   JSON Lines (JSON Array and JSON Object work as well)",
            tenant.domain()
        ));
    }
    output::line(&format!("publish_token\t{token}\npayload_path\t{path}"))?;
    url.map_or(Ok(()), |url| {
        output::line(&format!("payload_url\t{url}{path}"))
    })
}
