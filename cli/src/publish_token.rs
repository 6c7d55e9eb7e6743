//! `publish-token`: what to paste into a tenant's log stream.

use std::{env, io::IsTerminal};

use session_events_core::{config::PUBLISH_SECRET, publish_token, tenant::Tenant};

use crate::{failure::Outcome, output};

pub(crate) fn run(tenant: &Tenant) -> Outcome {
    let secret = env::var(PUBLISH_SECRET).unwrap_or_default();
    if secret.is_empty() {
        return Err(format!(
            "set the environment variable {PUBLISH_SECRET} to the worker's secret: {PUBLISH_SECRET}=… npm run token -- {tenant}"
        )
        .into());
    }
    let token = publish_token::derive(&secret, tenant);
    if std::io::stdout().is_terminal() {
        output::line(&format!(
            "Log stream of {}\n\n  Payload URL      https://YOUR-DOMAIN/{tenant}/api/publish\n  Authorization    {token}\n  Content Format   JSON Lines (JSON Array and JSON Object work as well)",
            tenant.domain()
        ))
    } else {
        output::line(&format!(
            "publish_token\t{token}\npayload_path\t/{tenant}/api/publish"
        ))
    }
}
