//! Options of which one makes others needless, as a token does the secret that it is made from.
//!
//! What the command line says counts for more than the environment here, too: a secret there for
//! more than a token that the environment has.

use clap::{ArgMatches, Args, Command, Error, FromArgMatches, parser::ValueSource};

/// Options with one that makes others needless.
pub(crate) trait Alternatives: Args {
    /// Drops that one if only others are given on the command line.
    fn choose(&mut self, is_given: impl Fn(&str) -> bool);
}

/// Such options, after the choice.
#[derive(Clone, Debug)]
pub(crate) struct Chosen<T>(pub(crate) T);

impl<T: Alternatives> FromArgMatches for Chosen<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut options = T::from_arg_matches(matches)?;
        options.choose(|id| matches.value_source(id) == Some(ValueSource::CommandLine));
        Ok(Self(options))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl<T: Alternatives> Args for Chosen<T> {
    fn augment_args(command: Command) -> Command {
        T::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        T::augment_args_for_update(command)
    }
}
