//! Writing to standard output and standard error.
//!
//! Text from the network is escaped before it is written, so that no user id can send escape
//! sequences to the terminal or reverse the text of a line (see [`escape`]).

pub(crate) mod escape;
pub(crate) mod event_row;
pub(crate) mod table;

use std::{
    io::{self, Write},
    time::Duration,
};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::error::{Error, Result};

use self::escape::{escape, escape_json};

pub(crate) const GREEN: Style = AnsiColor::Green.on_default();
pub(crate) const YELLOW: Style = AnsiColor::Yellow.on_default();
pub(crate) const RED: Style = AnsiColor::Red.on_default();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const BOLD: Style = Style::new().bold();

/// Prints a value as one line of JSON.
pub(crate) fn print_json(value: &impl Serialize) -> Result {
    let json = serde_json::to_string(value).map_err(|error| error.to_string())?;
    print_json_text(&json)
}

/// Prints JSON text on one line. Hidden characters become JSON escapes, also in a pipe, because the
/// next program may print to a terminal.
pub(crate) fn print_json_text(json: &str) -> Result {
    write_line(io::stdout().lock(), &escape_json(json))
}

/// Prints a line to standard output. Styles are removed if it is not a terminal. The caller escapes
/// text from the network.
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

/// Prints a line of progress information to standard error, escaped.
pub(crate) fn print_note(text: &str) {
    let text = escape(text);
    // A failure to write to standard error cannot be reported anywhere.
    let _ = writeln!(anstream::stderr().lock(), "{DIM}{text}{DIM:#}");
}

/// The note for a failed attempt that will be retried after `delay`.
pub(crate) fn retry_note(error: &Error, delay: Duration) -> String {
    format!("{error}; retrying in {:.1} s", delay.as_secs_f64())
}

pub(crate) fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}
