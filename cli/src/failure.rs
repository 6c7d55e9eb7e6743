//! How a command ends when it does not succeed.

use std::{io, process::ExitCode};

/// Why a command ended.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something to fix, as a sentence.
    Problem(String),
    /// Options that are missing, of which the command line's parser cannot know.
    Missing(Missing),
    /// What was to be reported has been: the exit code says the rest.
    Reported,
    /// Whoever reads the output has left, as in `| head`. That is no fault of anybody's.
    ReaderLeft,
    /// A signal, by its number.
    Signal(u8),
}

impl Failure {
    /// What there is to tell, as a sentence.
    pub(crate) fn problem(&self) -> Option<&str> {
        match self {
            Self::Problem(problem) => Some(problem),
            Self::Missing(Missing(problem)) => Some(problem),
            Self::Reported | Self::ReaderLeft | Self::Signal(_) => None,
        }
    }

    /// The exit code; that of a signal is 128 and its number, as shells have it.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Problem(_) | Self::Reported => ExitCode::FAILURE,
            Self::Missing(_) => ExitCode::from(2),
            Self::ReaderLeft => ExitCode::SUCCESS,
            Self::Signal(number) => ExitCode::from(number.saturating_add(128)),
        }
    }
}

/// Which options are missing, as a sentence.
#[derive(Debug)]
pub(crate) struct Missing(pub(crate) &'static str);

impl From<Missing> for Failure {
    fn from(missing: Missing) -> Self {
        Self::Missing(missing)
    }
}

impl From<String> for Failure {
    fn from(problem: String) -> Self {
        Self::Problem(problem)
    }
}

impl From<&str> for Failure {
    fn from(problem: &str) -> Self {
        Self::Problem(problem.to_owned())
    }
}

/// Errors of the output; those of files are told with the file's name where they occur.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ReaderLeft,
            _ => Self::Problem(format!("the output cannot be written: {error}")),
        }
    }
}

/// What a command comes to.
pub(crate) type Outcome = Result<(), Failure>;
