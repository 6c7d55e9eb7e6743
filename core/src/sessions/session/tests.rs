use proptest::prelude::*;

use super::*;
use crate::sessions::slow_consumer::MAX_BUFFERED_BYTES;
use crate::{
    error::TokenError,
    events::event_log::{EventLog, StoredEvent},
    tokens::access_token::AccessToken,
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000).plus_seconds(seconds)
}

fn token(sub: &str, scope: &str, exp: i64) -> Result<AccessToken, ApiError> {
    let token = format!(
        r#"{{"sub":"{sub}","expires_at":{},"claims":{{"sub":"{sub}","scope":"{scope}"}}}}"#,
        at(exp).as_millis()
    );
    Ok(serde_json::from_str(&token).unwrap_or_else(|error| panic!("{error}: {token}")))
}

fn log(users: &[&str]) -> EventLog {
    let mut log = EventLog::default();
    for (number, user) in users.iter().enumerate() {
        log.push(StoredEvent {
            seq: number as i64 + 1,
            id: number.to_string(),
            user_id: (*user).to_owned(),
            json: format!("{number}:{user}"),
        });
    }
    log
}

/// What is to be done, in short.
fn told(effects: &[Effect<'_>]) -> Vec<String> {
    effects
        .iter()
        .map(|effect| match effect {
            Effect::Send(message) => serde_json::to_value(message)
                .ok()
                .and_then(|json| {
                    let word = |field| Some(json.get(field)?.as_str()?.to_owned());
                    word("error").or_else(|| word("type"))
                })
                .unwrap_or_default(),
            Effect::Reject(fault) => fault.code().to_owned(),
            Effect::Deliver(json) => (*json).to_owned(),
            Effect::Close(fault) => format!("close {}", fault.close_code()),
        })
        .collect()
}

fn outcome(received: &Received) -> Vec<String> {
    match received {
        Received::Verify { .. } => vec!["verify".to_owned()],
        Received::Done(effects) => told(effects),
    }
}

/// What is to be done at once. After so many closings, no token is verified.
fn done(received: Received, closings: usize) -> Vec<Effect<'static>> {
    match received {
        Received::Verify { .. } => {
            assert_eq!(closings, 0, "a token was taken after the end");
            Vec::new()
        }
        Received::Done(effects) => effects,
    }
}

fn listening(scope: &str, exp: i64) -> Session {
    let mut session = Session::new(7, at(0));
    session.authenticate(&token("me", scope, exp), None, &log(&[]), at(1));
    session
}

fn say(session: &mut Session, text: &str, now: i64) -> Vec<String> {
    outcome(&session.receive(Incoming::Text(text), at(now)))
}

#[test]
fn a_token_that_ended_while_it_was_waited_for_hears_nothing() {
    let mut session = Session::new(7, at(0));
    let (token, log) = (token("me", "listen:events", 5), log(&["me", "you"]));
    let effects = session.authenticate(&token, Some("none"), &log, at(5));
    assert_eq!(told(&effects), ["close 4419"]);
}

#[test]
fn nobody_gets_an_event_before_a_token_was_verified() {
    let session = Session::new(7, at(0));
    assert!(!session.receives("me", at(1)));
    let connection = serde_json::to_string(&session.connection()).unwrap_or_default();
    assert_eq!(
        connection,
        r#"{"connected_on":"2023-11-14T22:13:20.000Z","terminated":false}"#
    );
}

#[test]
fn a_listener_to_its_own_events_gets_no_other() {
    let session = listening("listen:events:self", 100);
    assert!(session.receives("me", at(2)));
    assert!(!session.receives("you", at(2)));
    assert!(!session.receives("", at(2)));
}

#[test]
fn a_listener_to_all_events_gets_everybody_s() {
    assert!(listening("listen:events", 100).receives("you", at(2)));
}

#[test]
fn no_event_goes_out_once_the_token_has_expired() {
    let session = listening("listen:events", 100);
    assert!(session.receives("you", at(99)));
    assert!(!session.receives("you", at(100)));
}

#[test]
fn whoever_does_not_authenticate_in_ten_seconds_is_closed() {
    let mut session = Session::new(7, at(0));
    assert_eq!(session.due(), Some(at(10)));
    assert!(session.tick(at(9)).is_none());
    let closed: Vec<_> = session.tick(at(10)).into_iter().collect();
    assert_eq!(told(&closed), ["close 4408"]);
    assert!(session.tick(at(11)).is_none());
    assert_eq!(session.due(), None);
    assert!(session.connection().is_none());
}

#[test]
fn at_the_token_s_end_the_socket_is_closed() {
    let mut session = listening("listen:events", 100);
    assert_eq!(session.due(), Some(at(100)));
    assert!(session.tick(at(99)).is_none());
    let closed: Vec<_> = session.tick(at(100)).into_iter().collect();
    assert_eq!(told(&closed), ["close 4419"]);
    let (renewed, log) = (token("me", "listen:events", 200), log(&[]));
    let after = session.authenticate(&renewed, None, &log, at(100));
    assert!(after.is_empty());
}

