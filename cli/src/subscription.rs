//! The events of a tenant as they come, through every loss of the connection.
//!
//! It comes back after every loss, takes up where it left off, and hands on each event once. It
//! ends only when the worker says that coming back is no use, when the token that it was given has
//! had its time, or on a signal.

use std::future::Future;

use serde::Deserialize;
use session_events_core::protocol::{Filter, ServerMessage};
use tokio::time;

use crate::{
    address::Address,
    backoff,
    failure::{Failure, Outcome},
    login::{NoToken, Tokens},
    output::{self, plain},
    recent::Recent,
    renewal::{Renewal, due, log_in},
    signals::Signals,
    socket::{Closed, NotConnected, Socket},
};

/// The worker replays its last 100 events; a later one may keep more.
const REMEMBERED: usize = 1_000;
/// An id that no event has: the worker then replays all that it keeps.
pub(crate) const NO_EVENT: &str = "none";

/// After how many tries it is said that there has been no connection at all.
const DOUBTS: u32 = 3;

/// What a subscription hands on.
pub(crate) enum Arrival {
    /// An event, as the worker has it.
    Event(String),
    /// Before what comes next there were events that the worker no longer keeps.
    Gap,
}

/// What a lost connection asks for.
enum Next {
    /// To come back.
    Again(String),
    /// To stay away.
    Stop(String),
}

struct Connection {
    socket: Socket,
    /// Known as soon as the worker has accepted the token.
    renewal: Option<Renewal>,
}

pub(crate) struct Subscription {
    url: String,
    tenant: String,
    tokens: Tokens,
    signals: Signals,
    /// The token that was shown last.
    token: String,
    connection: Option<Connection>,
    last_event_id: Option<String>,
    /// Whether there has been a connection: from then on, events can be missed.
    was_connected: bool,
    /// Tries in a row that have failed.
    failures: u32,
    /// The ids of the newest events that were handed on.
    handed_on: Recent<String, ()>,
}

/// Runs what subscribes to its end.
pub(crate) fn block_on(subscriber: impl Future<Output = Outcome>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let outcome = runtime.block_on(subscriber);
    // A request that is under way is not waited for.
    runtime.shutdown_background();
    outcome
}

impl Subscription {
    /// One that begins after this event. From now on, signals do not end the program by
    /// themselves.
    pub(crate) fn new(
        address: &Address,
        tokens: Tokens,
        last_event_id: Option<String>,
    ) -> Result<Self, String> {
        Ok(Self {
            url: address.socket("/api/subscribe"),
            tenant: address.tenant.to_string(),
            tokens,
            signals: Signals::new()?,
            token: String::new(),
            connection: None,
            last_event_id,
            was_connected: false,
            failures: 0,
            handed_on: Recent::new(REMEMBERED),
        })
    }

    /// What comes next. Whoever asks has coped with what came before.
    pub(crate) async fn next(&mut self) -> Result<Arrival, Failure> {
        loop {
            let Some(Connection { socket, renewal }) = &mut self.connection else {
                self.connect().await?;
                continue;
            };
            if renewal.is_some() {
                self.failures = 0;
            }
            let closed = tokio::select! {
                signal = self.signals.next() => return Err(self.end(signal).await),
                token = due(renewal.as_mut(), &self.tokens) => {
                    self.token.clone_from(&token);
                    socket.authenticate(token, None).await.err()
                }
                message = socket.next() => match message {
                    Ok(message) => match self.take(message) {
                        Some(arrival) => return Ok(arrival),
                        None => continue,
                    },
                    Err(closed) => Some(closed),
                },
            };
            if let Some(closed) = closed {
                match self.verdict(&closed) {
                    Next::Stop(problem) => return Err(problem.into()),
                    Next::Again(problem) => self.lose(&problem).await?,
                }
            }
        }
    }

    /// The token that was shown last.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Gives the connection up, for it is of no use as things are, and waits before there is
    /// another.
    pub(crate) async fn lose(&mut self, problem: &str) -> Outcome {
        self.connection = None;
        let wait = backoff::after(self.failures);
        self.failures = self.failures.saturating_add(1);
        output::note(&output::trying_again(problem, wait));
        if self.failures == DOUBTS && !self.was_connected {
            output::note("There has been no connection yet: session-events doctor finds out why");
        }
        self.unless_signalled(time::sleep(wait)).await
    }

