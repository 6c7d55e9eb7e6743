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
        precedence::{Alternatives, Resolved, drop_if_alternatives_given},
        trimmed,
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
        drop_if_alternatives_given(
            &mut self.publish_token,
            "publish_token",
            &["publish_secret"],
            on_command_line,
        );
    }
}

impl PublishTokenOptions {
    /// Returns the secret in use, if there is one.
    pub(crate) fn secret_use(&self) -> Option<SecretUse> {
        let Self(args) = self;
        let secret = if trimmed(&args.publish_token).is_some() {
            "publish_token"
        } else {
            trimmed(&args.publish_secret).map(|_| "publish_secret")?
        };
        Some(SecretUse {
            secret,
            destinations: &["url"],
        })
    }

    /// Returns the given publish token, or derives it from the secret.
    pub(crate) fn token(&self, tenant: &Tenant) -> Result<String> {
        let Self(args) = self;
        if let Some(token) = trimmed(&args.publish_token) {
            return Ok(token.to_owned());
        }
        if let Some(secret) = publish_secret(&args.publish_secret)? {
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
        trimmed(&self.publish_secret).map(|_| SecretUse {
            secret: "publish_secret",
            destinations: &["url"],
        })
    }

    /// Returns the secret, or an error if it is not given or not valid.
    pub(crate) fn secret(&self) -> Result<PublishSecret> {
        publish_secret(&self.publish_secret)?.ok_or(Error::MissingOption(
            "there is no publish secret: give --publish-secret (or set PUBLISH_SECRET)",
        ))
    }
}

/// Returns the secret, or `None` if it is not given. Fails if it is surrounded by white space. The
/// Worker uses its secret as it is, so the token of a trimmed secret could differ.
fn publish_secret(value: &Option<String>) -> Result<Option<PublishSecret>> {
    let Some(secret) = trimmed(value) else {
        return Ok(None);
    };
    if value.as_deref() != Some(secret) {
        return Err("the publish secret starts or ends with white space: give it without, and make sure that the Worker's PUBLISH_SECRET has none either".into());
    }
    Ok(Some(PublishSecret::new(PUBLISH_SECRET, secret.to_owned())?))
}
