//! The rule that a `.env` cannot choose the host to which a secret from elsewhere is sent.
//!
//! The user of a secret in the environment or on the command line need not know that the working
//! directory contains a `.env`. If it could set the URL alone, it would receive the secret. A `.env`
//! that contains the secret as well may send it anywhere: its author knows it already.

use clap::{
    ArgMatches, Error,
    error::{ErrorKind, Result},
    parser::ValueSource,
};

use crate::arguments::Command;

/// Fails if `.env` sets a destination of a secret of the command, and the secret comes from
/// elsewhere. `matches` are those that the command was parsed from.
pub(crate) fn check(command: &Command, matches: &ArgMatches) -> Result<()> {
    let Some((_, options)) = matches.subcommand() else {
        return Ok(());
    };
    let mut secret_uses = secret_uses(command).into_iter().flatten();
    secret_uses.try_for_each(|secret_use| secret_use.check(options))
}

fn secret_uses(command: &Command) -> Vec<Option<SecretUse>> {
    match command {
        Command::Events(options)
        | Command::Listeners(options)
        | Command::Listen { options, .. }
        | Command::Revocations { options, .. }
        | Command::Status { options, .. } => vec![options.access_token.secret_use()],
        Command::Publish { publish_token, .. } => vec![publish_token.secret_use()],
        Command::PublishToken { publish_secret, .. } => vec![publish_secret.secret_use()],
        Command::Doctor {
            options,
            publish_token,
            ..
        } => vec![
            options.access_token.secret_use(),
            publish_token.secret_use(),
        ],
        Command::SetupAuth0(options) => options.secret_uses(),
        Command::Completions { .. } => Vec::new(),
    }
}

/// The option with the secret of a command, and the options that choose the hosts that receive the
/// secret, or a token obtained with it. Both are clap's names of the fields.
pub(crate) struct SecretUse {
    pub(crate) secret: &'static str,
    pub(crate) destinations: &'static [&'static str],
}

impl SecretUse {
    /// Fails if a destination comes from `.env` and the secret does not.
    fn check(&self, matches: &ArgMatches) -> Result<()> {
        if is_from_dot_env(matches, self.secret) {
            return Ok(());
        }
        let mut destinations = self.destinations.iter();
        let Some(destination) = destinations.find(|name| is_from_dot_env(matches, name)) else {
            return Ok(());
        };
        let [destination, secret] = [destination, self.secret].map(option_name);
        Err(Error::raw(
            ErrorKind::ArgumentConflict,
            format!(
                "the file .env sets {destination}, but {secret} does not come from this file, and a .env of somebody else could send the secret to another host: give {destination} on the command line or in the environment, or write the secret to .env as well\n"
            ),
        ))
    }
}

/// Returns true if `.env` sets this option. The options of this rule have no other default.
fn is_from_dot_env(matches: &ArgMatches, name: &str) -> bool {
    // A command need not have every option. clap panics if it is asked for one that does not exist.
    matches.ids().any(|id| id == name)
        && matches.value_source(name) == Some(ValueSource::DefaultValue)
}

fn option_name(field: &str) -> String {
    format!("--{}", field.replace('_', "-"))
}
