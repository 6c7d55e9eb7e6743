//! The repetition of a request that a server did not process for the moment.

use std::{thread, time::Duration};

use crate::{connection::backoff, error::Error, output};

pub(crate) const MAX_ATTEMPTS: u32 = 6;
/// The limit for a delay that the server asks for.
const MAX_DELAY: Duration = Duration::from_secs(60);

/// Counts the failed attempts of a request and waits before the next one.
#[derive(Default)]
pub(crate) struct Retries {
    failures: u32,
}

impl Retries {
    /// Waits for the delay that the server asked for, or for a random one, and prints a note with
    /// `print_note`. Returns false at once if this was the last attempt.
    pub(crate) fn wait(
        &mut self,
        error: &Error,
        retry_delay: Option<Duration>,
        print_note: impl FnOnce(&str),
    ) -> bool {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= MAX_ATTEMPTS {
            return false;
        }
        let delay = retry_delay
            .unwrap_or_else(|| backoff::delay(self.failures))
            .min(MAX_DELAY);
        print_note(&output::retry_note(error, delay));
        thread::sleep(delay);
        true
    }
}
