use proptest::prelude::*;

use super::*;
use crate::{events::event_log::EventLog, tokens::access_token::AccessToken};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(0).plus_seconds(seconds)
}

fn authenticate(session: &mut Session, sub: &str, scope: &str, exp: i64) {
    let token = format!(
        r#"{{"sub":"{sub}","expires_at":{},"claims":{{"scope":"{scope}"}}}}"#,
        exp * 1000
    );
    let token: AccessToken = serde_json::from_str(&token).unwrap();
    session.authenticate(&Ok(token), None, &EventLog::default(), at(0));
}

#[test]
fn an_event_goes_to_the_user_s_sockets_and_to_subscribers_to_all_users() {
    let mut listeners = Listeners::default();
    for (sub, scope) in [
        ("a", "listen:events:self"),
        ("b", "listen:events:self"),
        ("c", "listen:events"),
        ("a", "listen:events:self"),
        ("a", "none"),
    ] {
        let mut session = Session::new(listeners.next_number(), None, at(0));
        authenticate(&mut session, sub, scope, 100);
        listeners.put(session.number(), &session);
    }
    let receivers = |user| -> Vec<u64> { listeners.receivers(user, at(1)).copied().collect() };
    assert_eq!(receivers("a"), [2, 0, 3]);
    assert_eq!(receivers("b"), [2, 1]);
    assert_eq!(receivers("c"), [2]);
    assert_eq!(receivers("nobody"), [2]);
    assert_eq!(listeners.all().count(), 4);
}

#[test]
fn due_sockets_are_returned_in_order_of_their_due_time() {
    let mut listeners = Listeners::default();
    for exp in [300, 100, 200] {
        let mut session = Session::new(listeners.next_number(), None, at(0));
        authenticate(&mut session, "a", "listen:events", exp);
        listeners.put(exp, &session);
    }
    let unauthenticated = Session::new(listeners.next_number(), None, at(0));
    listeners.put(10, &unauthenticated);
    assert_eq!(listeners.next_token_expiry(), Some(at(100)));
    assert_eq!(listeners.next_authentication_deadline(), Some(at(10)));
    assert_eq!(listeners.due(at(9)).count(), 0);
    let due: Vec<i64> = listeners.due(at(250)).map(|(time, _)| *time).collect();
    assert_eq!(due, [10, 100, 200]);
}

#[test]
fn the_number_of_a_closed_socket_is_not_reused() {
    let mut listeners = Listeners::default();
    let mut closed = Session::new(listeners.next_number(), None, at(0));
    listeners.put("closed", &closed);
    closed.end();
    listeners.put("closed", &closed);
    assert_eq!(listeners.next_number(), 1);
    let mut restored = Listeners::default();
    restored.put("closed", &closed);
    assert_eq!(restored.next_number(), 1);
}

fn index_with_unauthenticated(count: usize) -> Listeners<u64> {
    let mut listeners = Listeners::default();
    for _ in 0..count {
        let session = Session::new(listeners.next_number(), None, at(0));
        listeners.put(session.number(), &session);
    }
    listeners
}

fn listener(sub: &str, filter: Filter) -> Listener {
    Listener {
        sub: sub.into(),
        filter,
        expires_at: at(100),
        token: None,
    }
}

#[test]
fn unauthenticated_sockets_have_a_lower_limit_than_all_sockets() {
    let mut listeners = index_with_unauthenticated(MAX_UNAUTHENTICATED_SOCKETS - 1);
    assert_eq!(listeners.check_limits_without_token(None), Ok(()));
    let mut last = Session::new(listeners.next_number(), None, at(0));
    listeners.put(last.number(), &last);
    let full = Err(ApiError::TooManySockets(SocketLimit::Unauthenticated));
    assert_eq!(listeners.check_limits_without_token(None), full);
    assert_eq!(
        listeners.check_limits_with_token(&listener("b", Filter::All)),
        Ok(())
    );
    authenticate(&mut last, "a", "listen:events", 100);
    listeners.put(last.number(), &last);
    assert_eq!(listeners.check_limits_without_token(None), Ok(()));

    for number in listeners.next_number()..MAX_SOCKETS as u64 {
        let mut session = Session::new(number, None, at(0));
        authenticate(&mut session, &number.to_string(), "listen:events:self", 100);
        listeners.put(number, &session);
    }
    let full = Err(ApiError::TooManySockets(SocketLimit::Tenant));
    assert_eq!(listeners.check_limits_without_token(None), full);
    assert_eq!(
        listeners.check_limits_with_token(&listener("b", Filter::All)),
        full
    );
    last.end();
    listeners.put(last.number(), &last);
    assert_eq!(listeners.check_limits_without_token(None), Ok(()));
}

