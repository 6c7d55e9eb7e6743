//! One socket's life, as a state machine.
//!
//! A [`Session`] is all that is known of a socket. It is kept as the socket's attachment, so an
//! object that wakes from hibernation knows it too. It moves only by the methods here, each of
//! which yields what is to be done, in order; a closed session yields nothing ever again. A
//! session without a verified token has no subject, so it can see no event.

use serde::{Deserialize, Serialize};

use std::borrow::Cow;

use crate::{
    access_token::AccessToken,
    error::Fault,
    event_log::EventLog,
    object::one,
    protocol::{ClientMessage, Connection, ErrorBody, Filter, MAX_MESSAGE_BYTES, ServerMessage},
    timestamp::Timestamp,
};

/// How long a socket may stay without authenticating, in seconds.
pub const AUTHENTICATION_SECONDS: i64 = 10;
/// How many messages that cannot be understood close a socket.
pub const MAX_INVALID_MESSAGES: u8 = 10;

/// How much may wait for a socket to be read, in bytes, before it counts as behind. The runtime
/// keeps it in memory, beyond what the network takes.
pub const MAX_UNREAD_BYTES: u32 = 64 * 1024;
/// For how many seconds a socket may be behind. Many events at once put every socket behind for a
/// moment; one that reads is not for long.
pub const CATCH_UP_SECONDS: i64 = 5;

/// Somebody who may be told of events, until a moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// Who: the token's subject, an Auth0 user id or a client.
    pub sub: String,
    /// Whose events it is told of.
    pub filter: Filter,
    /// The token's `exp`.
    pub expires_at: Timestamp,
}

impl Listener {
    /// Whether it may be told of this user's events.
    pub fn may_see(&self, user_id: &str) -> bool {
        self.sees_everything() || self.sub == user_id
    }

    /// Whether it may be told of everybody's events.
    pub fn sees_everything(&self) -> bool {
        self.filter == Filter::All
    }
}

/// All that is known of a socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    number: u64,
    connected_on: Timestamp,
    invalid_messages: u8,
    /// Since when more waits to be read than may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    behind_since: Option<Timestamp>,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    Unauthenticated { deadline: Timestamp },
    Listening(#[serde(deserialize_with = "one")] Listener),
    Closed,
}

/// What a client sent.
#[derive(Clone, Copy, Debug)]
pub enum Incoming<'a> {
    /// Text.
    Text(&'a str),
    /// At least so many bytes, which nobody need read: no message is binary, or as long as this.
    Unread(usize),
}

/// What becomes of a message.
#[derive(Debug)]
pub enum Received {
    /// Have this token verified, and hand the outcome to [`Session::authenticate`].
    Verify {
        /// The token, as it came.
        access_token: String,
        /// What the client named as the last event it got.
        last_event_id: Option<String>,
    },
    /// Do this, and it is done with.
    Done(Vec<Effect<'static>>),
}

/// What is to be done with a socket.
#[derive(Debug)]
pub enum Effect<'a> {
    /// Send this message.
    Send(ServerMessage<'a>),
    /// Say what is wrong with a message; the socket stays.
    Refuse(Fault),
    /// Send this event, JSON already.
    Deliver(&'a str),
    /// Close the socket, with the code and reason of this fault.
    Close(Fault),
}

impl Session {
    /// A socket that has just been connected; `number` tells it from the tenant's others.
    pub fn new(number: u64, now: Timestamp) -> Self {
        Self {
            number,
            connected_on: now,
            invalid_messages: 0,
            behind_since: None,
            state: State::Unauthenticated {
                deadline: now.plus_seconds(AUTHENTICATION_SECONDS),
            },
        }
    }

    /// What tells this socket from the tenant's others.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Since when it is open.
    pub fn connected_on(&self) -> Timestamp {
        self.connected_on
    }

    /// Who listens, once it has shown a good token.
    pub fn listener(&self) -> Option<&Listener> {
        match &self.state {
            State::Listening(listener) => Some(listener),
            State::Unauthenticated { .. } | State::Closed => None,
        }
    }

    /// Whether an event about this user goes to this socket now.
    pub fn receives(&self, user_id: &str, now: Timestamp) -> bool {
        self.listener()
            .is_some_and(|listener| now < listener.expires_at && listener.may_see(user_id))
    }

    /// When the session must be looked at again, unless it is over.
    pub fn due(&self) -> Option<Timestamp> {
        match &self.state {
            State::Unauthenticated { deadline } => Some(*deadline),
            State::Listening(listener) => Some(listener.expires_at),
            State::Closed => None,
        }
    }

    /// The entry in the list of listeners, unless the session is over.
    pub fn connection(&self) -> Option<Connection> {
        if self.state == State::Closed {
            return None;
        }
        let listener = self.listener();
        Some(Connection {
            connected_on: self.connected_on,
            sub: listener.map(|listener| listener.sub.clone()),
            filter: listener.map(|listener| listener.filter),
            terminated: false,
        })
    }

    /// Closes the session if its time is over.
    pub fn tick(&mut self, now: Timestamp) -> Option<Effect<'static>> {
        let fault = match &self.state {
            State::Unauthenticated { deadline } if now >= *deadline => Fault::AuthenticationTimeout,
            State::Listening(listener) if now >= listener.expires_at => Fault::TokenExpired,
            _ => return None,
        };
        Some(self.close(fault))
    }

    /// Takes a message in.
    pub fn receive(&mut self, incoming: Incoming<'_>, now: Timestamp) -> Received {
        if self.state == State::Closed {
            return Received::Done(Vec::new());
        }
        if let Some(close) = self.tick(now) {
            return Received::Done(vec![close]);
        }
        let length = match incoming {
            Incoming::Text(text) => text.len(),
            Incoming::Unread(length) => length,
        };
        if length > MAX_MESSAGE_BYTES {
            return Received::Done(vec![self.close(Fault::MessageTooBig)]);
        }
        let message = match incoming {
            Incoming::Text(text) => ClientMessage::parse(text),
            Incoming::Unread(_) => Err(Fault::InvalidMessage),
        };
        match message {
            Ok(ClientMessage::Ping) => Received::Done(vec![Effect::Send(ServerMessage::Pong)]),
            Ok(ClientMessage::Authenticate {
                access_token,
                last_event_id,
            }) => Received::Verify {
                access_token,
                last_event_id,
            },
            Err(fault) => Received::Done(self.refuse(fault)),
        }
    }

    /// Closes the session because its messages come too fast, whatever they say.
    pub fn overrun(&mut self) -> Option<Effect<'static>> {
        (self.state != State::Closed).then(|| self.close(Fault::TooManyMessages))
    }

