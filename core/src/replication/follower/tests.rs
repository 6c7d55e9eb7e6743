//! A leader and a follower over a channel that loses, repeats and delays messages, while both are
//! evicted from memory at any time.

use proptest::prelude::*;

use super::*;
use crate::replication::{
    followers::{AckOutcome, AppendCursor, Followers},
    messages::Acknowledgement,
};

const FOLLOWER: u16 = 1;
const NONE: [i64; 0] = [];
/// Maximum number of entries in one append in these tests.
const MAX_ENTRIES: usize = 3;

fn entry(seq: i64) -> LogEntry {
    let event = format!(
        r#"{{"id":"{seq}","type":"logout","date":"2026-11-24T22:52:49.000Z","user_id":"auth0|{seq}"}}"#
    );
    LogEntry { seq, event }
}

fn entries(range: impl Iterator<Item = i64>) -> Vec<LogEntry> {
    range.map(entry).collect()
}

fn seqs(events: &[StoredEvent]) -> Vec<i64> {
    events.iter().map(|event| event.seq).collect()
}

fn log_of(follower: &Follower) -> Vec<i64> {
    follower
        .log()
        .oldest_first()
        .map(|event| event.seq)
        .collect()
}

fn append(after: i64, last: i64) -> Append {
    Append {
        after,
        truncated: false,
        entries: entries(after + 1..=last),
    }
}

fn snapshot(first: i64, last_seq: i64) -> Snapshot {
    Snapshot {
        last_seq,
        entries: entries(first..=last_seq),
    }
}

/// A follower that has caught up with a log of this length.
fn caught_up(last_seq: i64) -> Follower {
    let mut follower = Follower::restore(None);
    let delivery = follower.apply_snapshot(&snapshot(1, last_seq)).unwrap();
    assert_eq!(delivery, Delivery::default());
    follower
}

fn delivered(delivery: serde_json::Result<Delivery>) -> Vec<i64> {
    seqs(&delivery.unwrap().events)
}