#[test]
fn the_unauthenticated_sockets_of_an_address_have_their_own_limit() {
    let mut listeners = Listeners::default();
    let mut sessions: Vec<Session> = (0..MAX_UNAUTHENTICATED_SOCKETS_PER_ADDRESS as u64)
        .map(|number| Session::new(number, Some("192.0.2.1".into()), at(0)))
        .collect();
    for session in &sessions {
        assert_eq!(
            listeners.check_limits_without_token(Some("192.0.2.1")),
            Ok(())
        );
        listeners.put(session.number(), session);
    }
    let full = Err(ApiError::TooManySockets(SocketLimit::Address));
    assert_eq!(
        listeners.check_limits_without_token(Some("192.0.2.1")),
        full
    );
    assert_eq!(
        listeners.check_limits_without_token(Some("192.0.2.2")),
        Ok(())
    );
    assert_eq!(listeners.check_limits_without_token(None), Ok(()));
    let subscriber = listener("a", Filter::Own);
    assert_eq!(listeners.check_limits_with_token(&subscriber), Ok(()));

    let authenticated = sessions.first_mut().unwrap();
    authenticate(authenticated, "a", "listen:events", 100);
    listeners.put(authenticated.number(), authenticated);
    assert_eq!(
        listeners.check_limits_without_token(Some("192.0.2.1")),
        Ok(())
    );
}

#[test]
fn the_limit_of_a_subject_depends_on_its_filter_and_ignores_token_renewals() {
    for (scope, filter, limit) in [
        (
            "listen:events:self",
            Filter::Own,
            MAX_OWN_SOCKETS_PER_SUBJECT,
        ),
        (
            "listen:events",
            Filter::All,
            MAX_BACKEND_SOCKETS_PER_SUBJECT,
        ),
    ] {
        let mut listeners = Listeners::default();
        for number in 0..limit as u64 {
            assert_eq!(
                listeners.check_subject_limit(&listener("a", filter), number),
                Ok(())
            );
            let mut session = Session::new(number, None, at(0));
            authenticate(&mut session, "a", scope, 100);
            listeners.put(number, &session);
        }
        let next_number = listeners.next_number();
        let full = Err(ApiError::TooManySockets(SocketLimit::Subject));
        assert_eq!(
            listeners.check_subject_limit(&listener("a", filter), next_number),
            full
        );
        assert_eq!(
            listeners.check_subject_limit(&listener("a", filter), 0),
            Ok(())
        );
        assert_eq!(
            listeners.check_subject_limit(&listener("b", filter), next_number),
            Ok(())
        );
    }
}

#[derive(Clone, Debug)]
enum Step {
    Connect,
    Authenticate {
        index: usize,
        sub: u8,
        own: bool,
        exp: i64,
    },
    Close(usize),
    Restore,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Connect),
        (any::<usize>(), 0_u8..4, any::<bool>(), 1_i64..50).prop_map(|(index, sub, own, exp)| {
            Step::Authenticate {
                index,
                sub,
                own,
                exp,
            }
        }),
        any::<usize>().prop_map(Step::Close),
        Just(Step::Restore),
    ]
}

proptest! {
    #[test]
    fn the_index_finds_the_same_sockets_as_a_scan_of_all_sessions(
        steps in proptest::collection::vec(step(), 0..60)
    ) {
        let mut sessions: Vec<Session> = Vec::new();
        let mut listeners = Listeners::default();
        for step in steps {
            match step {
                Step::Connect => {
                    let number = listeners.next_number();
                    let address = if number % 2 == 0 { "even" } else { "odd" };
                    let session = Session::new(number, Some(address.to_owned()), at(0));
                    listeners.put(session.number(), &session);
                    sessions.push(session);
                }
                Step::Authenticate { index, sub, own, exp } if !sessions.is_empty() => {
                    let index = index % sessions.len();
                    let scope = if own { "listen:events:self" } else { "listen:events" };
                    authenticate(&mut sessions[index], &sub.to_string(), scope, exp);
                    listeners.put(sessions[index].number(), &sessions[index]);
                }
                Step::Close(index) if !sessions.is_empty() => {
                    let mut session = sessions.swap_remove(index % sessions.len());
                    session.end();
                    listeners.put(session.number(), &session);
                }
                Step::Restore => {
                    listeners = Listeners::default();
                    for session in &sessions {
                        listeners.put(session.number(), session);
                    }
                }
                _ => {}
            }
            for now in [0, 10, 25] {
                for user in 0..4 {
                    let user = user.to_string();
                    let found: BTreeSet<u64> = listeners.receivers(&user, at(now)).copied().collect();
                    let expected: BTreeSet<u64> = sessions
                        .iter()
                        .filter(|session| session.receives(&user, at(now)))
                        .map(Session::number)
                        .collect();
                    prop_assert_eq!(listeners.receivers(&user, at(now)).count(), found.len());
                    prop_assert_eq!(found, expected);
                }
            }
            let next_deadline = sessions.iter().filter_map(Session::authentication_deadline).min();
            prop_assert_eq!(listeners.next_authentication_deadline(), next_deadline);
            let next_expiry = sessions.iter().filter_map(Session::token_expiry).min();
            prop_assert_eq!(listeners.next_token_expiry(), next_expiry);
            prop_assert_eq!(listeners.all().count(), sessions.len());
            let unauthenticated = sessions.iter().filter(|session| session.listener().is_none()).count();
            prop_assert_eq!(listeners.authentication_deadlines.len(), unauthenticated);
            for address in ["odd", "even"] {
                let expected = sessions
                    .iter()
                    .filter(|session| session.unauthenticated_address() == Some(address))
                    .count();
                let count = listeners.unauthenticated_by_address.get(address);
                prop_assert_eq!(count.copied().unwrap_or(0), expected);
            }
            let addresses = listeners.unauthenticated_by_address.values();
            prop_assert!(addresses.copied().all(|count| count > 0));
        }
    }
}
