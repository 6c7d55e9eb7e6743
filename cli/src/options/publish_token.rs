//! The publish token, given as such or derived from the Worker's secret.

use clap::Args;
use session_events_core::{
    tenant::{Tenant, config::PUBLISH_SECRET},
    tokens::publish_token::PublishSecret,
};

use crate::{
    error::{Error, Result},
    options::{
        destinations::SecretUse,
        precedence::{Alternatives, Resolved},
    },
};

pub(crate) type PublishTokenOptions = Resolved<PublishTokenArgs>;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Publish token")]
pub(crate) struct PublishTokenArgs {
    /// The tenant's publish token
    #[arg(
        long,
        value_name = "TOKEN",
        env = "PUBLISH_TOKEN",
        hide_env_values = true
    )]
    publish_token: Option<String>,
    /// The Worker's secret, to derive the publish token from
    #[arg(long, value_name = "SECRET", env = PUBLISH_SECRET, hide_env_values = true)]
    publish_secret: Option<String>,
}

impl Alternatives for PublishTokenArgs {
    fn apply_precedence(&mut self, on_command_line: impl Fn(&str) -> bool) {
        if on_command_line("publish_secret") && !on_command_line("publish_token") {
            self.publish_token = None;
        }
    }
}

impl PublishTokenOptions {
    /// Returns the secret in use, if there is one.
    pub(crate) fn secret_use(&self) -> Option<SecretUse> {
        let Self(args) = self;
        let secret = if non_empty(&args.publish_token).is_some() {
            "publish_token"
        } else {
            non_empty(&args.publish_secret).map(|_| "publish_secret")?
        };
        Some(SecretUse {
            secret,
            destinations: &["url"],
        })
    }

    /// Returns the given publish token, or derives it from the secret.
    pub(crate) fn token(&self, tenant: &Tenant) -> Result<String> {
        let Self(args) = self;
        if let Some(token) = non_empty(&args.publish_token) {
            return Ok(token.to_owned());
        }
        if let Some(secret) = non_empty(&args.publish_secret) {
            let secret = PublishSecret::new(PUBLISH_SECRET, secret.to_owned())?;
            return Ok(secret.publish_token(tenant));
        }
        Err(Error::MissingOption(
            "there is no publish token: give --publish-token or --publish-secret (or set PUBLISH_TOKEN or PUBLISH_SECRET)",
        ))
    }
}

/// The Worker's secret alone, for the command that prints the publish token.
#[derive(Args, Clone, Debug)]
pub(crate) struct PublishSecretOption {
    /// The Worker's secret; prefer the environment or .env to the command line
    #[arg(long, value_name = "SECRET", env = PUBLISH_SECRET, hide_env_values = true)]
    publish_secret: Option<String>,
}

impl PublishSecretOption {
    /// Returns the secret in use, if there is one. The printed payload URL is its destination,
    /// because the user enters it at Auth0 together with the token.
    pub(crate) fn secret_use(&self) -> Option<SecretUse> {
        self.secret().map(|_| SecretUse {
            secret: "publish_secret",
            destinations: &["url"],
        })
    }

    pub(crate) fn secret(&self) -> Option<&str> {
        non_empty(&self.publish_secret)
    }
}

fn non_empty(value: &Option<String>) -> Option<&str> {
    value.as_deref().filter(|value| !value.is_empty())
}
