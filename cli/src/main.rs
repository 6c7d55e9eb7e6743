//! The command line of session-events.
//!
//! # Layout
//!
//! - [`arguments`]: the commands and their help.
//! - [`commands`]: one file for each command.
//! - [`options`]: options that several commands share, the precedence among them, and `.env`.
//! - [`connection`]: HTTP requests, access tokens, the WebSocket, and the subscription that
//!   reconnects.
//! - [`output`]: writing to standard output and standard error.
//! - [`error`]: the error type and the exit codes.
//! - [`recent_map`]: a map that keeps only its latest entries, used to suppress duplicates.
//! - [`revocation`]: the rule by which a revocation applies to a token.

mod arguments;
mod commands;
mod connection;
mod error;
mod options;
mod output;
mod recent_map;
mod revocation;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

use crate::{
    arguments::{Arguments, Command},
    error::Result,
    options::{destinations, dot_env},
    output::escape::escape_lines,
};

fn main() -> ExitCode {
    let dot_env = dot_env::add_defaults(Arguments::command());
    let (command, dot_env_error) = match dot_env {
        Ok(command) => (command, None),
        Err(error) => (Arguments::command(), Some(error)),
    };
    let parsed = command.try_get_matches().and_then(|matches| {
        let arguments = Arguments::from_arg_matches(&matches)?;
        destinations::check(&arguments.command, &matches)?;
        Ok(arguments)
    });
    // A broken `.env` must not prevent `--help`, `--version` (both of which clap reports as
    // errors that go to standard output) or `completions`.
    let needs_environment = match &parsed {
        Ok(arguments) => !matches!(arguments.command, Command::Completions { .. }),
        Err(error) => error.use_stderr(),
    };
    if needs_environment && let Some(error) = dot_env_error {
        return exit_code(Err(error));
    }
    let arguments = parsed.unwrap_or_else(|error| error.exit());
    exit_code(commands::run(arguments.command))
}

/// Prints the error, if there is one to print, and returns the exit code.
fn exit_code(result: Result) -> ExitCode {
    let Err(error) = result else {
        return ExitCode::SUCCESS;
    };
    if !error.is_silent() {
        let label = output::styled(output::RED, "error:");
        let message = escape_lines(&error.to_string());
        anstream::eprintln!("{label} {message}");
    }
    error.exit_code()
}
