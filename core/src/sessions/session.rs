//! The state of one socket, as a state machine.
//!
//! A [`Session`] is stored as the attachment of its socket, so it survives hibernation (Cloudflare,
//! "Durable Objects: WebSocket Hibernation API"). Only the methods here change it. Each returns the
//! [`Effect`]s that the caller must perform, in order. A closed session returns none. A session
//! without a verified token has no subject, so it receives no event.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{
    limits::{
        AUTHENTICATION_SECONDS, MAX_INVALID_MESSAGES, MAX_REJECTED_RENEWALS,
        MAX_UNAUTHENTICATED_MESSAGES, VERIFICATION_SECONDS,
    },
    listener::Listener,
    rates::{Rates, RenewalBudget},
    replay::Replay,
    slow_consumer::Backlog,
};
use crate::{
    Result,
    error::{ApiError, RequestLimit},
    events::event_log::EventLog,
    json::object,
    protocol::{
        bodies::{Connection, ErrorBody},
        messages::{ClientMessage, MAX_MESSAGE_BYTES, ServerMessage},
    },
    timestamp::Timestamp,
    tokens::access_token::{AccessToken, decode_claims},
};

/// The state of a socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Identifies the socket within its object.
    number: u64,
    connected_on: Timestamp,
    invalid_messages: u8,
    /// The attachments of sockets use the earlier name.
    #[serde(
        default,
        rename = "behind_since",
        skip_serializing_if = "Backlog::is_empty"
    )]
    backlog: Backlog,
    #[serde(default, skip_serializing_if = "RenewalBudget::is_unused")]
    renewals: RenewalBudget,
    #[serde(default, skip_serializing_if = "is_zero")]
    rejected_renewals: u8,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    Unauthenticated {
        deadline: Timestamp,
        /// The number of messages.
        #[serde(default, skip_serializing_if = "is_zero")]
        messages: u8,
        /// The rate limit key of the client's address, if it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        address: Option<String>,
    },
    Listening(#[serde(deserialize_with = "object")] Listener),
    Closed,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(number: &u8) -> bool {
    *number == 0
}

/// A message from a client.
#[derive(Clone, Copy, Debug)]
pub enum Incoming<'a> {
    /// A text message.
    Text(&'a str),
    /// A message whose text was not copied, because it is binary or too long. Holds its length in
    /// bytes; for text, a lower bound.
    Unread(usize),
}

/// The outcome of a message.
#[derive(Debug)]
pub enum Received {
    /// Verify this token and call [`Session::authenticate`] with the result.
    Verify {
        /// The token, unverified.
        access_token: String,
        /// The id of the last event that the client received on an earlier socket.
        last_event_id: Option<String>,
        /// Whether the token replaces that of an authenticated socket. If the subject renews too
        /// often, call [`Session::reject_renewal`] instead.
        is_renewal: bool,
    },
    /// Perform these effects.
    Done(Vec<Effect<'static>>),
}

/// A side effect for the caller to perform on a socket.
#[derive(Debug)]
pub enum Effect<'a> {
    /// Send this message.
    Send(ServerMessage<'a>),
    /// Send this error. The socket stays open.
    Reject(ApiError),
    /// Send this event, which is already JSON.
    Deliver(&'a str),
    /// Close the socket with the close code and reason of this error.
    Close(ApiError),
}

impl Session {
    /// Returns the session of a socket that has just connected. `number` must be unique among the
    /// sockets of the object, and `address` is the rate limit key of the client's address.
    pub fn new(number: u64, address: Option<String>, now: Timestamp) -> Self {
        Self {
            number,
            connected_on: now,
            invalid_messages: 0,
            backlog: Backlog::default(),
            renewals: RenewalBudget::default(),
            rejected_renewals: 0,
            state: State::Unauthenticated {
                deadline: now.plus_seconds(AUTHENTICATION_SECONDS),
                messages: 0,
                address,
            },
        }
    }

    /// Returns the number that identifies the socket within its object.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Returns the time at which the socket connected.
    pub fn connected_on(&self) -> Timestamp {
        self.connected_on
    }

    /// Returns the authenticated subscriber.
    pub fn listener(&self) -> Option<&Listener> {
        match &self.state {
            State::Listening(listener) => Some(listener),
            State::Unauthenticated { .. } | State::Closed => None,
        }
    }

    /// Returns whether the socket receives an event of this user now.
    pub fn receives(&self, user_id: &str, now: Timestamp) -> bool {
        self.listener()
            .is_some_and(|listener| now < listener.expires_at && listener.may_receive(user_id))
    }

    /// Returns the time by which the socket must authenticate, if it has not. [`Session::tick`] must
    /// be called then.
    pub fn authentication_deadline(&self) -> Option<Timestamp> {
        match &self.state {
            State::Unauthenticated { deadline, .. } => Some(*deadline),
            State::Listening(_) | State::Closed => None,
        }
    }

    /// Returns the time at which the token of an authenticated socket expires. [`Session::tick`] must
    /// be called then.
    pub fn token_expiry(&self) -> Option<Timestamp> {
        self.listener().map(|listener| listener.expires_at)
    }

    /// Returns the rate limit key of the client's address while the socket has not authenticated.
    pub fn unauthenticated_address(&self) -> Option<&str> {
        match &self.state {
            State::Unauthenticated { address, .. } => address.as_deref(),
            State::Listening(_) | State::Closed => None,
        }
    }

    /// Returns the entry in the list of open sockets, unless the session is closed.
    pub fn connection(&self) -> Option<Connection> {
        if self.is_closed() {
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

    /// Closes the session if its authentication deadline has passed or its token has expired.
    pub fn tick(&mut self, now: Timestamp) -> Option<Effect<'static>> {
        match &self.state {
            State::Unauthenticated { deadline, .. } if now >= *deadline => {
                Some(self.close(ApiError::AuthenticationTimeout))
            }
            State::Listening(listener) if now >= listener.expires_at => {
                Some(self.close(ApiError::TokenExpired))
            }
            _ => None,
        }
    }

    /// Processes a message. Every message counts towards a limit on messages, even an invalid one.
    /// `buffered_bytes` is what the client has not read: a client that sends and does not read is a
    /// slow consumer, too.
    pub fn receive(
        &mut self,
        incoming: Incoming<'_>,
        buffered_bytes: u32,
        rates: &mut Rates,
        now: Timestamp,
    ) -> Received {
        if self.is_closed() {
            return Received::Done(Vec::new());
        }
        if let Some(close) = self.tick(now) {
            return Received::Done(vec![close]);
        }
        if !self.count_message(rates, now) {
            return Received::Done(vec![self.close(ApiError::TooManyMessages)]);
        }
        if let Some(close) = self.record_backlog(buffered_bytes, now) {
            return Received::Done(vec![close]);
        }
        let message = match incoming {
            Incoming::Text(text) if text.len() <= MAX_MESSAGE_BYTES => ClientMessage::parse(text),
            Incoming::Unread(length) if length <= MAX_MESSAGE_BYTES => {
                Err(ApiError::InvalidMessage)
            }
            Incoming::Text(_) | Incoming::Unread(_) => {
                return Received::Done(vec![self.close(ApiError::MessageTooBig)]);
            }
        };
        match message {
            Ok(ClientMessage::Ping) => Received::Done(vec![Effect::Send(ServerMessage::Pong)]),
            Ok(ClientMessage::Authenticate {
                access_token,
                last_event_id,
            }) => self.receive_token(access_token, last_event_id, now),
            Err(error) => Received::Done(self.reject(error)),
        }
    }

    /// Counts a message. Returns whether the socket and its subject are within their limits.
    fn count_message(&mut self, rates: &mut Rates, now: Timestamp) -> bool {
        match &mut self.state {
            State::Unauthenticated { messages, .. } => {
                *messages = messages.saturating_add(1);
                *messages <= MAX_UNAUTHENTICATED_MESSAGES
            }
            State::Listening(listener) => rates.count_message(self.number, &listener.sub, now),
            State::Closed => false,
        }
    }

    /// Processes the token of an `authenticate` message. The token that the socket already holds is
    /// not verified again. Another token of an authenticated socket is a renewal, which is rejected
    /// before its verification if the socket renews too often.
    fn receive_token(
        &mut self,
        access_token: String,
        last_event_id: Option<String>,
        now: Timestamp,
    ) -> Received {
        let is_renewal = match &mut self.state {
            State::Listening(listener) => {
                if let Some(authenticated) = authenticated_again(listener, &access_token) {
                    return Received::Done(vec![Effect::Send(authenticated)]);
                }
                if !self.renewals.take(now) {
                    return Received::Done(self.reject_renewal());
                }
                true
            }
            State::Unauthenticated { deadline, .. } => {
                // The token arrived in time. The deadline now includes its verification.
                *deadline = self
                    .connected_on
                    .plus_seconds(AUTHENTICATION_SECONDS)
                    .plus_seconds(VERIFICATION_SECONDS);
                false
            }
            State::Closed => false,
        };
        Received::Verify {
            access_token,
            last_event_id,
            is_renewal,
        }
    }

    /// Rejects a renewal without verifying its token, and closes the session after too many of
    /// them.
    pub fn reject_renewal(&mut self) -> Vec<Effect<'static>> {
        if self.is_closed() {
            return Vec::new();
        }
        let error = ApiError::TooManyRequests(RequestLimit::Renewals);
        let mut effects = vec![Effect::Reject(error)];
        self.rejected_renewals = self.rejected_renewals.saturating_add(1);
        if self.rejected_renewals >= MAX_REJECTED_RENEWALS {
            effects.push(self.close(ApiError::TooManyMessages));
        }
        effects
    }

    /// Returns whether [`Session::record_backlog`] must be called for this number of buffered
    /// bytes.
    pub fn needs_backlog_update(&self, buffered_bytes: u32) -> bool {
        self.backlog.is_affected_by(buffered_bytes)
    }

    /// Records the number of buffered bytes, and closes the session if it is a slow consumer.
    pub fn record_backlog(
        &mut self,
        buffered_bytes: u32,
        now: Timestamp,
    ) -> Option<Effect<'static>> {
        if self.backlog.record(buffered_bytes, now) {
            self.close_if_open(ApiError::TooSlow)
        } else {
            None
        }
    }

    /// Closes the session so that its client reconnects.
    pub fn close_for_reconnect(&mut self) -> Option<Effect<'static>> {
        self.close_if_open(ApiError::Reconnect)
    }

    /// Applies the result of verifying a token. The first valid token turns the session into a
    /// subscriber and replays events. A later token only replaces the earlier one, and may have
    /// another subject. If several tokens are verified concurrently, the last verified one counts, and
    /// a failure closes the session.
    pub fn authenticate<'a>(
        &mut self,
        verified: &'a Result<AccessToken>,
        last_event_id: Option<&str>,
        log: &'a EventLog,
        now: Timestamp,
    ) -> Vec<Effect<'a>> {
        if self.is_closed() {
            return Vec::new();
        }
        if let Some(close) = self.tick(now) {
            return vec![close];
        }
        let authorized = verified
            .as_ref()
            .map_err(ApiError::clone)
            .and_then(|token| Ok((token, Listener::authorize(token)?)));
        let (token, listener) = match authorized {
            Ok(authorized) => authorized,
            Err(error) => {
                let failed = ServerMessage::AuthenticationFailed(ErrorBody::from(&error));
                return vec![Effect::Send(failed), self.close(error)];
            }
        };
        // The token may have expired since its verification, while a shard caught up with the leader.
        if now >= listener.expires_at {
            return vec![self.close(ApiError::TokenExpired)];
        }
        let replay = match self.state {
            State::Listening(_) => None,
            _ => Some(Replay::new(log, &listener, last_event_id)),
        };
        let mut effects = vec![Effect::Send(ServerMessage::Authenticated {
            sub: token.sub().into(),
            filter: listener.filter,
            claims: Cow::Borrowed(token.claims()),
            expires_at: listener.expires_at,
            recovered: replay.as_ref().and_then(|replay| replay.recovered),
        })];
        let replayed = replay.into_iter().flat_map(|replay| replay.events);
        effects.extend(replayed.map(|event| Effect::Deliver(&event.json)));
        self.state = State::Listening(listener);
        effects
    }

    /// Ends the session because the client has closed the socket or lost the connection.
    pub fn end(&mut self) {
        self.state = State::Closed;
    }

    /// Returns whether the session is closed.
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    fn close_if_open(&mut self, error: ApiError) -> Option<Effect<'static>> {
        (!self.is_closed()).then(|| self.close(error))
    }

    fn close(&mut self, error: ApiError) -> Effect<'static> {
        self.end();
        Effect::Close(error)
    }

    /// Rejects an invalid message, and closes the session after too many of them.
    fn reject(&mut self, error: ApiError) -> Vec<Effect<'static>> {
        let mut effects = vec![Effect::Reject(error)];
        self.invalid_messages = self.invalid_messages.saturating_add(1);
        if self.invalid_messages >= MAX_INVALID_MESSAGES {
            effects.push(self.close(ApiError::TooManyInvalidMessages));
        }
        effects
    }
}

/// Returns the response to a token that the socket already holds, or `None` for another token.
fn authenticated_again(listener: &Listener, token: &str) -> Option<ServerMessage<'static>> {
    if !listener.holds(token) {
        return None;
    }
    let claims = decode_claims(token)?;
    Some(ServerMessage::Authenticated {
        sub: listener.sub.clone().into(),
        filter: listener.filter,
        claims: Cow::Owned(claims),
        expires_at: listener.expires_at,
        recovered: None,
    })
}

#[cfg(test)]
mod tests;
