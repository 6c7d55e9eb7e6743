//! Retries of a request that the server refused temporarily.

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
        let Some(delay) = self.next_delay(retry_delay) else {
            return false;
        };
        print_note(&output::retry_note(error, delay));
        thread::sleep(delay);
        true
    }

    /// Counts a failed attempt. Returns the delay before the next one, or `None` if there is none.
    fn next_delay(&mut self, retry_delay: Option<Duration>) -> Option<Duration> {
        let random_delay = backoff::delay(self.failures);
        self.failures = self.failures.saturating_add(1);
        let delay = retry_delay.unwrap_or(random_delay).min(MAX_DELAY);
        (self.failures < MAX_ATTEMPTS).then_some(delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_random_delay_before_the_second_attempt_is_at_most_a_second() {
        let first_delay = || Retries::default().next_delay(None).unwrap();
        let longest = (0..1_000).map(|_| first_delay()).max().unwrap();
        assert!(longest <= Duration::from_secs(1), "{longest:?}");
    }

    #[test]
    fn a_request_is_sent_six_times_with_the_delays_that_the_server_asks_for_up_to_a_minute() {
        let mut retries = Retries::default();
        for (asked, delay) in [(0, 0), (7, 7), (60, 60), (61, 60), (3_600, 60)] {
            let next = retries.next_delay(Some(Duration::from_secs(asked)));
            assert_eq!(next, Some(Duration::from_secs(delay)));
        }
        assert_eq!(retries.next_delay(Some(Duration::ZERO)), None);
    }
}
