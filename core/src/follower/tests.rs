//! A root and a shard with a channel between them that loses, repeats and holds up what it likes,
//! and both of them thrown out of memory at any time.

use proptest::prelude::*;

use super::*;
use crate::shards::{Place, Shards};

const SHARD: u16 = 1;
const NONE: [i64; 0] = [];
/// How many events the root sends at once here.
const AT_ONCE: usize = 3;

fn event(seq: i64) -> NumberedEvent {
    let json = format!(
        r#"{{"id":"{seq}","type":"logout","date":"2026-11-24T22:52:49.000Z","user_id":"auth0|{seq}"}}"#
    );
    (seq, json)
}

fn events(range: impl Iterator<Item = i64>) -> Vec<NumberedEvent> {
    range.map(event).collect()
}

fn numbers(events: &[KeptEvent]) -> Vec<i64> {
    events.iter().map(|event| event.seq).collect()
}

fn replay(follower: &Follower) -> Vec<i64> {
    follower
        .log()
        .oldest_first()
        .map(|event| event.seq)
        .collect()
}

fn relay(after: i64, to: i64) -> Relay {
    Relay {
        after,
        gone: false,
        events: events(after + 1..=to),
    }
}

fn followed(from: i64, newest: i64) -> Followed {
    Followed {
        newest,
        events: events(from..=newest),
    }
}

/// A shard that has been told of all up to here.
fn following(newest: i64) -> Follower {
    let mut follower = Follower::new(None);
    let step = follower.followed(&followed(1, newest)).unwrap();
    assert_eq!(step, Step::default());
    follower
}

fn news(step: Result<Step, serde_json::Error>) -> Vec<i64> {
    numbers(&step.unwrap().news)
}