#[test]
fn time_is_up_even_when_the_alarm_is_late() {
    let mut late = Session::new(7, at(0));
    let good = token("me", "listen:events", 100);
    assert_eq!(
        told(&late.authenticate(&good, None, &log(&[]), at(10))),
        ["close 4408"]
    );
    let mut expired = listening("listen:events", 100);
    assert_eq!(say(&mut expired, r#"{"type":"ping"}"#, 100), ["close 4419"]);
}

#[test]
fn the_first_token_brings_the_replay_and_a_later_one_only_replaces_it() {
    let log = log(&["me", "you", "me"]);
    let mut session = Session::new(7, at(0));
    let first = token("me", "listen:events:self", 100);
    assert_eq!(
        told(&session.authenticate(&first, Some("0"), &log, at(1))),
        ["authenticated", "2:me"]
    );
    let second = token("me", "listen:events", 200);
    assert_eq!(
        told(&session.authenticate(&second, Some("0"), &log, at(2))),
        ["authenticated"]
    );
    assert_eq!(session.due(), Some(at(200)));
    assert!(session.receives("you", at(150)));
}

#[test]
fn what_is_said_on_authentication_is_what_the_token_says() {
    let mut session = Session::new(7, at(0));
    let (good, log) = (token("me", "listen:events", 100), log(&[]));
    let effects = session.authenticate(&good, Some("gone"), &log, at(1));
    let Some(Effect::Send(message)) = effects.first() else {
        panic!("{effects:?}")
    };
    assert_eq!(
        serde_json::to_string(message).unwrap_or_default(),
        r#"{"type":"authenticated","sub":"me","filter":"*","claims":{"scope":"listen:events","sub":"me"},"expires_at":"2023-11-14T22:15:00.000Z","recovered":false}"#
    );
}

#[test]
fn a_token_that_is_not_taken_closes_the_socket_whether_it_listened_or_not() {
    for mut session in [Session::new(7, at(0)), listening("listen:events", 100)] {
        let bad = Err(ApiError::from(TokenError::Signature));
        assert_eq!(
            told(&session.authenticate(&bad, None, &log(&[]), at(2))),
            ["invalid_token", "close 4401"]
        );
        assert!(!session.receives("me", at(3)));
    }
    for (outcome, expected) in [
        (
            token("me", "listen:events:selfish xlisten:events", 100),
            ["insufficient_scope", "close 4403"],
        ),
        (
            Err(ApiError::TemporarilyUnavailable),
            ["temporarily_unavailable", "close 1013"],
        ),
    ] {
        let mut session = Session::new(7, at(0));
        assert_eq!(
            told(&session.authenticate(&outcome, None, &log(&[]), at(2))),
            expected
        );
    }
}

#[test]
fn the_tenth_message_that_is_not_understood_closes_the_socket() {
    let mut session = listening("listen:events", 100);
    for _ in 0..9 {
        assert_eq!(say(&mut session, "what?", 2), ["invalid_message"]);
        assert_eq!(say(&mut session, r#"{"type": "ping"}"#, 2), ["pong"]);
    }
    let tenth = session.receive(Incoming::Unread(3), at(2));
    assert_eq!(outcome(&tenth), ["invalid_message", "close 4400"]);
    assert!(say(&mut session, "hello?", 2).is_empty());
}

#[test]
fn a_message_has_at_most_16_kib() {
    let padded = |length: usize| format!(r#"{{"type":"ping"}}{}"#, " ".repeat(length - 15));
    assert_eq!(
        say(&mut Session::new(7, at(0)), &padded(16 * 1024), 1),
        ["pong"]
    );
    assert_eq!(
        say(&mut Session::new(7, at(0)), &padded(16 * 1024 + 1), 1),
        ["close 1009"]
    );
    let unread = Session::new(7, at(0)).receive(Incoming::Unread(16 * 1024 + 1), at(1));
    assert_eq!(outcome(&unread), ["close 1009"]);
    let letters = "é".repeat(8 * 1024 + 1);
    assert_eq!(
        say(&mut Session::new(7, at(0)), &letters, 1),
        ["close 1009"]
    );
}

#[test]
fn a_session_outlives_hibernation_as_it_was() {
    let mut session = listening("listen:events:self", 100);
    say(&mut session, "what?", 2);
    let attachment = serde_json::to_string(&session).unwrap_or_default();
    assert_eq!(serde_json::from_str(&attachment).ok(), Some(session));
}

#[derive(Clone, Debug)]
enum Step {
    Wait(i64),
    Say(String),
    Binary(usize),
    Token {
        own: bool,
        all: bool,
        lives: i64,
        last: Option<u8>,
    },
    BadToken,
    Tick,
    Event(bool),
    End,
    Hibernate,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0_i64..8).prop_map(Step::Wait),
        prop_oneof![
            Just(r#"{"type":"ping"}"#.to_owned()),
            Just(r#"{"type":"authenticate","access_token":"x"}"#.to_owned()),
            any::<String>(),
            Just("x".repeat(MAX_MESSAGE_BYTES + 1)),
        ]
        .prop_map(Step::Say),
        (0_usize..20_000).prop_map(Step::Binary),
        (
            any::<bool>(),
            any::<bool>(),
            -2_i64..30,
            any::<Option<u8>>()
        )
            .prop_map(|(own, all, lives, last)| Step::Token {
                own,
                all,
                lives,
                last
            }),
        Just(Step::BadToken),
        Just(Step::Tick),
        any::<bool>().prop_map(Step::Event),
        Just(Step::End),
        Just(Step::Hibernate),
    ]
}

proptest! {
    #[test]
    fn whatever_comes_nobody_hears_what_it_may_not_and_nothing_closes_twice(
        steps in proptest::collection::vec(step(), 0..60)
    ) {
        let log = log(&["me", "you", "me"]);
        let mut session = Session::new(7, at(0));
        let mut now = 0;
        let mut closings = 0;
        // What a listener may do, kept apart from the session: until when, and whether all.
        let mut allowed: Option<(i64, bool)> = None;
        for step in steps {
            let outcome;
            let effects: Vec<Effect<'_>> = match &step {
                Step::Wait(seconds) => {
                    now += seconds;
                    continue;
                }
                Step::Hibernate => {
                    let attachment = serde_json::to_string(&session).unwrap_or_default();
                    prop_assert!(attachment.len() < 16_384);
                    let woken = serde_json::from_str(&attachment).ok();
                    prop_assert_eq!(woken.as_ref(), Some(&session));
                    continue;
                }
                Step::End => {
                    session.end();
                    closings = closings.max(1);
                    allowed = None;
                    prop_assert_eq!(session.due(), None);
                    continue;
                }
                Step::Event(mine) => {
                    let user = if *mine { "me" } else { "you" };
                    let may = closings == 0
                        && allowed.is_some_and(|(until, all)| now < until && (all || *mine));
                    prop_assert_eq!(session.receives(user, at(now)), may);
                    continue;
                }
                Step::Say(text) => done(session.receive(Incoming::Text(text), at(now)), closings),
                Step::Binary(length) => done(session.receive(Incoming::Unread(*length), at(now)), closings),
                Step::Tick => session.tick(at(now)).into_iter().collect(),
                Step::BadToken => {
                    outcome = Err(ApiError::from(TokenError::Signature));
                    session.authenticate(&outcome, None, &log, at(now))
                }
                Step::Token { own, all, lives, last } => {
                    let scope = match (own, all) {
                        (true, true) => "listen:events listen:events:self",
                        (true, false) => "listen:events:self",
                        (false, true) => "listen:events",
                        (false, false) => "openid",
                    };
                    outcome = token("me", scope, now + lives);
                    let last = last.map(|last| last.to_string());
                    let effects = session.authenticate(&outcome, last.as_deref(), &log, at(now));
                    if told(&effects).first().is_some_and(|first| first == "authenticated") {
                        prop_assert!(*own || *all);
                        allowed = Some((now + lives, !own));
                    }
                    effects
                }
            };
            if closings > 0 {
                prop_assert!(effects.is_empty(), "{step:?} did something after the end");
            }
            for effect in &effects {
                match effect {
                    Effect::Close(_) => closings += 1,
                    Effect::Deliver(json) => {
                        let all = allowed.is_some_and(|(_, all)| all);
                        prop_assert!(all || json.ends_with(":me"), "{json}");
                    }
                    _ => prop_assert_eq!(closings, 0, "something was sent after closing"),
                }
            }
            prop_assert!(closings <= 1);
            prop_assert_eq!(session.connection().is_none(), closings > 0);
        }
    }
}

#[test]
fn a_socket_that_does_not_read_is_closed_when_it_was_behind_for_five_seconds() {
    let mut session = Session::new(0, at(0));
    assert!(!session.needs_backlog_update(MAX_BUFFERED_BYTES));
    assert!(session.needs_backlog_update(MAX_BUFFERED_BYTES + 1));
    let mut closed = |bytes, seconds| session.record_backlog(bytes, at(seconds)).is_some();
    assert!(!closed(MAX_BUFFERED_BYTES + 1, 0));
    assert!(!closed(u32::MAX, 4));
    assert!(!closed(MAX_BUFFERED_BYTES, 5), "it has read");
    assert!(!closed(MAX_BUFFERED_BYTES + 1, 6));
    assert!(!closed(MAX_BUFFERED_BYTES + 1, 10));
    assert!(closed(MAX_BUFFERED_BYTES + 1, 11));
    assert!(!closed(u32::MAX, 99), "once");
    assert_eq!(session.due(), None);
}
