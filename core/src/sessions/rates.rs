//! The rates of messages, renewals and new sockets.
//!
//! The rates of an object are in its memory and need not survive hibernation. Before an object
//! hibernates, it has received nothing for some ten seconds, so its clients were far below what it can
//! handle; afterwards each limit counts from zero. The rate of one socket's renewals does survive,
//! because it is part of the session ([`RenewalBudget`]). Pings that the runtime answers itself do not
//! count.

use std::{borrow::Borrow, collections::HashMap, hash::Hash};

use serde::{Deserialize, Serialize};

use super::limits::{
    MAX_MESSAGES_PER_SECOND, MAX_NEW_SOCKETS_PER_MINUTE, MAX_SOCKETS,
    MAX_SUBJECT_MESSAGES_PER_SECOND, MAX_SUBJECT_RENEWALS_PER_MINUTE, RENEWAL_BURST,
    RENEWAL_SECONDS,
};
use crate::timestamp::Timestamp;

/// Maximum number of keys that a counter holds. It bounds the memory; a further key is not counted.
const MAX_KEYS: usize = MAX_SOCKETS;

/// The rates of the clients of one object.
#[derive(Debug)]
pub struct Rates {
    messages_of_socket: Counter<u64>,
    messages_of_subject: Counter<String>,
    renewals_of_subject: Counter<String>,
    new_sockets_of_subject: Counter<String>,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            messages_of_socket: Counter::new(1),
            messages_of_subject: Counter::new(1),
            renewals_of_subject: Counter::new(60),
            new_sockets_of_subject: Counter::new(60),
        }
    }
}

impl Rates {
    /// Counts a message from an authenticated socket. Returns whether the socket and its subject
    /// are within their limits.
    pub fn count_message(&mut self, socket_number: u64, sub: &str, now: Timestamp) -> bool {
        let of_socket = self.messages_of_socket.count(&socket_number, now);
        let of_subject = self.messages_of_subject.count(sub, now);
        of_socket <= MAX_MESSAGES_PER_SECOND && of_subject <= MAX_SUBJECT_MESSAGES_PER_SECOND
    }

    /// Counts a renewal. Returns whether the subject, which has this number of open sockets, is
    /// within its limit.
    pub fn count_renewal(&mut self, sub: &str, sockets: usize, now: Timestamp) -> bool {
        let sockets = u32::try_from(sockets).unwrap_or(u32::MAX);
        let limit = MAX_SUBJECT_RENEWALS_PER_MINUTE.saturating_add(sockets);
        self.renewals_of_subject.count(sub, now) <= limit
    }

    /// Counts a new socket. Returns whether the subject is within its limit.
    pub fn count_new_socket(&mut self, sub: &str, now: Timestamp) -> bool {
        self.new_sockets_of_subject.count(sub, now) <= MAX_NEW_SOCKETS_PER_MINUTE
    }
}

/// Counts per key, in windows of a fixed length. The window of a key begins with its first count.
#[derive(Debug)]
struct Counter<K> {
    seconds: i64,
    windows: HashMap<K, Window>,
    /// The time after which windows that have ended are removed.
    next_cleanup: Timestamp,
}

#[derive(Debug)]
struct Window {
    end: Timestamp,
    count: u32,
}

impl<K: Eq + Hash> Counter<K> {
    fn new(seconds: i64) -> Self {
        Self {
            seconds,
            windows: HashMap::new(),
            next_cleanup: Timestamp::from_millis(0),
        }
    }

    /// Counts one and returns the count of the key's current window.
    fn count<Q>(&mut self, key: &Q, now: Timestamp) -> u32
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        let end = now.plus_seconds(self.seconds);
        if now >= self.next_cleanup {
            self.windows.retain(|_, window| now < window.end);
            self.next_cleanup = end;
        }
        if let Some(window) = self.windows.get_mut(key) {
            if now >= window.end {
                *window = Window { end, count: 0 };
            }
            window.count = window.count.saturating_add(1);
            return window.count;
        }
        if self.windows.len() < MAX_KEYS {
            self.windows
                .insert(key.to_owned(), Window { end, count: 1 });
        }
        1
    }
}

