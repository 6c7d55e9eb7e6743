//! What is written: for the eye on a terminal, one JSON object a line elsewhere.
//!
//! Whatever came over the network is shown without its control characters, so that no user id can
//! move the cursor or paint over what is true.

use std::{
    fmt::Write as _,
    io::{IsTerminal, Write as _},
    time::Duration,
};

use anstyle::{AnsiColor, Style};
use clap::Args;

use crate::failure::Outcome;

/// What was found good.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// What may need attention.
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default();
/// What needs attention.
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
/// What is said besides.
pub(crate) const DIM: Style = Style::new().dimmed();
/// Headings.
pub(crate) const HEADING: Style = Style::new().bold();

/// How results are written.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Output")]
pub(crate) struct Output {
    /// Write one JSON object a line, as is done anyway where the output is no terminal
    #[arg(long)]
    json: bool,
}

impl Output {
    /// Whether a program reads the results.
    pub(crate) fn is_json(self) -> bool {
        self.json || !std::io::stdout().is_terminal()
    }
}

/// Writes a line of JSON, to the letter: what is for a terminal alone would be taken out of it
/// elsewhere.
pub(crate) fn json_line(json: &str) -> Outcome {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{json}")?;
    stdout.flush()?;
    Ok(())
}

/// Writes a line of results.
pub(crate) fn line(text: &str) -> Outcome {
    let mut stdout = anstream::stdout().lock();
    writeln!(stdout, "{text}")?;
    stdout.flush()?;
    Ok(())
}

/// Writes a line of what goes on besides.
pub(crate) fn note(text: &str) {
    // Nobody is left to be told when that fails.
    let _ = writeln!(anstream::stderr().lock(), "{DIM}{text}{DIM:#}");
}

/// What is said of a try that has failed.
pub(crate) fn trying_again(problem: &str, wait: Duration) -> String {
    let seconds = wait.as_secs_f64();
    format!("{}; trying again in {seconds:.1} s", plain(problem))
}

/// The text in a style.
pub(crate) fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// Text from elsewhere, fit for a terminal.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .map(|character| {
            if character.is_control() {
                '\u{fffd}'
            } else {
                character
            }
        })
        .collect()
}

/// The same for text of several lines.
pub(crate) fn plain_lines(text: &str) -> String {
    text.lines().map(plain).collect::<Vec<_>>().join("\n")
}

/// Lines of columns, each as wide as its widest cell; the last one is not padded.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows
            .iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count());
        let heading = headings
            .get(column)
            .map_or(0, |heading| heading.chars().count());
        cells.chain([heading]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let written = |cells: &mut dyn Iterator<Item = &str>| {
        let mut text = String::new();
        for (cell, width) in cells.zip(&widths) {
            let _ = write!(text, "{cell:width$}  ");
        }
        text.trim_end().to_owned()
    };
    let heading = written(&mut headings.iter().copied());
    let mut lines = vec![styled(HEADING, &heading)];
    lines.extend(
        rows.iter()
            .map(|row| written(&mut row.iter().map(String::as_str))),
    );
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_over_the_network_cannot_steer_the_terminal() {
        assert_eq!(
            plain("auth0|\u{1b}[2Jx\n\u{9b}1m"),
            "auth0|\u{fffd}[2Jx\u{fffd}\u{fffd}1m"
        );
        assert_eq!(plain("auth0|jané"), "auth0|jané");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let text = table(&["A", "B"], &[row(["über", "x"]), row(["y", ""])]);
        let plain: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(plain, ["über  x", "y"]);
    }
}
