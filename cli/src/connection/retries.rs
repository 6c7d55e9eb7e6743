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
    /// Prints a note and waits: for `retry_delay`, but at least 0.5 to 1 s and at most a minute, or
    /// without one for a back-off delay. Returns false without waiting if no attempt is left.
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

    /// Counts a failed attempt. Returns the delay before the next one, or `None` after the last attempt.
    fn next_delay(&mut self, retry_delay: Option<Duration>) -> Option<Duration> {
        let delay = match retry_delay {
            Some(asked) => asked.clamp(backoff::delay(0), MAX_DELAY),
            None => backoff::delay(self.failures),
        };
        self.failures = self.failures.saturating_add(1);
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
        let shortest = retries.next_delay(Some(Duration::ZERO)).unwrap();
        assert!(
            (500..=1_000).contains(&shortest.as_millis()),
            "{shortest:?}"
        );
        for (asked, delay) in [(7, 7), (60, 60), (61, 60), (3_600, 60)] {
            let next = retries.next_delay(Some(Duration::from_secs(asked)));
            assert_eq!(next, Some(Duration::from_secs(delay)));
        }
        assert_eq!(retries.next_delay(Some(Duration::ZERO)), None);
    }
}
