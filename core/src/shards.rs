//! What a tenant's root object knows of the shards that hold its sockets.
//!
//! A shard is known from when it asks what there is to replay until it says that nobody listens
//! there. As long as it is known, the root goes on until the shard has said that it has all: what
//! the root believes of its position is a guess until the shard confirms it, and the shard alone
//! moves it. So the root keeps nothing on disk but which shards there are.

use crate::follower::{Relay, RelayReceipt};

/// The shards that events are handed to.
#[derive(Debug, Default)]
pub struct Shards {
    /// Of which there are a hundred at most.
    known: Vec<Progress>,
}

#[derive(Debug)]
struct Progress {
    number: u16,
    /// How often it has asked. A shard that says that nobody listens and asks at the same time
    /// must not be forgotten, whichever the root hears first.
    asked: u64,
    position: i64,
    confirmed: bool,
    /// Whether something is on its way to it; one thing at a time is.
    busy: bool,
}

/// The place from which a shard is to be handed events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The number of the last event that it has.
    pub after: i64,
    /// Whether that is a guess, to be confirmed even where there is nothing newer.
    pub guessed: bool,
    asked: u64,
}

impl Shards {
    /// The shards that are known to an object that wakes, each believed to have all up to the
    /// newest event.
    pub fn new(numbers: impl IntoIterator<Item = u16>, newest: i64) -> Self {
        let mut shards = Self::default();
        for number in numbers {
            shards.ask(number, newest);
        }
        shards
    }

    fn known(&self, number: u16) -> Option<&Progress> {
        let mut all = self.known.iter();
        all.find(|progress| progress.number == number)
    }

    fn known_mut(&mut self, number: u16) -> Option<&mut Progress> {
        let mut all = self.known.iter_mut();
        all.find(|progress| progress.number == number)
    }

    /// Takes in that a shard has asked, and is being told of all up to the newest event.
    pub fn ask(&mut self, number: u16, newest: i64) {
        if let Some(progress) = self.known_mut(number) {
            progress.asked = progress.asked.saturating_add(1);
            return;
        }
        self.known.push(Progress {
            number,
            asked: 1,
            position: newest,
            confirmed: false,
            busy: false,
        });
    }

    /// Whether a shard is known.
    pub fn contains(&self, number: u16) -> bool {
        self.known(number).is_some()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// The shards that nothing is on its way to; from now on something is.
    pub fn begin(&mut self) -> Vec<u16> {
        let idle = self.known.iter_mut().filter(|progress| !progress.busy);
        idle.map(|progress| {
            progress.busy = true;
            progress.number
        })
        .collect()
    }

    /// Nothing is on its way to a shard any more.
    pub fn end(&mut self, number: u16) {
        if let Some(progress) = self.known_mut(number) {
            progress.busy = false;
        }
    }

    /// Where to go on with a shard, unless it is gone.
    pub fn place(&self, number: u16) -> Option<Place> {
        self.known(number).map(|progress| Place {
            after: progress.position,
            guessed: !progress.confirmed,
            asked: progress.asked,
        })
    }

    /// Takes in what a shard says to what it was handed from this place, and yields whether that
    /// has brought it, or the root's picture of it, any further.
    pub fn answered(
        &mut self,
        number: u16,
        place: Place,
        relay: &Relay,
        receipt: &RelayReceipt,
    ) -> bool {
        let Some(progress) = self.known_mut(number) else {
            return false;
        };
        let Some(position) = receipt.position else {
            if progress.asked == place.asked {
                self.known.retain(|progress| progress.number != number);
            }
            return true;
        };
        let stands_still = position == place.after && !relay.events.is_empty();
        progress.position = position;
        progress.confirmed = true;
        !stands_still
    }

    /// Takes in that a shard could not be reached.
    pub fn failed(&mut self, number: u16) {
        if let Some(progress) = self.known_mut(number) {
            progress.confirmed = false;
        }
    }

    /// Up to which number every shard is known to have all.
    pub fn all_have(&self) -> i64 {
        let positions = self.known.iter().map(|progress| {
            if progress.confirmed {
                progress.position
            } else {
                0
            }
        });
        positions.min().unwrap_or(i64::MAX)
    }
}
