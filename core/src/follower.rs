//! How events get from a tenant's root object to the shards that hold its sockets.
//!
//! The root numbers its events without gaps, and a shard knows the number up to which its sockets
//! have been sent all: its position. It is on disk before anybody is sent an event, and before
//! anybody becomes a listener; of events that nobody here may see it is enough to have it there
//! now and then. A relay says which number it goes on from. A shard that is not as far takes
//! nothing of it and says where it stands, so the root sends what lies between; one that is further
//! passes over what it has. So whatever is lost, comes twice or too late between the two, each
//! event is sent once and in its order.
//!
//! A shard that wakes does not know what there is to replay. It asks the root before it makes
//! anybody a listener, and from then on holds what is relayed.

use serde::{Deserialize, Serialize};

use crate::event_log::{EventLog, KeptEvent};

/// By how many events the position on disk may be behind where nobody was sent any: less than the
/// root keeps in any case.
const UNKEPT_EVENTS: i64 = 50;
/// How many events travel together.
pub const EVENTS_A_RELAY: u32 = 500;

/// A row of the root's log: an event's number, and the event as JSON.
pub type NumberedEvent = (i64, String);

/// What the root hands to a shard.
#[derive(Debug, Serialize, Deserialize)]
pub struct Relay {
    /// The number that these go on from.
    pub after: i64,
    /// Whether the root no longer has what came before these.
    pub gone: bool,
    /// The events, oldest first, with numbers that go on from one to the next.
    pub events: Vec<NumberedEvent>,
}

/// What the shard answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RelayReceipt {
    /// Up to which number its sockets have been sent all; `None` where it has no listener, and need
    /// not be sent more until it asks.
    pub position: Option<i64>,
}

/// What the root answers to a shard that asks what there is to replay.
#[derive(Debug, Serialize, Deserialize)]
pub struct Followed {
    /// The number of the newest event; 0 where there is none yet.
    pub newest: i64,
    /// The events that are kept, oldest first.
    pub events: Vec<NumberedEvent>,
}

/// What is to be done after a [`Relay`] or a [`Followed`], once the new position is on disk.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Whether listeners have missed events, and must come back to be told so.
    pub missed: bool,
    /// The events to send.
    pub news: Vec<KeptEvent>,
}

/// How far a shard is.
#[derive(Debug)]
pub struct Follower {
    /// `None` where nobody has listened since the root was last told so.
    position: Option<i64>,
    /// The position on disk.
    kept: Option<i64>,
    /// The position that it woke with.
    woken_at: Option<i64>,
    log: EventLog,
    /// Whether the root has said what there is to replay. Until then the log holds no more than
    /// what has been relayed.
    complete: bool,
}

impl Follower {
    /// A shard that has just woken, with the position that it has on disk.
    pub fn new(kept: Option<i64>) -> Self {
        Self {
            position: kept,
            kept,
            woken_at: kept,
            log: EventLog::default(),
            complete: false,
        }
    }

    /// Up to which number its sockets have been sent all.
    pub fn position(&self) -> Option<i64> {
        self.position
    }

    /// The position that must be on disk before anything is sent: to somebody who may hear of it,
    /// or to nobody.
    pub fn to_keep(&self, somebody: bool) -> Option<i64> {
        let position = self.position.filter(|_| self.position != self.kept)?;
        let behind = position.saturating_sub(self.kept.unwrap_or_default());
        (somebody || behind >= UNKEPT_EVENTS).then_some(position)
    }

    /// The position is on disk.
    pub fn keep(&mut self) {
        self.kept = self.position;
    }

    /// Whether a position is on disk.
    pub fn is_kept(&self) -> bool {
        self.kept.is_some()
    }

    /// What there is to replay.
    pub fn log(&self) -> &EventLog {
        &self.log
    }

    /// Whether the root must be asked before somebody becomes a listener who names this event:
    /// what a shard does not know of, another may have sent already. Once the root has been asked
    /// since the listener came, what is still unknown is gone.
    pub fn must_ask(&self, last_event_id: Option<&str>, asked_since: bool) -> bool {
        let unknown = || last_event_id.is_some_and(|id| !self.log.holds(id));
        !self.complete || (!asked_since && unknown())
    }

    /// Takes in what the root hands on.
    ///
    /// # Errors
    ///
    /// An event that cannot be read; nothing is taken in then.
    pub fn relayed(&mut self, relay: &Relay) -> Result<Step, serde_json::Error> {
        let mut step = Step::default();
        let events = kept(&relay.events)?;
        let position = match self.position {
            Some(position) if relay.after <= position => position,
            Some(_) if relay.gone => {
                step.missed = true;
                self.log = EventLog::default();
                relay.after
            }
            Some(_) => return Ok(step),
            None => relay.after,
        };
        step.news = self.go_on_from(position, events);
        Ok(step)
    }

    /// Takes in what the root has, which may be more than what it has handed on so far. An answer
    /// that is too old is passed over, and the root must be asked again. Where the root is not as
    /// far as a shard that has just woken, it has lost rows, and the shard begins anew with it.
    ///
    /// # Errors
    ///
    /// An event that cannot be read; nothing is taken in then.
    pub fn followed(&mut self, followed: &Followed) -> Result<Step, serde_json::Error> {
        let events = kept(&followed.events)?;
        // Where it stands is what it had on disk when it asked, so the root had more then.
        let missed = self.position == self.woken_at && self.woken_at > Some(followed.newest);
        let position = self.position.filter(|_| !missed);
        let position = position.unwrap_or(followed.newest);
        let oldest = self.log.oldest_first().next();
        let since = oldest.map_or(position, |event| event.seq.saturating_sub(1));
        if followed.newest < since {
            // The root has answered before what was relayed since, and with a gap in between.
            return Ok(Step::default());
        }
        let (old, new): (Vec<_>, Vec<_>) =
            events.into_iter().partition(|event| event.seq <= position);
        let relayed = std::mem::take(&mut self.log);
        for event in old.into_iter().chain(relayed.oldest_first().cloned()) {
            if event.seq > self.log.newest() {
                self.log.push(event);
            }
        }
        self.complete = true;
        Ok(Step {
            missed,
            news: self.go_on_from(position, new),
        })
    }

    /// Takes events in if they go on from here; else they will be relayed with what is between.
    fn go_on_from(&mut self, position: i64, events: Vec<KeptEvent>) -> Vec<KeptEvent> {
        let mut news = Vec::new();
        let mut last = position;
        for event in events {
            if event.seq == last.saturating_add(1) {
                last = event.seq;
                self.log.push(event.clone());
                news.push(event);
            }
        }
        self.position = Some(last);
        news
    }

    /// Forgets where it stands: the root, which is told that nobody listens here, hands on no
    /// more, and whoever listens next is owed nothing of what comes until then.
    pub fn leave(&mut self) {
        *self = Self::new(None);
    }
}

fn kept(events: &[NumberedEvent]) -> Result<Vec<KeptEvent>, serde_json::Error> {
    let events = events.iter();
    events
        .map(|(seq, json)| KeptEvent::read(*seq, json.clone()))
        .collect()
}

#[cfg(test)]
mod tests;
