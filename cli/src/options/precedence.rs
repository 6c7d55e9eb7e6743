//! Precedence between alternative options, such as a token and the secret to obtain one.
//!
//! clap gives the command line precedence over the environment for each option alone. These types
//! extend the rule to alternatives: a secret on the command line takes precedence over a token in
//! the environment.

use clap::{ArgMatches, Args, Command, Error, FromArgMatches, parser::ValueSource};

/// Options that replace each other, such as a token, and a client id with its secret.
pub(crate) trait Alternatives: Args {
    /// Calls [`drop_if_alternatives_given`]. `on_command_line` takes the name of a field.
    fn apply_precedence(&mut self, on_command_line: impl Fn(&str) -> bool);
}

/// Drops the preferred option if only its alternatives are on the command line. All names are those
/// of fields.
pub(crate) fn drop_if_alternatives_given(
    preferred: &mut Option<String>,
    name: &str,
    alternatives: &[&str],
    on_command_line: impl Fn(&str) -> bool,
) {
    let is_given = |name: &&str| on_command_line(name);
    if alternatives.iter().any(is_given) && !on_command_line(name) {
        *preferred = None;
    }
}

/// Options whose precedence has been applied.
#[derive(Clone, Debug)]
pub(crate) struct Resolved<T>(pub(crate) T);

impl<T: Alternatives> FromArgMatches for Resolved<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut options = T::from_arg_matches(matches)?;
        options.apply_precedence(|id| matches.value_source(id) == Some(ValueSource::CommandLine));
        Ok(Self(options))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl<T: Alternatives> Args for Resolved<T> {
    fn augment_args(command: Command) -> Command {
        T::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        T::augment_args_for_update(command)
    }
}
