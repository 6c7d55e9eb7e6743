//! Property: the session of a socket.

use std::collections::VecDeque;

use serde_json::{Value, json};
use session_events_core::{
    error::{ApiError, TokenError},
    events::event_log::{EventLog, StoredEvent},
    protocol::{
        filter::Filter,
        messages::{ClientMessage, ServerMessage},
    },
    sessions::{
        limits::{MAX_INVALID_MESSAGES, MAX_REJECTED_RENEWALS},
        listener::Listener,
        listeners::Listeners,
        rates::Rates,
        session::{Effect, Incoming, Received, Session},
    },
    timestamp::Timestamp,
    tokens::access_token::AccessToken,
};

/// The runtime's limit for the attachment of a WebSocket.
const MAX_ATTACHMENT_BYTES: usize = 16 * 1024;

/// A session delivers exactly the events that its verified token allows: none is lost or repeated.
/// A closed session stays closed. Each line of the input is a step, a letter with an optional
/// argument:
///
/// | Step | Meaning |
/// |---|---|
/// | `<TEXT` | a text message arrives |
/// | `bBYTES` | a binary message of as many bytes arrives |
/// | `v` | the oldest pending verification ends |
/// | `eUSER` | an event of `USER` is published |
/// | `+N` | `N` seconds pass |
/// | `t` | the timer fires |
/// | `s` | the object hibernates and wakes |
/// | `x` | the client closes the socket |
pub fn session(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let mut socket = Socket::new();
    for step in text.split('\n') {
        let mut rest = step.chars();
        match rest.next() {
            Some('<') => socket.receive(Incoming::Text(rest.as_str())),
            Some('b') => socket.receive(Incoming::Unread(rest.as_str().len())),
            Some('v') => socket.verify(),
            Some('e') => socket.publish(rest.as_str()),
            Some('+') => socket.advance(rest.as_str().parse::<u16>().unwrap_or(1)),
            Some('t') => socket.tick(),
            Some('s') => socket.hibernate(),
            Some('x') => socket.end(),
            _ => {}
        }
        socket.check();
    }
}

/// A session, with the state that it should have according to an independent model.
struct Socket {
    session: Session,
    listeners: Listeners<()>,
    rates: Rates,
    log: EventLog,
    now: Timestamp,
    /// Tokens that are being verified, each with its `last_event_id`.
    verifying: VecDeque<(String, Option<String>)>,
    /// The subscriber according to the last valid token.
    subscriber: Option<Listener>,
    closed: bool,
    invalid: u8,
    rejected_renewals: u8,
    published: usize,
    /// The number of the last delivered event.
    delivered: Option<usize>,
}

impl Socket {
    fn new() -> Self {
        let now = Timestamp::from_millis(1_700_000_000_000);
        let mut socket = Self {
            session: Session::new(0, None, now),
            listeners: Listeners::default(),
            rates: Rates::default(),
            log: EventLog::default(),
            now,
            verifying: VecDeque::new(),
            subscriber: None,
            closed: false,
            invalid: 0,
            rejected_renewals: 0,
            published: 0,
            delivered: None,
        };
        socket.listeners.put((), &socket.session);
        socket
    }

    fn receive(&mut self, incoming: Incoming<'_>) {
        if let Incoming::Text(text) = incoming {
            check_message(text);
        }
        let effects = match self.session.receive(incoming, 0, &mut self.rates, self.now) {
            Received::Verify {
                access_token,
                last_event_id,
                is_renewal,
            } => {
                assert!(!self.closed, "a closed session requests no verification");
                assert_eq!(is_renewal, self.subscriber.is_some());
                self.verifying.push_back((access_token, last_event_id));
                return;
            }
            Received::Done(effects) => effects,
        };
        for effect in effects {
            assert!(!self.closed, "a closed session has no effects");
            match effect {
                Effect::Reject(ApiError::TooManyRequests(_)) => self.rejected_renewals += 1,
                Effect::Reject(_) => self.invalid += 1,
                Effect::Send(ServerMessage::Pong) => {}
                Effect::Close(_) => self.closed = true,
                other => panic!("a message must not cause {other:?}"),
            }
        }
    }

    /// Completes the oldest pending verification.
    fn verify(&mut self) {
        let Some((token, last_event_id)) = self.verifying.pop_front() else {
            return;
        };
        let outcome = self.verify_token(&token);
        let expected = outcome
            .as_ref()
            .ok()
            .and_then(|token| Listener::authorize(token).ok());
        let is_first = self.subscriber.is_none();
        let last_event_id = last_event_id.as_deref();
        let effects = self
            .session
            .authenticate(&outcome, last_event_id, &self.log, self.now);
        let mut replayed = Vec::new();
        for effect in effects {
            assert!(!self.closed, "a closed session has no effects");
            match effect {
                Effect::Send(ServerMessage::Authenticated {
                    sub,
                    filter,
                    expires_at,
                    ..
                }) => {
                    let listener = expected.clone().expect("a verified token");
                    assert_eq!((&*sub, filter), (&*listener.sub, listener.filter));
                    assert_eq!(expires_at, listener.expires_at);
                    self.subscriber = Some(listener);
                }
                Effect::Deliver(json) => replayed.push(json.to_owned()),
                Effect::Send(ServerMessage::AuthenticationFailed(_)) => assert!(expected.is_none()),
                Effect::Close(_) => self.closed = true,
                other => panic!("authentication must not cause {other:?}"),
            }
        }
        assert!(
            is_first || replayed.is_empty(),
            "a renewal must not replay events"
        );
        for json in replayed {
            self.deliver(&json);
        }
    }

