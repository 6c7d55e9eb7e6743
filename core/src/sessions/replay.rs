//! Replay: the stored events that a subscriber receives when it first authenticates.
//!
//! A subscriber that reconnects names the last event that it received (`last_event_id`) and
//! receives the later ones. The replay is read from the event log in the same uninterrupted step in
//! which the subscriber starts to receive new events. So it has neither gaps nor duplicates.

use super::listener::Listener;
use crate::events::event_log::{EventLog, StoredEvent};

/// The stored events for one subscriber.
#[derive(Debug, PartialEq, Eq)]
pub struct Replay<'a> {
    /// `true` if the replay holds every event after `last_event_id`; `false` if that event is not in
    /// the log, so events may be missing; `None` without a `last_event_id`.
    pub recovered: Option<bool>,
    /// The events, oldest first.
    pub events: Vec<&'a StoredEvent>,
}

impl<'a> Replay<'a> {
    /// Returns the replay for a subscriber.
    ///
    /// | `last_event_id` | events that the subscriber may receive |
    /// |---|---|
    /// | in the log | those after it |
    /// | not in the log | all in the log |
    /// | absent, subscriber to all users | all in the log |
    /// | absent, subscriber to its own events | none: its session is new |
    pub fn new(log: &'a EventLog, listener: &Listener, last_event_id: Option<&str>) -> Self {
        let index = last_event_id.map(|id| log.index_of(id));
        let (recovered, skipped) = match index {
            None if listener.receives_all() => (None, 0),
            None => (None, log.len()),
            Some(None) => (Some(false), 0),
            Some(Some(index)) => (Some(true), index.saturating_add(1)),
        };
        let events = log
            .oldest_first()
            .skip(skipped)
            .filter(|event| listener.may_receive(&event.user_id))
            .collect();
        Self { recovered, events }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{protocol::filter::Filter, timestamp::Timestamp};

    /// A log in which every event with an even number belongs to `even`, the others to `odd`.
    fn log(count: usize) -> EventLog {
        let mut log = EventLog::default();
        for number in 0..count {
            let user = if number % 2 == 0 { "even" } else { "odd" };
            log.push(StoredEvent {
                seq: number as i64 + 1,
                id: number.to_string(),
                user_id: user.into(),
                json: String::new(),
            });
        }
        log
    }

    fn replay(
        count: usize,
        filter: Filter,
        last_event_id: Option<&str>,
    ) -> (Option<bool>, Vec<usize>) {
        let log = log(count);
        let listener = Listener {
            sub: "odd".into(),
            filter,
            expires_at: Timestamp::from_millis(0),
            token: None,
        };
        let replay = Replay::new(&log, &listener, last_event_id);
        let ids = replay.events.iter().map(|event| event.id.parse());
        (
            replay.recovered,
            ids.collect::<Result<_, _>>().unwrap_or_default(),
        )
    }

    #[test]
    fn without_a_last_event_a_subscriber_to_all_users_receives_the_log_and_any_other_nothing() {
        assert_eq!(replay(3, Filter::All, None), (None, vec![0, 1, 2]));
        assert_eq!(replay(3, Filter::Own, None), (None, vec![]));
    }

    #[test]
    fn a_subscriber_receives_the_events_after_the_last_event_that_it_names() {
        assert_eq!(replay(5, Filter::All, Some("2")), (Some(true), vec![3, 4]));
        assert_eq!(replay(5, Filter::All, Some("4")), (Some(true), vec![]));
        assert_eq!(replay(5, Filter::Own, Some("0")), (Some(true), vec![1, 3]));
    }

    #[test]
    fn a_last_event_that_is_not_in_the_log_replays_the_whole_log_as_not_recovered() {
        let (recovered, events) = replay(150, Filter::All, Some("49"));
        assert_eq!((recovered, events.len()), (Some(false), 100));
        assert_eq!(events.first(), Some(&50));
        assert_eq!(
            replay(4, Filter::Own, Some("unknown")),
            (Some(false), vec![1, 3])
        );
        assert_eq!(replay(0, Filter::Own, Some("")), (Some(false), vec![]));
    }
}