    /// Whether so much that waits to be read makes any difference.
    pub fn heeds_unread(&self, bytes: u32) -> bool {
        bytes > MAX_UNREAD_BYTES || self.behind_since.is_some()
    }

    /// Takes in how much waits to be read, and closes the session if that has been too much for
    /// too long.
    pub fn take_unread(&mut self, bytes: u32, now: Timestamp) -> Option<Effect<'static>> {
        if bytes <= MAX_UNREAD_BYTES || self.state == State::Closed {
            self.behind_since = None;
            return None;
        }
        let since = *self.behind_since.get_or_insert(now);
        (now >= since.plus_seconds(CATCH_UP_SECONDS)).then(|| self.close(Fault::TooSlow))
    }

    /// Closes the session so that its client comes back.
    pub fn displace(&mut self) -> Option<Effect<'static>> {
        (self.state != State::Closed).then(|| self.close(Fault::Reconnect))
    }

    fn refuse(&mut self, fault: Fault) -> Vec<Effect<'static>> {
        let mut effects = vec![Effect::Refuse(fault)];
        self.invalid_messages = self.invalid_messages.saturating_add(1);
        if self.invalid_messages >= MAX_INVALID_MESSAGES {
            effects.push(self.close(Fault::TooManyInvalidMessages));
        }
        effects
    }

    /// Takes in what came of verifying a token. The first one that is good makes a listener, who
    /// is sent what it is owed of the log; a later one replaces the token and no more. Where
    /// several are being verified at once, the one that is done last counts.
    pub fn authenticate<'a>(
        &mut self,
        outcome: &'a Result<AccessToken, Fault>,
        last_event_id: Option<&str>,
        log: &'a EventLog,
        now: Timestamp,
    ) -> Vec<Effect<'a>> {
        if self.state == State::Closed {
            return Vec::new();
        }
        if let Some(close) = self.tick(now) {
            return vec![close];
        }
        let admitted = outcome
            .as_ref()
            .map_err(Fault::clone)
            .and_then(|token| Ok((token, token.listener()?)));
        let (token, listener) = match admitted {
            Ok(admitted) => admitted,
            Err(fault) => {
                let failed = ServerMessage::AuthenticationFailed(ErrorBody::from(&fault));
                return vec![Effect::Send(failed), self.close(fault)];
            }
        };
        // What it is owed took a while to fetch, maybe.
        if now >= listener.expires_at {
            return vec![self.close(Fault::TokenExpired)];
        }
        let replay = match self.state {
            State::Listening(_) => None,
            _ => Some(log.replay(&listener, last_event_id)),
        };
        let mut effects = vec![Effect::Send(ServerMessage::Authenticated {
            sub: token.sub().into(),
            filter: listener.filter,
            claims: Cow::Borrowed(token.claims()),
            expires_at: listener.expires_at,
            recovered: replay.as_ref().and_then(|replay| replay.recovered),
        })];
        let owed = replay.into_iter().flat_map(|replay| replay.events);
        effects.extend(owed.map(|event| Effect::Deliver(&event.json)));
        self.state = State::Listening(listener);
        effects
    }

    /// The client has closed, or is gone.
    pub fn end(&mut self) {
        self.state = State::Closed;
    }

    fn close(&mut self, fault: Fault) -> Effect<'static> {
        self.end();
        Effect::Close(fault)
    }
}

#[cfg(test)]
mod tests;
