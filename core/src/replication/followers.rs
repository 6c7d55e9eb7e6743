//! The leader's view of its followers.
//!
//! A follower is registered from the time it requests a snapshot until it acknowledges without a
//! position, which means that it has no subscriber. The leader stores only which followers are
//! registered. It assumes a position until the follower confirms it, and appends until each follower
//! has acknowledged every entry.

use super::messages::{Acknowledgement, Append};

/// The registered followers.
#[derive(Debug, Default)]
pub struct Followers {
    /// At most a hundred, so a list suffices.
    followers: Vec<Progress>,
}

/// The replication progress of one follower.
#[derive(Debug)]
struct Progress {
    /// The follower's shard number.
    number: u16,
    /// Number of snapshot requests. An acknowledgement without a position unregisters the follower
    /// only if this number has not changed since the append was sent. If it has changed, the follower
    /// has subscribers again.
    snapshot_requests: u64,
    /// The acknowledged position, or an assumed one while `confirmed` is false.
    position: i64,
    /// Whether the follower has confirmed the position.
    confirmed: bool,
    /// Whether an append to this follower is in flight. At most one is.
    in_flight: bool,
}

/// The position after which to append to a follower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppendCursor {
    /// The sequence number of the last entry that the follower is believed to have.
    pub after: i64,
    /// Whether the follower must confirm the position even if there are no further entries.
    pub unconfirmed: bool,
    snapshot_requests: u64,
}

/// The effect of an acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AckOutcome {
    /// Send the next append.
    Continue,
    /// The follower is at the cursor, but accepted none of the entries.
    Stalled,
    /// The follower has no subscriber and is no longer registered.
    Unregistered,
}

impl Followers {
    /// Returns the followers that a leader finds in storage when it wakes. Each starts at `last_seq`
    /// with an unconfirmed position, which its next acknowledgement corrects.
    pub fn restore(numbers: impl IntoIterator<Item = u16>, last_seq: i64) -> Self {
        let mut followers = Self::default();
        for number in numbers {
            followers.register(number, last_seq);
        }
        followers
    }

    fn get(&self, number: u16) -> Option<&Progress> {
        self.followers
            .iter()
            .find(|progress| progress.number == number)
    }

    fn get_mut(&mut self, number: u16) -> Option<&mut Progress> {
        self.followers
            .iter_mut()
            .find(|progress| progress.number == number)
    }

    /// Registers a follower that receives a snapshot up to `last_seq`. A registered follower keeps its
    /// position.
    pub fn register(&mut self, number: u16, last_seq: i64) {
        if let Some(progress) = self.get_mut(number) {
            progress.snapshot_requests = progress.snapshot_requests.saturating_add(1);
            return;
        }
        self.followers.push(Progress {
            number,
            snapshot_requests: 1,
            position: last_seq,
            confirmed: false,
            in_flight: false,
        });
    }

    /// Returns whether a follower is registered.
    pub fn contains(&self, number: u16) -> bool {
        self.get(number).is_some()
    }

    /// Returns whether no follower is registered.
    pub fn is_empty(&self) -> bool {
        self.followers.is_empty()
    }

    /// Returns the followers without an append in flight, and marks each as having one.
    pub fn begin_appends(&mut self) -> Vec<u16> {
        let idle = self
            .followers
            .iter_mut()
            .filter(|progress| !progress.in_flight);
        idle.map(|progress| {
            progress.in_flight = true;
            progress.number
        })
        .collect()
    }

    /// Marks a follower as having no append in flight.
    pub fn end_append(&mut self, number: u16) {
        if let Some(progress) = self.get_mut(number) {
            progress.in_flight = false;
        }
    }

    /// Returns the position from which to append to a registered follower.
    pub fn cursor(&self, number: u16) -> Option<AppendCursor> {
        self.get(number).map(|progress| AppendCursor {
            after: progress.position,
            unconfirmed: !progress.confirmed,
            snapshot_requests: progress.snapshot_requests,
        })
    }

    /// Records the acknowledgement of entries that were appended at a cursor.
    pub fn acknowledge(
        &mut self,
        number: u16,
        cursor: AppendCursor,
        append: &Append,
        acknowledgement: &Acknowledgement,
    ) -> AckOutcome {
        let Some(progress) = self.get_mut(number) else {
            return AckOutcome::Unregistered;
        };
        let Some(position) = acknowledgement.position else {
            if progress.snapshot_requests != cursor.snapshot_requests {
                return AckOutcome::Continue;
            }
            self.followers.retain(|progress| progress.number != number);
            return AckOutcome::Unregistered;
        };
        let stalled = position == cursor.after && !append.entries.is_empty();
        progress.position = position;
        progress.confirmed = true;
        if stalled {
            AckOutcome::Stalled
        } else {
            AckOutcome::Continue
        }
    }

    /// Records that a follower could not be reached. It must confirm its position again.
    pub fn mark_unconfirmed(&mut self, number: u16) {
        if let Some(progress) = self.get_mut(number) {
            progress.confirmed = false;
        }
    }

    /// Returns the sequence number up to which every follower has acknowledged all entries, or
    /// `i64::MAX` without followers. An unconfirmed position counts as 0.
    pub fn min_acked(&self) -> i64 {
        let acked = self.followers.iter().map(|progress| {
            if progress.confirmed {
                progress.position
            } else {
                0
            }
        });
        acked.min().unwrap_or(i64::MAX)
    }
}
