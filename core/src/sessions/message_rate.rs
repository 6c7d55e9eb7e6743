//! The limit on the messages that a socket may send in a second.
//!
//! Only the sockets that sent a message in the current second are counted, so memory stays bounded.
//! The counts need not survive hibernation: an object hibernates only after seconds without a
//! message. Pings that the runtime answers itself do not count.

use std::collections::HashMap;

use crate::timestamp::Timestamp;

/// Maximum number of messages from a socket in a second. A client sends only tokens and pings,
/// with many seconds between them.
pub const MAX_MESSAGES_PER_SECOND: u32 = 100;

/// The number of messages from each socket in the current second.
#[derive(Debug, Default)]
pub struct MessageRate {
    second: i64,
    counts: HashMap<u64, u32>,
}

impl MessageRate {
    /// Counts a message from a socket. Returns whether the socket is within its limit.
    pub fn count_message(&mut self, socket_number: u64, now: Timestamp) -> bool {
        let second = now.as_millis().div_euclid(1000);
        if second != self.second {
            self.second = second;
            self.counts.clear();
        }
        let count = self.counts.entry(socket_number).or_default();
        *count = count.saturating_add(1);
        *count <= MAX_MESSAGES_PER_SECOND
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_socket_may_send_a_hundred_messages_per_second() {
        let mut rate = MessageRate::default();
        let at = Timestamp::from_millis;
        for count in 1..=105 {
            let millis = 1_000 + count * 9;
            assert_eq!(rate.count_message(1, at(millis)), count <= 100, "{count}");
            assert_eq!(rate.count_message(2, at(millis)), count <= 100, "{count}");
        }
        assert!(rate.count_message(1, at(2_000)));
        assert_eq!(rate.counts.len(), 1);
    }
}
