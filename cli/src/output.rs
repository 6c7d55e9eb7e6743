//! Writing to standard output and standard error.
//!
//! Text from the network is sanitized before it is written to a terminal, so that no user id can
//! send escape sequences to it.

pub(crate) mod event_row;
pub(crate) mod table;

use std::{
    io::{self, Write},
    time::Duration,
};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::error::{Error, Result};

pub(crate) const GREEN: Style = AnsiColor::Green.on_default();
pub(crate) const YELLOW: Style = AnsiColor::Yellow.on_default();
pub(crate) const RED: Style = AnsiColor::Red.on_default();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const BOLD: Style = Style::new().bold();

/// Prints a value as one line of JSON.
pub(crate) fn print_json(value: &impl Serialize) -> Result {
    let json = serde_json::to_string(value).map_err(|error| error.to_string())?;
    print_raw(&json)
}

/// Prints a line to standard output without changing it. Unlike [`print_line`], it does not
/// remove escape sequences, so JSON text is preserved exactly.
pub(crate) fn print_raw(line: &str) -> Result {
    write_line(io::stdout().lock(), line)
}

/// Prints a line to standard output. Styles are removed if it is not a terminal.
pub(crate) fn print_line(line: &str) -> Result {
    write_line(anstream::stdout().lock(), line)
}

fn write_line(mut stdout: impl Write, line: &str) -> Result {
    writeln!(stdout, "{line}")
        .and_then(|()| stdout.flush())
        .map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Error::OutputClosed,
            _ => Error::Failed(format!("the output cannot be written: {error}")),
        })
}

/// Prints a line of progress information to standard error.
pub(crate) fn print_note(text: &str) {
    // A failure to write to standard error cannot be reported anywhere.
    let _ = writeln!(anstream::stderr().lock(), "{DIM}{text}{DIM:#}");
}

/// The note for a failed attempt that will be retried after `delay`.
pub(crate) fn retry_note(error: &Error, delay: Duration) -> String {
    let message = sanitize(&error.to_string());
    format!("{message}; retrying in {:.1} s", delay.as_secs_f64())
}

pub(crate) fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// Replaces control characters, including line breaks.
pub(crate) fn sanitize(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

/// Replaces control characters except line breaks.
pub(crate) fn sanitize_lines(text: &str) -> String {
    text.lines().map(sanitize).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_replaced() {
        assert_eq!(
            sanitize("auth0|\u{1b}[2Jx\n\u{9b}1m"),
            "auth0|\u{fffd}[2Jx\u{fffd}\u{fffd}1m"
        );
        assert_eq!(sanitize("auth0|jané"), "auth0|jané");
    }
}
