//! The report of `doctor`: one line for each check.

use serde::Serialize;

use crate::{
    error::{Error, Result},
    options::output::OutputOptions,
    output::{self, DIM, GREEN, RED, YELLOW, escape::escape},
};

/// The result of a check, with the message to print.
pub(super) enum Finding {
    Passed(String),
    /// A possible problem that another check confirms or rules out, or a problem of the past.
    Warning(String),
    Failed(String),
    Skipped(String),
}

impl From<Error> for Finding {
    /// A check without credentials is skipped. With any other error it has failed.
    fn from(error: Error) -> Self {
        match error {
            Error::MissingOption(message) => Self::Skipped(message.to_owned()),
            error => Self::Failed(error.to_string()),
        }
    }
}

impl From<String> for Finding {
    fn from(message: String) -> Self {
        Self::Passed(message)
    }
}

pub(super) struct Report {
    output: OutputOptions,
    has_failures: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    check: &'a str,
    status: &'a str,
    message: &'a str,
}

impl Report {
    pub(super) fn new(output: OutputOptions) -> Self {
        Self {
            output,
            has_failures: false,
        }
    }

    pub(super) fn has_failures(&self) -> bool {
        self.has_failures
    }

    /// Prints the result of a check. A message alone means that the check passed. An error means that
    /// it failed, or that it was skipped for a missing credential. Returns false after an error.
    pub(super) fn check(&mut self, name: &str, result: Result<impl Into<Finding>>) -> Result<bool> {
        let passed = result.is_ok();
        let finding = result.map_or_else(Finding::from, Into::into);
        self.print(name, finding)?;
        Ok(passed)
    }

    /// Runs a check if the checks that it depends on have passed. Returns true if it passed.
    pub(super) fn check_if<F: Into<Finding>>(
        &mut self,
        dependencies_passed: bool,
        name: &str,
        check: impl FnOnce() -> Result<F>,
    ) -> Result<bool> {
        if dependencies_passed {
            return self.check(name, check());
        }
        let reason = "skipped: fix the problem above first".to_owned();
        self.print(name, Finding::Skipped(reason))?;
        Ok(false)
    }

    pub(super) fn print(&mut self, name: &str, finding: Finding) -> Result {
        let (status, symbol, style, message) = match &finding {
            Finding::Passed(message) => ("passed", "✓", GREEN, message),
            Finding::Warning(message) => ("warning", "!", YELLOW, message),
            Finding::Failed(message) => ("failed", "✗", RED, message),
            Finding::Skipped(message) => ("skipped", "–", DIM, message),
        };
        self.has_failures |= matches!(finding, Finding::Failed(_));
        if self.output.is_json() {
            return output::print_json(&Line {
                check: name,
                status,
                message,
            });
        }
        output::print_line(&format!(
            "{} {name:12} {}",
            output::styled(style, symbol),
            escape(message)
        ))
    }
}
