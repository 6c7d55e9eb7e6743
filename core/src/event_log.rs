//! The newest events, and what a listener is owed of them.
//!
//! The log holds what storage holds: an event is stored first and pushed here after, in one step
//! that nothing comes between. A replay read from here together with the events that follow is
//! therefore without gap and without repetition.

use std::collections::VecDeque;

use crate::{event::Event, json, object::Object, session::Listener};

/// How many events are kept.
pub const KEPT_EVENTS: usize = 100;

/// An event as it is kept: whose it is, and its text as it goes to every listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptEvent {
    /// Its number: one more than that of the event before.
    pub seq: i64,
    /// The event's id.
    pub id: String,
    /// Whom it is about.
    pub user_id: String,
    /// The event as JSON.
    pub json: String,
}

impl KeptEvent {
    /// An event, of which the JSON is at hand.
    pub fn new(seq: i64, event: Event, json: String) -> Self {
        Self {
            seq,
            id: event.id,
            user_id: event.user_id,
            json,
        }
    }

    /// Reads an event that was kept before.
    ///
    /// # Errors
    ///
    /// Where the text is none.
    pub fn read(seq: i64, json: String) -> serde_json::Result<Self> {
        let Object(event) = json::read(&json)?;
        Ok(Self::new(seq, event, json))
    }
}

/// The newest events, oldest first.
#[derive(Debug, Default)]
pub struct EventLog {
    events: VecDeque<KeptEvent>,
}

/// What a listener is sent on its first authentication.
#[derive(Debug, PartialEq, Eq)]
pub struct Replay<'a> {
    /// Whether nothing was lost since the id that the listener named; `None` where it named none.
    pub recovered: Option<bool>,
    /// The events, oldest first.
    pub events: Vec<&'a KeptEvent>,
}

impl EventLog {
    /// Takes a stored event in as the newest; the oldest leaves where there are too many.
    pub fn push(&mut self, event: KeptEvent) {
        if self.events.len() >= KEPT_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    /// The number of the newest event; 0 where there is none.
    pub fn newest(&self) -> i64 {
        self.events.back().map_or(0, |event| event.seq)
    }

    /// Whether an event is kept.
    pub fn holds(&self, id: &str) -> bool {
        self.events.iter().any(|event| event.id == id)
    }

    /// Every event that is kept, oldest first.
    pub fn oldest_first(&self) -> impl DoubleEndedIterator<Item = &KeptEvent> {
        self.events.iter()
    }

    /// What a listener is owed that names the last event it got, or names none: one that watches
    /// everybody's events then gets all that is kept, and one that watches its own gets nothing.
    pub fn replay(&self, listener: &Listener, last_event_id: Option<&str>) -> Replay<'_> {
        let seen = last_event_id.map(|id| self.events.iter().position(|event| event.id == id));
        let (recovered, skipped) = match seen {
            None if listener.sees_everything() => (None, 0),
            None => (None, self.events.len()),
            Some(None) => (Some(false), 0),
            Some(Some(place)) => (Some(true), place.saturating_add(1)),
        };
        Replay {
            recovered,
            events: self
                .events
                .iter()
                .skip(skipped)
                .filter(|event| listener.may_see(&event.user_id))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{protocol::Filter, timestamp::Timestamp};

    fn log(count: usize) -> EventLog {
        let mut log = EventLog::default();
        for number in 0..count {
            let user = if number % 2 == 0 { "even" } else { "odd" };
            log.push(KeptEvent {
                seq: number as i64 + 1,
                id: number.to_string(),
                user_id: user.into(),
                json: String::new(),
            });
        }
        log
    }

    fn listener(filter: Filter) -> Listener {
        Listener {
            sub: "odd".into(),
            filter,
            expires_at: Timestamp::from_millis(0),
        }
    }

    fn replayed(
        count: usize,
        filter: Filter,
        last_event_id: Option<&str>,
    ) -> (Option<bool>, Vec<usize>) {
        let log = log(count);
        let replay = log.replay(&listener(filter), last_event_id);
        let ids = replay.events.iter().map(|event| event.id.parse());
        (
            replay.recovered,
            ids.collect::<Result<_, _>>().unwrap_or_default(),
        )
    }

    #[test]
    fn whoever_names_no_event_gets_all_that_is_kept_or_of_its_own_nothing() {
        assert_eq!(replayed(3, Filter::All, None), (None, vec![0, 1, 2]));
        assert_eq!(replayed(3, Filter::Own, None), (None, vec![]));
    }

    #[test]
    fn whoever_names_a_kept_event_gets_what_came_after_it() {
        assert_eq!(
            replayed(5, Filter::All, Some("2")),
            (Some(true), vec![3, 4])
        );
        assert_eq!(replayed(5, Filter::All, Some("4")), (Some(true), vec![]));
        assert_eq!(
            replayed(5, Filter::Own, Some("0")),
            (Some(true), vec![1, 3])
        );
    }

    #[test]
    fn whoever_names_an_event_that_is_no_longer_kept_gets_all_and_is_told() {
        let (recovered, events) = replayed(150, Filter::All, Some("49"));
        assert_eq!((recovered, events.len()), (Some(false), 100));
        assert_eq!(events.first(), Some(&50));
        assert_eq!(
            replayed(4, Filter::Own, Some("unheard of")),
            (Some(false), vec![1, 3])
        );
        assert_eq!(replayed(0, Filter::Own, Some("")), (Some(false), vec![]));
    }

    #[test]
    fn the_newest_hundred_are_kept() {
        let log = log(250);
        let ids: Vec<&str> = log
            .oldest_first()
            .rev()
            .map(|event| event.id.as_str())
            .collect();
        assert_eq!(ids.len(), 100);
        assert_eq!((ids.first(), ids.last()), (Some(&"249"), Some(&"150")));
    }
}
