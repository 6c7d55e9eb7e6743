//! The error type of the crate and the exit code of each error.

use std::{fmt, process::ExitCode};

use session_events_core::error::ConfigError;

/// A `Result` with the error type of this crate.
pub(crate) type Result<T = (), E = Error> = std::result::Result<T, E>;

/// The reason why a command did not complete.
#[derive(Debug)]
pub(crate) enum Error {
    /// A failure that a retry would not change.
    Failed(String),
    /// A failure that may pass. The same request may succeed later.
    Temporary(String),
    /// No usable credentials were given. clap cannot check this, because several combinations of
    /// options are valid.
    MissingOption(&'static str),
    /// The command has already printed the problem, so only the exit code remains to be set.
    AlreadyReported,
    /// The command succeeded, and its result is also the exit code.
    ExitCode(u8),
    /// The program that reads standard output has exited, as in `| head`. This is a success.
    OutputClosed,
    /// The process received the signal with this number.
    Signal(u8),
}

impl Error {
    /// Appends advice to the message, after a colon, and keeps the kind of error.
    pub(crate) fn with_advice(self, advice: &str) -> Self {
        self.append(&format!(": {advice}"))
    }

    /// Appends text to the message and keeps the kind of error.
    pub(crate) fn append(self, text: &str) -> Self {
        match self {
            Self::Failed(message) => Self::Failed(message + text),
            Self::Temporary(message) => Self::Temporary(message + text),
            other => other,
        }
    }

    pub(crate) fn is_temporary(&self) -> bool {
        matches!(self, Self::Temporary(_))
    }

    /// Returns true if the error ends the command without a message on standard error.
    pub(crate) fn is_silent(&self) -> bool {
        matches!(
            self,
            Self::AlreadyReported | Self::ExitCode(_) | Self::OutputClosed | Self::Signal(_)
        )
    }

    /// The exit code. For a signal it is 128 plus the signal number, as in shells.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Failed(_) | Self::Temporary(_) | Self::AlreadyReported => ExitCode::FAILURE,
            Self::MissingOption(_) => ExitCode::from(2),
            Self::ExitCode(code) => ExitCode::from(*code),
            Self::OutputClosed => ExitCode::SUCCESS,
            Self::Signal(number) => ExitCode::from(number.saturating_add(128)),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(message) | Self::Temporary(message) => f.write_str(message),
            Self::MissingOption(message) => f.write_str(message),
            Self::AlreadyReported => f.write_str("the command failed"),
            Self::ExitCode(code) => write!(f, "the exit code is {code}"),
            Self::OutputClosed => f.write_str("standard output is closed"),
            Self::Signal(number) => write!(f, "received signal {number}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<String> for Error {
    fn from(message: String) -> Self {
        Self::Failed(message)
    }
}

impl From<&str> for Error {
    fn from(message: &str) -> Self {
        Self::Failed(message.to_owned())
    }
}