    /// Does something else meanwhile, unless a signal ends it.
    pub(crate) async fn unless_signalled<T>(
        &mut self,
        work: impl Future<Output = T>,
    ) -> Result<T, Failure> {
        tokio::select! {
            signal = self.signals.next() => Err(self.end(signal).await),
            done = work => Ok(done),
        }
    }

    async fn end(&mut self, signal: u8) -> Failure {
        if let Some(Connection { socket, .. }) = self.connection.take() {
            socket.close().await;
        }
        Failure::Signal(signal)
    }

    /// Tries to have a connection.
    async fn connect(&mut self) -> Outcome {
        let resume = self
            .last_event_id
            .clone()
            .or_else(|| self.was_connected.then(|| NO_EVENT.to_owned()));
        let (tokens, url) = (self.tokens.clone(), self.url.clone());
        match self.unless_signalled(open(&tokens, &url, resume)).await? {
            Ok((socket, token)) => {
                self.token = token;
                self.connection = Some(Connection {
                    socket,
                    renewal: None,
                });
                Ok(())
            }
            Err(Next::Stop(problem)) => Err(problem.into()),
            Err(Next::Again(problem)) => self.lose(&problem).await,
        }
    }

    /// Deals with a message; gives what there is to hand on of it.
    fn take(&mut self, message: String) -> Option<Arrival> {
        #[derive(Deserialize)]
        struct Identified {
            id: Option<String>,
        }
        if let Ok(Identified { id: Some(id) }) = serde_json::from_str(&message) {
            if self.handed_on.get(&id).is_some() {
                return None;
            }
            self.last_event_id = Some(id.clone());
            self.handed_on.insert(id, ());
            return Some(Arrival::Event(message));
        }
        match serde_json::from_str(&message) {
            Ok(ServerMessage::Authenticated {
                sub,
                filter,
                claims,
                expires_at,
                recovered,
            }) => {
                let first = !std::mem::replace(&mut self.was_connected, true);
                if first || recovered.is_some() {
                    let whose = match filter {
                        Filter::All => "all users",
                        Filter::Own => "that user alone",
                    };
                    output::note(&format!(
                        "Listening to {} as {}, to events of {whose}",
                        self.tenant,
                        plain(&sub)
                    ));
                }
                let claim = |name| claims.get(name).and_then(serde_json::Value::as_i64);
                let renewal = Renewal::of(expires_at, claim("iat"), claim("exp"));
                if let Some(connection) = &mut self.connection {
                    connection.renewal = Some(renewal);
                }
                let missed = recovered == Some(false) && self.last_event_id.is_some();
                missed.then_some(Arrival::Gap)
            }
            Ok(ServerMessage::AuthenticationFailed(error) | ServerMessage::Error(error)) => {
                output::note(&format!("{}: {}", error.error, error.error_description));
                None
            }
            // What a newer worker may say besides is nothing that a listener must know.
            Ok(_) | Err(_) => None,
        }
    }

    /// What the end of the socket asks for; the codes are those of docs/protocol.md.
    fn verdict(&self, Closed { code, reason }: &Closed) -> Next {
        let said = format!("the connection was closed with {code} {reason}");
        let connection = self.connection.as_ref();
        let was_accepted = connection.is_some_and(|connection| connection.renewal.is_some());
        match code {
            1009 | 4400 | 4403 => Next::Stop(format!("{said}, so coming back is no use")),
            // A token that was refused was new: the next would be refused as well.
            4401 | 4419 if !was_accepted => Next::Stop(said),
            4401 | 4419 if !self.tokens.are_renewable() => Next::Stop(format!(
                "{said}: give a new token, or a client id and secret to get new ones by"
            )),
            _ => Next::Again(said.trim_end().to_owned()),
        }
    }
}

/// Logs in and opens a socket; gives the token that was shown on it.
async fn open(
    tokens: &Tokens,
    url: &str,
    last_event_id: Option<String>,
) -> Result<(Socket, String), Next> {
    let token = match log_in(tokens).await {
        Ok(token) => token,
        Err(NoToken::Refused(problem)) => return Err(Next::Stop(problem)),
        Err(NoToken::Unavailable(problem)) => return Err(Next::Again(problem)),
    };
    match Socket::connect(url, token.clone(), last_event_id).await {
        Ok(socket) => Ok((socket, token)),
        Err(problem @ NotConnected::Refused(status @ 400..=499))
            if !matches!(status, 408 | 429) =>
        {
            Err(Next::Stop(problem.complaint(url)))
        }
        Err(problem) => Err(Next::Again(problem.complaint(url))),
    }
}