#[test]
fn only_entries_that_continue_the_log_without_a_gap_are_delivered() {
    let mut follower = caught_up(5);
    assert_eq!(delivered(follower.append(&append(5, 7))), [6, 7]);
    assert_eq!(delivered(follower.append(&append(5, 8))), [8]);
    assert_eq!(delivered(follower.append(&append(5, 7))), NONE);
    assert_eq!(delivered(follower.append(&append(9, 10))), NONE);
    assert_eq!(follower.position(), Some(8));
    assert_eq!(log_of(&follower), [1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn a_follower_that_wakes_needs_a_snapshot_and_delivers_what_it_missed() {
    let mut follower = Follower::restore(Some(5));
    assert!(follower.needs_snapshot(None, false));
    assert_eq!(delivered(follower.append(&append(5, 6))), [6]);
    assert_eq!(delivered(follower.apply_snapshot(&snapshot(1, 8))), [7, 8]);
    assert_eq!(log_of(&follower), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert!(!follower.needs_snapshot(None, false));
}

#[test]
fn entries_appended_before_an_older_snapshot_arrives_are_delivered_once() {
    let mut follower = Follower::restore(None);
    assert_eq!(delivered(follower.append(&append(3, 4))), [4]);
    assert_eq!(delivered(follower.apply_snapshot(&snapshot(1, 3))), NONE);
    assert_eq!(log_of(&follower), [1, 2, 3, 4]);
}

#[test]
fn a_snapshot_that_starts_after_a_gap_does_not_advance_the_position() {
    let mut follower = Follower::restore(Some(2));
    assert_eq!(delivered(follower.apply_snapshot(&snapshot(5, 9))), NONE);
    assert_eq!(follower.position(), Some(2));
    assert!(follower.needs_snapshot(None, true), "the log is incomplete");
    assert_eq!(
        delivered(follower.append(&append(2, 9))),
        [3, 4, 5, 6, 7, 8, 9]
    );
    assert_eq!(delivered(follower.apply_snapshot(&snapshot(5, 9))), NONE);
    assert!(!follower.needs_snapshot(None, true));
}

#[test]
fn an_append_from_a_truncated_log_reports_a_gap_to_a_follower_that_lags() {
    let mut follower = caught_up(5);
    let truncated = Append {
        truncated: true,
        ..append(9, 11)
    };
    let delivery = follower.append(&truncated).unwrap();
    assert!(delivery.has_gap);
    assert_eq!(follower.position(), Some(11));
    assert_eq!(log_of(&follower), [10, 11]);
    assert!(!caught_up(9).append(&truncated).unwrap().has_gap);
}

#[test]
fn a_follower_that_wakes_ahead_of_the_leader_restarts_at_the_leader_s_position() {
    for last_seq in [0, 3] {
        let mut follower = Follower::restore(Some(500));
        assert_eq!(delivered(follower.append(&append(0, last_seq))), NONE);
        let delivery = follower.apply_snapshot(&snapshot(1, last_seq)).unwrap();
        assert_eq!((delivery.has_gap, seqs(&delivery.events)), (true, vec![]));
        assert!(!follower.needs_snapshot(None, false));
        assert_eq!(follower.unpersisted(true), Some(last_seq));
        follower.mark_persisted();
        let next = append(last_seq, last_seq + 1);
        assert_eq!(delivered(follower.append(&next)), [last_seq + 1]);
    }
}

#[test]
fn an_unknown_last_event_needs_one_snapshot() {
    let follower = caught_up(5);
    assert!(!follower.needs_snapshot(None, false));
    assert!(!follower.needs_snapshot(Some("3"), false));
    assert!(follower.needs_snapshot(Some("8"), false));
    assert!(!follower.needs_snapshot(Some("8"), true));
}

#[test]
fn a_follower_that_has_left_does_not_deliver_later_entries() {
    let mut follower = caught_up(5);
    follower.leave();
    assert!(follower.needs_snapshot(None, false));
    assert_eq!(delivered(follower.apply_snapshot(&snapshot(1, 9))), NONE);
    assert_eq!(follower.position(), Some(9));
}

#[test]
fn the_position_is_persisted_for_every_receiver_and_otherwise_every_fifty_events() {
    let mut follower = caught_up(5);
    assert_eq!(follower.unpersisted(true), Some(5));
    follower.mark_persisted();
    assert_eq!(follower.unpersisted(true), None);
    delivered(follower.append(&append(5, 54)));
    assert_eq!(
        (follower.unpersisted(false), follower.unpersisted(true)),
        (None, Some(54))
    );
    delivered(follower.append(&append(54, 55)));
    assert_eq!(follower.unpersisted(false), Some(55));
    follower.mark_persisted();
    assert_eq!(follower.unpersisted(false), None);
}

#[test]
fn an_entry_that_cannot_be_parsed_leaves_the_follower_unchanged() {
    let mut follower = caught_up(5);
    let mut broken = append(5, 7);
    broken.entries[1].event = "{}".into();
    assert!(follower.append(&broken).is_err());
    assert_eq!(follower.position(), Some(5));
}

/// The fate of a message on the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Arrives,
    Lost,
    AcknowledgementLost,
    ArrivesTwice,
}

#[derive(Clone, Debug)]
enum Move {
    Publish(u8),
    Append(Fate),
    /// The follower requests a snapshot; the response is in flight.
    RequestSnapshot,
    /// The snapshot arrives, and a subscriber is admitted.
    Admit,
    AllLeave,
    FollowerWakes,
    LeaderWakes,
}

fn moves() -> impl Strategy<Value = Move> {
    let fate = prop_oneof![
        4 => Just(Fate::Arrives),
        1 => Just(Fate::Lost),
        1 => Just(Fate::AcknowledgementLost),
        1 => Just(Fate::ArrivesTwice),
    ];
    prop_oneof![
        3 => (0_u8..6).prop_map(Move::Publish),
        6 => fate.prop_map(Move::Append),
        2 => Just(Move::RequestSnapshot),
        3 => Just(Move::Admit),
        1 => Just(Move::AllLeave),
        1 => Just(Move::FollowerWakes),
        1 => Just(Move::LeaderWakes),
    ]
}

/// Subscribers receive only events with even sequence numbers.
fn is_received(seq: &i64) -> bool {
    seq % 2 == 0
}

/// A subscriber, and the events that it has received.
struct Subscriber {
    admitted_at: i64,
    received: Vec<i64>,
}

struct World {
    /// The sequence number of the leader's latest event.
    last_seq: i64,
    /// Whether the leader has the follower on disk.
    is_registered: bool,
    followers: Followers,
    follower: Follower,
    /// The position that the follower has on disk.
    disk: Option<i64>,
    /// The snapshot in flight.
    snapshot: Option<Snapshot>,
    subscribers: Vec<Subscriber>,
}

impl World {
    fn new() -> Self {
        Self {
            last_seq: 0,
            is_registered: false,
            followers: Followers::default(),
            follower: Follower::restore(None),
            disk: None,
            snapshot: None,
            subscribers: Vec::new(),
        }
    }

    fn deliver(&mut self, delivery: Delivery) {
        assert!(!delivery.has_gap, "the leader has deleted nothing");
        let events: Vec<i64> = seqs(&delivery.events)
            .into_iter()
            .filter(is_received)
            .collect();
        self.persist(!events.is_empty() && !self.subscribers.is_empty());
        for subscriber in &mut self.subscribers {
            subscriber.received.extend(&events);
        }
    }

    fn persist(&mut self, has_receiver: bool) {
        if let Some(position) = self.follower.unpersisted(has_receiver) {
            self.disk = Some(position);
            self.follower.mark_persisted();
        }
    }

    /// An append arrives at the follower.
    fn arrive(&mut self, append: &Append) -> Acknowledgement {
        let delivery = self.follower.append(append).unwrap();
        self.deliver(delivery);
        let position = self.follower.position().unwrap_or_default();
        let leaves = self.subscribers.is_empty() && self.snapshot.is_none();
        if leaves {
            self.follower.leave();
            self.disk = None;
        }
        Acknowledgement {
            position: (!leaves).then_some(position),
        }
    }

    fn next_append(&self) -> Option<(AppendCursor, Append)> {
        let cursor = self.followers.cursor(FOLLOWER)?;
        let entries = entries((cursor.after + 1..=self.last_seq).take(MAX_ENTRIES));
        let is_needed = cursor.unconfirmed || !entries.is_empty();
        is_needed.then_some((
            cursor,
            Append {
                after: cursor.after,
                truncated: false,
                entries,
            },
        ))
    }

    /// Sends an append. Returns whether there was anything to send.
    fn send_append(&mut self, fate: Fate) -> bool {
        let Some((cursor, append)) = self.next_append() else {
            return false;
        };
        if fate == Fate::ArrivesTwice {
            let _lost = self.arrive(&append);
        }
        let acknowledgement = (fate != Fate::Lost).then(|| self.arrive(&append));
        match acknowledgement.filter(|_| fate != Fate::AcknowledgementLost) {
            None => self.followers.mark_unconfirmed(FOLLOWER),
            Some(acknowledgement) => {
                let outcome =
                    self.followers
                        .acknowledge(FOLLOWER, cursor, &append, &acknowledgement);
                self.is_registered = self.followers.contains(FOLLOWER);
                assert_eq!(outcome == AckOutcome::Unregistered, !self.is_registered);
            }
        }
        true
    }

    fn make(&mut self, next: &Move) {
        match next {
            Move::Publish(count) => self.last_seq += i64::from(*count),
            Move::Append(fate) => {
                self.send_append(*fate);
            }
            Move::RequestSnapshot => {
                if self.snapshot.is_none() && self.follower.needs_snapshot(None, false) {
                    self.is_registered = true;
                    self.followers.register(FOLLOWER, self.last_seq);
                    let oldest = (self.last_seq - 99).max(1);
                    self.snapshot = Some(snapshot(oldest, self.last_seq));
                }
            }
            Move::Admit => self.admit(),
            Move::AllLeave => self.subscribers.clear(),
            Move::FollowerWakes => {
                self.follower = Follower::restore(self.disk);
                self.snapshot = None;
            }
            Move::LeaderWakes => {
                let registered = self.is_registered.then_some(FOLLOWER);
                self.followers = Followers::restore(registered, self.last_seq);
            }
        }
    }

    fn admit(&mut self) {
        if let Some(snapshot) = self.snapshot.take() {
            let delivery = self.follower.apply_snapshot(&snapshot).unwrap();
            self.deliver(delivery);
        }
        if self.follower.needs_snapshot(None, false) {
            return;
        }
        self.persist(true);
        let position = self.follower.position().unwrap();
        assert_eq!(
            self.follower.log().last_seq(),
            position,
            "the replay ends at the position"
        );
        let log = log_of(&self.follower);
        assert!(log.windows(2).all(|pair| pair[0] + 1 == pair[1]));
        self.subscribers.push(Subscriber {
            admitted_at: position,
            received: Vec::new(),
        });
    }

    /// The events that a subscriber must have received by now.
    fn expected(&self, subscriber: &Subscriber) -> Vec<i64> {
        (subscriber.admitted_at + 1..=self.last_seq)
            .filter(is_received)
            .collect()
    }
}

proptest! {
    #[test]
    fn every_subscriber_receives_every_event_once_and_in_order_whatever_is_lost_or_repeated(
        moves in proptest::collection::vec(moves(), 0..80)
    ) {
        let mut world = World::new();
        for next in &moves {
            world.make(next);
            for subscriber in &world.subscribers {
                let expected = world.expected(subscriber);
                prop_assert_eq!(&subscriber.received, &expected[..subscriber.received.len()]);
            }
        }
        // The leader's alarm appends until the follower has acknowledged everything.
        world.snapshot = None;
        let mut rounds = 0;
        while world.send_append(Fate::Arrives) {
            rounds += 1;
            prop_assert!(rounds < 1000, "the leader finishes");
        }
        prop_assert!(world.followers.min_acked() >= world.last_seq);
        for subscriber in &world.subscribers {
            prop_assert_eq!(&subscriber.received, &world.expected(subscriber));
        }
    }
}
