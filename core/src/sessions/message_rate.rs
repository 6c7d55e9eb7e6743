//! How fast a socket's messages are taken.
//!
//! Counts are kept for the present second only, so what is kept is bounded by the sockets that
//! spoke in it, and an object that sleeps loses nothing by forgetting them: it sleeps only after
//! seconds of silence. Pings that the runtime answers are not among the messages.

use std::collections::HashMap;

use crate::timestamp::Timestamp;

/// How many messages of a socket are taken in a second. A client has two things to say, and says
/// the more frequent of them every quarter of a minute.
pub const MAX_MESSAGES_PER_SECOND: u32 = 100;

/// The messages of the present second.
#[derive(Debug, Default)]
pub struct MessageRate {
    second: i64,
    counts: HashMap<u64, u32>,
}

impl MessageRate {
    /// Counts a message of the socket with this number; whether it is to be taken.
    pub fn admits(&mut self, socket: u64, now: Timestamp) -> bool {
        let second = now.as_millis().div_euclid(1000);
        if second != self.second {
            self.second = second;
            self.counts.clear();
        }
        let count = self.counts.entry(socket).or_default();
        *count = count.saturating_add(1);
        *count <= MAX_MESSAGES_PER_SECOND
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_messages_a_second_are_taken_of_each_socket() {
        let mut rate = MessageRate::default();
        let at = Timestamp::from_millis;
        for count in 1..=105 {
            let millis = 1_000 + count * 9;
            assert_eq!(rate.admits(1, at(millis)), count <= 100, "{count}");
            assert_eq!(rate.admits(2, at(millis)), count <= 100, "{count}");
        }
        assert!(rate.admits(1, at(2_000)));
        assert_eq!(rate.counts.len(), 1);
    }
}