    /// Verifies a token. `SUB SECONDS SCOPE` is a valid token that expires after `SECONDS`.
    fn verify_token(&self, token: &str) -> Result<AccessToken, ApiError> {
        let parse = || {
            let (sub, rest) = token.split_once(' ')?;
            let (seconds, scope) = rest.split_once(' ')?;
            let exp = self.now.plus_seconds(seconds.parse::<u16>().ok()?.into());
            let has_valid_length = (1..1024).contains(&sub.len());
            let claims = json!({"sub": sub, "scope": scope});
            let token = json!({"sub": sub, "expires_at": exp.as_millis(), "claims": claims});
            has_valid_length.then(|| serde_json::from_value(token).ok())?
        };
        parse().ok_or(ApiError::InvalidToken(TokenError::Signature))
    }

    fn publish(&mut self, user: &str) {
        self.published += 1;
        let json = format!("{} {user}", self.published);
        self.log.push(StoredEvent {
            seq: i64::try_from(self.published).expect("few events"),
            id: self.published.to_string(),
            user_id: user.to_owned(),
            json: json.clone(),
        });
        let receivers = self.listeners.receivers(user, self.now).count();
        assert_eq!(
            receivers,
            usize::from(self.session.receives(user, self.now))
        );
        let expected = self.may_receive(user) && self.is_authenticated();
        assert_eq!(receivers, usize::from(expected), "{user}");
        if receivers > 0 {
            self.deliver(&json);
        }
    }

    fn deliver(&mut self, json: &str) {
        let (number, user) = json.split_once(' ').expect("an event of this log");
        assert!(self.may_receive(user), "{user}'s event");
        let number = number.parse().ok();
        assert!(
            number > self.delivered,
            "events must be delivered in order and once"
        );
        self.delivered = number;
    }

    fn may_receive(&self, user: &str) -> bool {
        let subscriber = self.subscriber.as_ref();
        subscriber
            .is_some_and(|subscriber| subscriber.filter == Filter::All || subscriber.sub == user)
    }

    fn is_authenticated(&self) -> bool {
        let subscriber = self.subscriber.as_ref();
        !self.closed && subscriber.is_some_and(|subscriber| self.now < subscriber.expires_at)
    }

    fn advance(&mut self, seconds: u16) {
        self.now = self.now.plus_seconds(seconds.into());
    }

    fn tick(&mut self) {
        if self.session.tick(self.now).is_some() {
            assert!(!self.closed, "a closed session has no effects");
            self.closed = true;
        }
        assert!(self.due().is_none_or(|due| due > self.now));
    }

    fn due(&self) -> Option<Timestamp> {
        let deadline = self.session.authentication_deadline();
        deadline.or(self.session.token_expiry())
    }

    /// Serializes and restores the session, as hibernation does.
    fn hibernate(&mut self) {
        let attachment = serde_json::to_string(&self.session).expect("JSON");
        assert!(attachment.len() <= MAX_ATTACHMENT_BYTES);
        let restored: Session = serde_json::from_str(&attachment).expect("a session");
        assert_eq!(restored, self.session);
        self.session = restored;
        self.listeners = Listeners::default();
    }

    fn end(&mut self) {
        self.session.end();
        self.closed = true;
    }

    fn check(&mut self) {
        self.listeners.put((), &self.session);
        let next_deadline = self.listeners.next_authentication_deadline();
        assert_eq!(next_deadline, self.session.authentication_deadline());
        let next_expiry = self.listeners.next_token_expiry();
        assert_eq!(next_expiry, self.session.token_expiry());
        assert_eq!(self.due().is_none(), self.closed);
        assert_eq!(self.session.connection().is_none(), self.closed);
        let open = usize::from(!self.closed);
        assert_eq!(self.listeners.all().count(), open);
        let subscriber = self.subscriber.as_ref().filter(|_| !self.closed);
        assert_eq!(self.session.listener(), subscriber);
        assert!(self.closed || self.invalid < MAX_INVALID_MESSAGES);
        assert!(self.closed || self.rejected_renewals < MAX_REJECTED_RENEWALS);
    }
}

/// A valid message is a JSON object, and serializing and parsing it again gives the same message.
fn check_message(text: &str) {
    let Ok(message) = ClientMessage::parse(text) else {
        return;
    };
    let value: Value = serde_json::from_str(text).expect("JSON");
    assert!(value.is_object());
    let serialized = serde_json::to_string(&message).expect("JSON");
    assert_eq!(ClientMessage::parse(&serialized), Ok(message));
}
