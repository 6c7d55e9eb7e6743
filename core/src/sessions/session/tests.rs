use base64ct::{Base64UrlUnpadded, Encoding};
use proptest::prelude::*;

use super::*;
use crate::sessions::slow_consumer::MAX_BUFFERED_BYTES;
use crate::{
    error::TokenError,
    events::event_log::{EventLog, StoredEvent},
    tokens::access_token::{AccessToken, TokenDigest},
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000).plus_seconds(seconds)
}

fn token(sub: &str, scope: &str, exp: i64) -> Result<AccessToken> {
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

/// Returns one word per effect: the error code or type of a message, the event, or the close code.
fn summarize(effects: &[Effect<'_>]) -> Vec<String> {
    effects
        .iter()
        .map(|effect| match effect {
            Effect::Send(message) => serde_json::to_value(message)
                .ok()
                .and_then(|json| {
                    let member = |field| Some(json.get(field)?.as_str()?.to_owned());
                    member("error").or_else(|| member("type"))
                })
                .unwrap_or_default(),
            Effect::Reject(error) => error.code().to_owned(),
            Effect::Deliver(json) => (*json).to_owned(),
            Effect::Close(error) => format!("close {}", error.close_code()),
        })
        .collect()
}

fn summarize_received(received: &Received) -> Vec<String> {
    match received {
        Received::Verify { .. } => vec!["verify".to_owned()],
        Received::Done(effects) => summarize(effects),
    }
}

/// Returns the effects of a message. Panics if a token must be verified although the session is closed.
fn effects_of(received: Received, closes: usize) -> Vec<Effect<'static>> {
    match received {
        Received::Verify { .. } => {
            assert_eq!(closes, 0, "a closed session verifies a token");
            Vec::new()
        }
        Received::Done(effects) => effects,
    }
}

fn subscriber(scope: &str, exp: i64) -> Session {
    let mut session = Session::new(7, None, at(0));
    session.authenticate(&token("me", scope, exp), None, &log(&[]), at(1));
    session
}

/// Passes a message to a session whose subject has sent no other message in the last second.
fn receive(session: &mut Session, incoming: Incoming<'_>, now: i64) -> Received {
    session.receive(incoming, 0, &mut Rates::default(), at(now))
}

/// Returns the time at which the session must be ticked.
fn due(session: &Session) -> Option<Timestamp> {
    session.authentication_deadline().or(session.token_expiry())
}

fn send_text(session: &mut Session, text: &str, now: i64) -> Vec<String> {
    summarize_received(&receive(session, Incoming::Text(text), now))
}

#[test]
fn a_token_that_expired_during_its_verification_closes_the_socket() {
    let mut session = Session::new(7, None, at(0));
    let (token, log) = (token("me", "listen:events", 5), log(&["me", "you"]));
    let effects = session.authenticate(&token, Some("none"), &log, at(5));
    assert_eq!(summarize(&effects), ["close 4419"]);
}

#[test]
fn an_unauthenticated_socket_receives_no_event() {
    let session = Session::new(7, None, at(0));
    assert!(!session.receives("me", at(1)));
    let connection = serde_json::to_string(&session.connection()).unwrap_or_default();
    assert_eq!(
        connection,
        r#"{"connected_on":"2023-11-14T22:13:20.000Z","terminated":false}"#
    );
}

#[test]
fn a_subscriber_to_its_own_events_receives_no_other_events() {
    let session = subscriber("listen:events:self", 100);
    assert!(session.receives("me", at(2)));
    assert!(!session.receives("you", at(2)));
    assert!(!session.receives("", at(2)));
}

#[test]
fn a_subscriber_to_all_users_receives_the_events_of_every_user() {
    assert!(subscriber("listen:events", 100).receives("you", at(2)));
}

#[test]
fn a_subscriber_receives_no_event_after_its_token_has_expired() {
    let session = subscriber("listen:events", 100);
    assert!(session.receives("you", at(99)));
    assert!(!session.receives("you", at(100)));
}

#[test]
fn a_socket_that_does_not_authenticate_within_ten_seconds_is_closed() {
    let mut session = Session::new(7, None, at(0));
    assert_eq!(due(&session), Some(at(10)));
    assert!(session.tick(at(9)).is_none());
    let closed: Vec<_> = session.tick(at(10)).into_iter().collect();
    assert_eq!(summarize(&closed), ["close 4408"]);
    assert!(session.tick(at(11)).is_none());
    assert_eq!(due(&session), None);
    assert!(session.connection().is_none());
}

#[test]
fn a_socket_is_closed_when_its_token_expires() {
    let mut session = subscriber("listen:events", 100);
    assert_eq!(due(&session), Some(at(100)));
    assert!(session.tick(at(99)).is_none());
    let closed: Vec<_> = session.tick(at(100)).into_iter().collect();
    assert_eq!(summarize(&closed), ["close 4419"]);
    let (renewed, log) = (token("me", "listen:events", 200), log(&[]));
    let after = session.authenticate(&renewed, None, &log, at(100));
    assert!(after.is_empty());
}

#[test]
fn a_deadline_applies_even_if_the_alarm_is_late() {
    let mut late = Session::new(7, None, at(0));
    let good = token("me", "listen:events", 100);
    assert_eq!(
        summarize(&late.authenticate(&good, None, &log(&[]), at(10))),
        ["close 4408"]
    );
    let mut expired = subscriber("listen:events", 100);
    assert_eq!(
        send_text(&mut expired, r#"{"type":"ping"}"#, 100),
        ["close 4419"]
    );
}

#[test]
fn the_first_token_starts_the_replay_and_a_later_one_only_replaces_it() {
    let log = log(&["me", "you", "me"]);
    let mut session = Session::new(7, None, at(0));
    let first = token("me", "listen:events:self", 100);
    assert_eq!(
        summarize(&session.authenticate(&first, Some("0"), &log, at(1))),
        ["authenticated", "2:me"]
    );
    let second = token("me", "listen:events", 200);
    assert_eq!(
        summarize(&session.authenticate(&second, Some("0"), &log, at(2))),
        ["authenticated"]
    );
    assert_eq!(due(&session), Some(at(200)));
    assert!(session.receives("you", at(150)));
}

#[test]
fn the_authenticated_message_contains_the_claims_of_the_token() {
    let mut session = Session::new(7, None, at(0));
    let (good, log) = (token("me", "listen:events", 100), log(&[]));
    let effects = session.authenticate(&good, Some("unknown"), &log, at(1));
    let Some(Effect::Send(message)) = effects.first() else {
        panic!("{effects:?}")
    };
    assert_eq!(
        serde_json::to_string(message).unwrap_or_default(),
        r#"{"type":"authenticated","sub":"me","filter":"*","claims":{"scope":"listen:events","sub":"me"},"expires_at":"2023-11-14T22:15:00.000Z","recovered":false}"#
    );
}

#[test]
fn a_rejected_token_closes_the_socket_whether_or_not_it_has_authenticated() {
    for mut session in [
        Session::new(7, None, at(0)),
        subscriber("listen:events", 100),
    ] {
        let bad = Err(ApiError::from(TokenError::Signature));
        assert_eq!(
            summarize(&session.authenticate(&bad, None, &log(&[]), at(2))),
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
            Err(ApiError::KeysUnavailable),
            ["temporarily_unavailable", "close 1013"],
        ),
    ] {
        let mut session = Session::new(7, None, at(0));
        assert_eq!(
            summarize(&session.authenticate(&outcome, None, &log(&[]), at(2))),
            expected
        );
    }
}

#[test]
fn the_tenth_invalid_message_closes_the_socket() {
    let mut session = subscriber("listen:events", 100);
    for _ in 0..9 {
        assert_eq!(send_text(&mut session, "invalid", 2), ["invalid_message"]);
        assert_eq!(send_text(&mut session, r#"{"type": "ping"}"#, 2), ["pong"]);
    }
    let tenth = receive(&mut session, Incoming::Unread(3), 2);
    assert_eq!(
        summarize_received(&tenth),
        ["invalid_message", "close 4400"]
    );
    assert!(send_text(&mut session, "invalid", 2).is_empty());
}

#[test]
fn a_message_longer_than_16_kib_closes_the_socket() {
    let padded = |length: usize| format!(r#"{{"type":"ping"}}{}"#, " ".repeat(length - 15));
    assert_eq!(
        send_text(&mut Session::new(7, None, at(0)), &padded(16 * 1024), 1),
        ["pong"]
    );
    assert_eq!(
        send_text(&mut Session::new(7, None, at(0)), &padded(16 * 1024 + 1), 1),
        ["close 1009"]
    );
    let binary = receive(
        &mut Session::new(7, None, at(0)),
        Incoming::Unread(16 * 1024 + 1),
        1,
    );
    assert_eq!(summarize_received(&binary), ["close 1009"]);
    let letters = "é".repeat(8 * 1024 + 1);
    assert_eq!(
        send_text(&mut Session::new(7, None, at(0)), &letters, 1),
        ["close 1009"]
    );
}

#[test]
fn a_session_is_unchanged_after_hibernation() {
    let mut session = subscriber("listen:events:self", 100);
    send_text(&mut session, "invalid", 2);
    let attachment = serde_json::to_string(&session).unwrap_or_default();
    assert_eq!(serde_json::from_str(&attachment).ok(), Some(session));
}

/// Opens a session with a token, and returns the session and the token's compact form.
fn subscriber_with_token(exp: i64) -> (Session, String) {
    let encode = Base64UrlUnpadded::encode_string;
    let claims = format!(r#"{{"sub":"me","exp":{}}}"#, at(exp).as_millis() / 1000);
    let text = format!(
        "{}.{}.c2ln",
        encode(br#"{"alg":"RS256"}"#),
        encode(claims.as_bytes())
    );
    let stored = serde_json::json!({
        "sub": "me",
        "expires_at": at(exp),
        "claims": {"sub": "me", "scope": "listen:events"},
        "digest": TokenDigest::of(&text),
    });
    let token = serde_json::from_value(stored).unwrap();
    let mut session = Session::new(7, None, at(0));
    session.authenticate(&Ok(token), None, &log(&[]), at(1));
    (session, text)
}

fn send_token(session: &mut Session, token: &str, now: i64) -> Vec<String> {
    let message = format!(r#"{{"type":"authenticate","access_token":"{token}"}}"#);
    send_text(session, &message, now)
}

#[test]
fn the_eleventh_message_before_authentication_closes_the_socket_also_after_hibernation() {
    let mut session = Session::new(7, None, at(0));
    for _ in 0..10 {
        assert_eq!(send_text(&mut session, r#"{"type": "ping"}"#, 1), ["pong"]);
        let attachment = serde_json::to_string(&session).unwrap();
        session = serde_json::from_str(&attachment).unwrap();
    }
    assert_eq!(
        send_text(&mut session, r#"{"type": "ping"}"#, 9),
        ["close 1013"]
    );
}

#[test]
fn messages_before_authentication_do_not_count_after_it() {
    let mut session = Session::new(7, None, at(0));
    for _ in 0..10 {
        send_text(&mut session, r#"{"type": "ping"}"#, 1);
    }
    let good = token("me", "listen:events", 100);
    session.authenticate(&good, None, &log(&[]), at(1));
    let mut rates = Rates::default();
    let mut ping = |now| {
        let received = session.receive(
            Incoming::Text(r#"{"type": "ping"}"#),
            0,
            &mut rates,
            at(now),
        );
        summarize_received(&received)
    };
    for _ in 0..10 {
        assert_eq!(ping(2), ["pong"]);
    }
    assert_eq!(ping(3), ["pong"]);
    for _ in 0..9 {
        ping(3);
    }
    assert_eq!(ping(3), ["close 1013"]);
}

#[test]
fn an_invalid_message_and_one_that_is_too_long_count_as_messages() {
    for incoming in [Incoming::Text("nonsense"), Incoming::Unread(3)] {
        let mut session = subscriber("listen:events", 100);
        let mut rates = Rates::default();
        for _ in 0..9 {
            session.receive(incoming, 0, &mut rates, at(2));
        }
        let ping = Incoming::Text(r#"{"type": "ping"}"#);
        session.receive(ping, 0, &mut rates, at(2));
        let received = session.receive(ping, 0, &mut rates, at(2));
        assert_eq!(summarize_received(&received), ["close 1013"]);
    }
}

#[test]
fn a_socket_renews_its_token_three_times_at_once_and_then_every_ten_seconds() {
    let mut session = subscriber("listen:events", 1_000);
    for now in [2, 2, 3] {
        assert_eq!(send_token(&mut session, "other", now), ["verify"]);
    }
    assert_eq!(send_token(&mut session, "other", 3), ["too_many_requests"]);
    let attachment = serde_json::to_string(&session).unwrap();
    session = serde_json::from_str(&attachment).unwrap();
    assert_eq!(send_token(&mut session, "other", 11), ["too_many_requests"]);
    assert_eq!(send_token(&mut session, "other", 12), ["verify"]);
    assert_eq!(send_token(&mut session, "other", 22), ["verify"]);
}

#[test]
fn the_fifth_rejected_renewal_closes_the_socket() {
    let mut session = subscriber("listen:events", 1_000);
    for _ in 0..3 {
        assert_eq!(send_token(&mut session, "other", 2), ["verify"]);
    }
    for _ in 0..4 {
        assert_eq!(send_token(&mut session, "other", 3), ["too_many_requests"]);
    }
    assert_eq!(
        summarize(&session.reject_renewal()),
        ["too_many_requests", "close 1013"]
    );
    assert!(session.reject_renewal().is_empty());
    let closed = Effect::Close(ApiError::TooManyMessages);
    assert_eq!(summarize(&[closed]), ["close 1013"]);
}

#[test]
fn the_first_token_of_a_socket_is_not_a_renewal() {
    let mut session = Session::new(7, None, at(0));
    for _ in 0..10 {
        let message = Incoming::Text(r#"{"type":"authenticate","access_token":"x"}"#);
        let received = receive(&mut session, message, 1);
        assert!(matches!(
            received,
            Received::Verify {
                is_renewal: false,
                ..
            }
        ));
    }
}

#[test]
fn the_token_that_a_socket_holds_is_not_verified_again_and_is_no_renewal() {
    let (mut session, held) = subscriber_with_token(100);
    for _ in 0..3 {
        assert_eq!(send_token(&mut session, "other", 2), ["verify"]);
    }
    let attachment = serde_json::to_string(&session).unwrap();
    assert!(!attachment.contains(&held));
    session = serde_json::from_str(&attachment).unwrap();
    let message = format!(r#"{{"type":"authenticate","access_token":"{held}"}}"#);
    let Received::Done(effects) = receive(&mut session, Incoming::Text(&message), 3) else {
        panic!("the token must not be verified")
    };
    let [Effect::Send(response)] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    let exp = at(100).as_millis() / 1000;
    assert_eq!(
        serde_json::to_value(response).unwrap(),
        serde_json::json!({
            "type": "authenticated",
            "sub": "me",
            "filter": "*",
            "claims": {"sub": "me", "exp": exp},
            "expires_at": at(100).to_string(),
        })
    );
    assert_eq!(send_token(&mut session, &held, 100), ["close 4419"]);
}

#[test]
fn the_authentication_deadline_does_not_apply_while_a_token_is_verified() {
    let mut session = Session::new(7, None, at(0));
    assert_eq!(send_token(&mut session, "x", 9), ["verify"]);
    assert!(session.tick(at(29)).is_none());
    let good = token("me", "listen:events", 100);
    assert_eq!(
        summarize(&session.authenticate(&good, None, &log(&[]), at(29))),
        ["authenticated"]
    );

    let mut abandoned = Session::new(7, None, at(0));
    send_token(&mut abandoned, "x", 1);
    send_token(&mut abandoned, "x", 9);
    assert_eq!(abandoned.authentication_deadline(), Some(at(30)));
    let closed: Vec<_> = abandoned.tick(at(30)).into_iter().collect();
    assert_eq!(summarize(&closed), ["close 4408"]);
}

#[test]
fn the_sessions_of_earlier_versions_are_restored() {
    for attachment in [
        r#"{"number":7,"connected_on":0,"invalid_messages":1,"state":{"Unauthenticated":{"deadline":10000}}}"#,
        r#"{"number":7,"connected_on":0,"invalid_messages":1,"state":{"Listening":{"sub":"me","filter":"self","expires_at":10000}}}"#,
    ] {
        let session: Session = serde_json::from_str(attachment).unwrap();
        assert_eq!(serde_json::to_string(&session).unwrap(), attachment);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Wait(i64),
    Text(String),
    Binary(usize),
    Token {
        own: bool,
        all: bool,
        lifetime: i64,
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
        .prop_map(Step::Text),
        (0_usize..20_000).prop_map(Step::Binary),
        (
            any::<bool>(),
            any::<bool>(),
            -2_i64..30,
            any::<Option<u8>>()
        )
            .prop_map(|(own, all, lifetime, last)| Step::Token {
                own,
                all,
                lifetime,
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
    fn no_sequence_of_steps_delivers_a_forbidden_event_or_closes_a_socket_twice(
        steps in proptest::collection::vec(step(), 0..60)
    ) {
        let log = log(&["me", "you", "me"]);
        let mut session = Session::new(7, None, at(0));
        let mut now = 0;
        let mut closes = 0;
        // The expected rights of the subscriber: the expiry, and whether it receives all events.
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
                    let restored = serde_json::from_str(&attachment).ok();
                    prop_assert_eq!(restored.as_ref(), Some(&session));
                    continue;
                }
                Step::End => {
                    session.end();
                    closes = closes.max(1);
                    allowed = None;
                    prop_assert_eq!(due(&session), None);
                    continue;
                }
                Step::Event(own) => {
                    let user = if *own { "me" } else { "you" };
                    let expected = closes == 0
                        && allowed.is_some_and(|(until, all)| now < until && (all || *own));
                    prop_assert_eq!(session.receives(user, at(now)), expected);
                    continue;
                }
                Step::Text(text) => effects_of(receive(&mut session, Incoming::Text(text), now), closes),
                Step::Binary(length) => effects_of(receive(&mut session, Incoming::Unread(*length), now), closes),
                Step::Tick => session.tick(at(now)).into_iter().collect(),
                Step::BadToken => {
                    outcome = Err(ApiError::from(TokenError::Signature));
                    session.authenticate(&outcome, None, &log, at(now))
                }
                Step::Token { own, all, lifetime, last } => {
                    let scope = match (own, all) {
                        (true, true) => "listen:events listen:events:self",
                        (true, false) => "listen:events:self",
                        (false, true) => "listen:events",
                        (false, false) => "openid",
                    };
                    outcome = token("me", scope, now + lifetime);
                    let last = last.map(|last| last.to_string());
                    let effects = session.authenticate(&outcome, last.as_deref(), &log, at(now));
                    if summarize(&effects).first().is_some_and(|first| first == "authenticated") {
                        prop_assert!(*own || *all);
                        allowed = Some((now + lifetime, !own));
                    }
                    effects
                }
            };
            if closes > 0 {
                prop_assert!(effects.is_empty(), "{step:?} had an effect after closing");
            }
            for effect in &effects {
                match effect {
                    Effect::Close(_) => closes += 1,
                    Effect::Deliver(json) => {
                        let receives_all = allowed.is_some_and(|(_, all)| all);
                        prop_assert!(receives_all || json.ends_with(":me"), "{json}");
                    }
                    _ => prop_assert_eq!(closes, 0, "something was sent after closing"),
                }
            }
            prop_assert!(closes <= 1);
            prop_assert_eq!(session.connection().is_none(), closes > 0);
        }
    }
}

#[test]
fn a_socket_that_has_been_backlogged_for_five_seconds_is_closed() {
    let mut session = Session::new(0, None, at(0));
    assert!(!session.needs_backlog_update(MAX_BUFFERED_BYTES));
    assert!(session.needs_backlog_update(MAX_BUFFERED_BYTES + 1));
    let mut closed = |bytes, seconds| session.record_backlog(bytes, at(seconds)).is_some();
    assert!(!closed(MAX_BUFFERED_BYTES + 1, 0));
    assert!(!closed(u32::MAX, 4));
    assert!(!closed(MAX_BUFFERED_BYTES, 5), "the backlog is empty");
    assert!(!closed(MAX_BUFFERED_BYTES + 1, 6));
    assert!(!closed(MAX_BUFFERED_BYTES + 1, 10));
    assert!(closed(MAX_BUFFERED_BYTES + 1, 11));
    assert!(!closed(u32::MAX, 99), "already closed");
    assert_eq!(due(&session), None);
}

#[test]
fn a_socket_that_sends_messages_and_does_not_read_the_responses_is_closed() {
    let mut session = subscriber("listen:events", 100);
    let mut ping = |buffered_bytes, seconds| {
        let message = Incoming::Text(r#"{"type": "ping"}"#);
        let mut rates = Rates::default();
        summarize_received(&session.receive(message, buffered_bytes, &mut rates, at(seconds)))
    };
    assert_eq!(ping(MAX_BUFFERED_BYTES + 1, 2), ["pong"]);
    assert_eq!(ping(MAX_BUFFERED_BYTES + 1, 6), ["pong"]);
    assert_eq!(ping(MAX_BUFFERED_BYTES + 1, 7), ["close 1013"]);
}