#[test]
fn what_goes_on_from_where_it_stands_is_news_and_nothing_else_is() {
    let mut follower = following(5);
    assert_eq!(news(follower.relayed(&relay(5, 7))), [6, 7]);
    assert_eq!(news(follower.relayed(&relay(5, 8))), [8]);
    assert_eq!(news(follower.relayed(&relay(5, 7))), NONE);
    assert_eq!(news(follower.relayed(&relay(9, 10))), NONE);
    assert_eq!(follower.position(), Some(8));
    assert_eq!(replay(&follower), [1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn one_that_wakes_asks_and_is_told_of_what_it_missed() {
    let mut follower = Follower::new(Some(5));
    assert!(follower.must_ask(None, false));
    assert_eq!(news(follower.relayed(&relay(5, 6))), [6]);
    assert_eq!(news(follower.followed(&followed(1, 8))), [7, 8]);
    assert_eq!(replay(&follower), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert!(!follower.must_ask(None, false));
}

#[test]
fn what_the_root_hands_on_while_it_answers_is_neither_lost_nor_doubled() {
    let mut follower = Follower::new(None);
    assert_eq!(news(follower.relayed(&relay(3, 4))), [4]);
    assert_eq!(news(follower.followed(&followed(1, 3))), NONE);
    assert_eq!(replay(&follower), [1, 2, 3, 4]);
}

#[test]
fn an_answer_that_leaves_a_gap_is_taken_up_to_the_gap() {
    let mut follower = Follower::new(Some(2));
    assert_eq!(news(follower.followed(&followed(5, 9))), NONE);
    assert_eq!(follower.position(), Some(2));
    assert_eq!(news(follower.relayed(&relay(2, 9))), [3, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn listeners_are_displaced_where_the_root_no_longer_has_what_they_lack() {
    let mut follower = following(5);
    let gone = Relay {
        gone: true,
        ..relay(9, 11)
    };
    let step = follower.relayed(&gone).unwrap();
    assert!(step.missed);
    assert_eq!(follower.position(), Some(11));
    assert_eq!(replay(&follower), [10, 11]);
    assert!(!following(9).relayed(&gone).unwrap().missed);
}

#[test]
fn one_that_wakes_begins_anew_with_a_root_that_has_lost_what_it_had() {
    for newest in [0, 3] {
        let mut follower = Follower::new(Some(500));
        assert_eq!(news(follower.relayed(&relay(0, newest))), NONE);
        let step = follower.followed(&followed(1, newest)).unwrap();
        assert_eq!((step.missed, numbers(&step.news)), (true, vec![]));
        assert!(!follower.must_ask(None, false));
        assert_eq!(follower.to_keep(true), Some(newest));
        follower.keep();
        let next = relay(newest, newest + 1);
        assert_eq!(news(follower.relayed(&next)), [newest + 1]);
    }
}

#[test]
fn the_root_is_asked_once_for_an_event_that_a_listener_names_and_the_shard_does_not_know() {
    let follower = following(5);
    assert!(!follower.must_ask(None, false));
    assert!(!follower.must_ask(Some("3"), false));
    assert!(follower.must_ask(Some("8"), false));
    assert!(!follower.must_ask(Some("8"), true));
}

#[test]
fn one_that_has_left_is_owed_nothing_of_what_came_meanwhile() {
    let mut follower = following(5);
    follower.leave();
    assert!(follower.must_ask(None, false));
    assert_eq!(news(follower.followed(&followed(1, 9))), NONE);
    assert_eq!(follower.position(), Some(9));
}

#[test]
fn the_position_is_kept_where_somebody_hears_and_now_and_then() {
    let mut follower = following(5);
    assert_eq!(follower.to_keep(true), Some(5));
    follower.keep();
    assert_eq!(follower.to_keep(true), None);
    news(follower.relayed(&relay(5, 54)));
    assert_eq!(
        (follower.to_keep(false), follower.to_keep(true)),
        (None, Some(54))
    );
    news(follower.relayed(&relay(54, 55)));
    assert_eq!(follower.to_keep(false), Some(55));
    follower.keep();
    assert_eq!(follower.to_keep(false), None);
}

#[test]
fn an_event_that_cannot_be_read_moves_nothing() {
    let mut follower = following(5);
    let mut broken = relay(5, 7);
    broken.events[1].1 = "{}".into();
    assert!(follower.relayed(&broken).is_err());
    assert_eq!(follower.position(), Some(5));
}

/// What becomes of something that is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Arrives,
    Lost,
    AnswerLost,
    ArrivesTwice,
}

#[derive(Clone, Debug)]
enum Move {
    Publish(u8),
    HandOn(Fate),
    /// The shard asks; the answer is on its way.
    Ask,
    /// The answer comes, and somebody becomes a listener.
    Join,
    AllLeave,
    ShardWakes,
    RootWakes,
}

fn moves() -> impl Strategy<Value = Move> {
    let fate = prop_oneof![
        4 => Just(Fate::Arrives),
        1 => Just(Fate::Lost),
        1 => Just(Fate::AnswerLost),
        1 => Just(Fate::ArrivesTwice),
    ];
    prop_oneof![
        3 => (0_u8..6).prop_map(Move::Publish),
        6 => fate.prop_map(Move::HandOn),
        2 => Just(Move::Ask),
        3 => Just(Move::Join),
        1 => Just(Move::AllLeave),
        1 => Just(Move::ShardWakes),
        1 => Just(Move::RootWakes),
    ]
}

fn is_seen(seq: &i64) -> bool {
    seq % 2 == 0
}

struct World {
    newest: i64,
    /// Whether the root has the shard on disk.
    known: bool,
    shards: Shards,
    follower: Follower,
    /// The position that the shard has on disk.
    disk: Option<i64>,
    /// The root's answer, under way.
    answer: Option<Followed>,
    /// What each listener has heard, after the number that it had been told of when it joined.
    heard: Vec<(i64, Vec<i64>)>,
}

impl World {
    fn new() -> Self {
        Self {
            newest: 0,
            known: false,
            shards: Shards::default(),
            follower: Follower::new(None),
            disk: None,
            answer: None,
            heard: Vec::new(),
        }
    }

    /// Only events with even numbers may be seen.
    fn send(&mut self, step: Step) {
        assert!(!step.missed, "nothing was let go of");
        let seen: Vec<i64> = numbers(&step.news).into_iter().filter(is_seen).collect();
        self.keep(!seen.is_empty() && !self.heard.is_empty());
        for (_, heard) in &mut self.heard {
            heard.extend(&seen);
        }
    }

    fn keep(&mut self, somebody: bool) {
        if let Some(position) = self.follower.to_keep(somebody) {
            self.disk = Some(position);
            self.follower.keep();
        }
    }

    fn arrive(&mut self, relay: &Relay) -> RelayReceipt {
        let step = self.follower.relayed(relay).unwrap();
        self.send(step);
        let position = self.follower.position().unwrap_or_default();
        let leaves = self.heard.is_empty() && self.answer.is_none();
        if leaves {
            self.follower.leave();
            self.disk = None;
        }
        RelayReceipt {
            position: (!leaves).then_some(position),
        }
    }

    fn next(&self) -> Option<(Place, Relay)> {
        let place = self.shards.place(SHARD)?;
        let events = events((place.after + 1..=self.newest).take(AT_ONCE));
        let needed = place.guessed || !events.is_empty();
        needed.then_some((
            place,
            Relay {
                after: place.after,
                gone: false,
                events,
            },
        ))
    }

    /// Hands something on, and yields whether there was anything to hand on.
    fn hand_on(&mut self, fate: Fate) -> bool {
        let Some((place, relay)) = self.next() else {
            return false;
        };
        if fate == Fate::ArrivesTwice {
            let _lost = self.arrive(&relay);
        }
        let receipt = (fate != Fate::Lost).then(|| self.arrive(&relay));
        match receipt.filter(|_| fate != Fate::AnswerLost) {
            None => self.shards.failed(SHARD),
            Some(receipt) => {
                self.shards.answered(SHARD, place, &relay, &receipt);
                self.known = self.shards.contains(SHARD);
            }
        }
        true
    }

    fn make(&mut self, next: &Move) {
        match next {
            Move::Publish(count) => self.newest += i64::from(*count),
            Move::HandOn(fate) => {
                self.hand_on(*fate);
            }
            Move::Ask => {
                if self.answer.is_none() && self.follower.must_ask(None, false) {
                    self.known = true;
                    self.shards.ask(SHARD, self.newest);
                    let oldest = (self.newest - 99).max(1);
                    self.answer = Some(followed(oldest, self.newest));
                }
            }
            Move::Join => {
                if let Some(answer) = self.answer.take() {
                    let step = self.follower.followed(&answer).unwrap();
                    self.send(step);
                }
                if !self.follower.must_ask(None, false) {
                    self.keep(true);
                    let position = self.follower.position().unwrap();
                    assert_eq!(
                        self.follower.log().newest(),
                        position,
                        "the replay is whole"
                    );
                    let replay = replay(&self.follower);
                    assert!(replay.windows(2).all(|two| two[0] + 1 == two[1]));
                    self.heard.push((position, Vec::new()));
                }
            }
            Move::AllLeave => self.heard.clear(),
            Move::ShardWakes => {
                self.follower = Follower::new(self.disk);
                self.answer = None;
            }
            Move::RootWakes => {
                let numbers = self.known.then_some(SHARD);
                self.shards = Shards::new(numbers, self.newest);
            }
        }
    }
}

proptest! {
    #[test]
    fn whatever_is_lost_repeated_or_forgotten_each_listener_hears_all_once_and_in_order(
        moves in proptest::collection::vec(moves(), 0..80)
    ) {
        let mut world = World::new();
        for next in &moves {
            world.make(next);
            for (joined, heard) in &world.heard {
                let so_far: Vec<i64> = (joined + 1..).filter(is_seen).take(heard.len()).collect();
                prop_assert_eq!(heard, &so_far);
            }
        }
        // In the end the alarm goes on until the shard has all.
        world.answer = None;
        let mut rounds = 0;
        while world.hand_on(Fate::Arrives) {
            rounds += 1;
            prop_assert!(rounds < 1000, "it comes to an end");
        }
        prop_assert!(world.shards.all_have() >= world.newest);
        for (joined, heard) in &world.heard {
            let all = (joined + 1..=world.newest).filter(is_seen).count();
            prop_assert_eq!(heard.len(), all);
        }
    }
}