/// The token bucket of one socket's renewals: [`RENEWAL_BURST`] at once, then one every
/// [`RENEWAL_SECONDS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RenewalBudget {
    /// The time at which the bucket is full again, or `None` for a bucket that was never used.
    full_at: Option<Timestamp>,
}

impl RenewalBudget {
    /// Returns whether the bucket was never used.
    pub fn is_unused(&self) -> bool {
        self.full_at.is_none()
    }

    /// Takes one renewal from the bucket. Returns whether the bucket had one.
    pub fn take(&mut self, now: Timestamp) -> bool {
        let full_at = self.full_at.map_or(now, |full_at| full_at.max(now));
        let full_after_take = full_at.plus_seconds(RENEWAL_SECONDS);
        let seconds_of_full_bucket = RENEWAL_SECONDS.saturating_mul(RENEWAL_BURST);
        let has_one = full_after_take <= now.plus_seconds(seconds_of_full_bucket);
        if has_one {
            self.full_at = Some(full_after_take);
        }
        has_one
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000 + millis)
    }

    #[test]
    fn each_socket_may_send_ten_messages_in_a_second() {
        let mut rates = Rates::default();
        for count in 1..=12 {
            for (socket, sub) in [(1, "a"), (2, "b")] {
                let is_within = rates.count_message(socket, sub, at(count * 80));
                assert_eq!(is_within, count <= 10, "{count}");
            }
        }
        assert!(rates.count_message(1, "a", at(1_080)));
    }

    #[test]
    fn the_sockets_of_a_subject_may_send_a_hundred_messages_in_a_second() {
        let mut rates = Rates::default();
        for socket in 0..100 {
            assert!(rates.count_message(socket, "a", at(0)), "{socket}");
        }
        assert!(!rates.count_message(100, "a", at(999)));
        assert!(rates.count_message(101, "b", at(999)), "another subject");
        assert!(rates.count_message(100, "a", at(1_000)));
    }

    #[test]
    fn a_subject_may_renew_sixty_tokens_in_a_minute_and_one_for_each_socket() {
        let mut rates = Rates::default();
        for count in 1..=70 {
            assert_eq!(rates.count_renewal("a", 7, at(0)), count <= 67, "{count}");
        }
        assert!(rates.count_renewal("b", 7, at(0)));
        assert!(!rates.count_renewal("a", 7, at(59_999)));
        assert!(rates.count_renewal("a", 7, at(60_000)));
    }

    #[test]
    fn a_subject_may_open_two_hundred_sockets_in_a_minute() {
        let mut rates = Rates::default();
        for count in 1..=210 {
            assert_eq!(
                rates.count_new_socket("a", at(count)),
                count <= 200,
                "{count}"
            );
        }
        assert!(rates.count_new_socket("b", at(0)));
        assert!(rates.count_new_socket("a", at(60_001)));
    }

    #[test]
    fn a_socket_may_renew_three_times_at_once_and_then_every_ten_seconds() {
        let mut budget = RenewalBudget::default();
        let mut take = |seconds: i64| budget.take(at(seconds * 1_000));
        assert_eq!(
            [take(0), take(0), take(1), take(1)],
            [true, true, true, false]
        );
        assert_eq!([take(9), take(10), take(11)], [false, true, false]);
        assert_eq!([take(20), take(30), take(39)], [true, true, false]);
        assert_eq!(
            [take(100), take(100), take(100), take(100)],
            [true, true, true, false]
        );
    }

    #[test]
    fn a_counter_forgets_windows_that_have_ended_and_holds_a_bounded_number_of_keys() {
        let mut counter = Counter::new(1);
        for key in 0..MAX_KEYS as u64 + 10 {
            assert_eq!(counter.count(&key, at(0)), 1);
        }
        assert_eq!(counter.windows.len(), MAX_KEYS);
        assert_eq!(counter.count(&0, at(0)), 2);
        assert_eq!(counter.count(&0, at(1_000)), 1);
        assert_eq!(counter.windows.len(), 1);
    }
}
