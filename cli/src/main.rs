//! The command line of session-events.

use std::{env, io::IsTerminal, process::ExitCode};

use clap::{Parser, Subcommand};
use session_events_core::{config::PUBLISH_SECRET, publish_token, tenant::Tenant};

/// Tools for whoever runs session-events.
#[derive(Parser)]
#[command(name = "session-events", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print what to paste into a tenant's log stream: the publish token and the payload URL.
    ///
    /// The token is derived from the secret that the worker has as PUBLISH_SECRET, which must be
    /// in the environment variable of that name. To a pipe it prints two lines, each a name, a
    /// tab and a value.
    #[command(
        after_help = "Example:\n  PUBLISH_SECRET=\"$(cat secret.txt)\" session-events publish-token acme@us"
    )]
    PublishToken {
        /// The tenant: acme for acme.auth0.com, acme@us for acme.us.auth0.com
        #[arg(value_parser = tenant)]
        tenant: Tenant,
    },
}

fn tenant(slug: &str) -> Result<Tenant, String> {
    Tenant::from_slug(slug).ok_or_else(|| {
        "write acme for acme.auth0.com, acme@us for acme.us.auth0.com (also @eu @au @jp @uk @ca)"
            .to_owned()
    })
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::PublishToken { tenant } => print_publish_token(&tenant),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn print_publish_token(tenant: &Tenant) -> Result<(), String> {
    let secret = env::var(PUBLISH_SECRET).unwrap_or_default();
    if secret.is_empty() {
        return Err(format!(
            "set the environment variable {PUBLISH_SECRET} to the worker's secret: {PUBLISH_SECRET}=… npm run token -- {tenant}"
        ));
    }
    let token = publish_token::derive(&secret, tenant);
    if std::io::stdout().is_terminal() {
        println!("Log stream of {}\n", tenant.domain());
        println!("  Payload URL      https://YOUR-DOMAIN/{tenant}/api/publish");
        println!("  Authorization    {token}");
        println!("  Content Format   JSON Lines (JSON Array and JSON Object work as well)");
    } else {
        println!("publish_token\t{token}\npayload_path\t/{tenant}/api/publish");
    }
    Ok(())
}
