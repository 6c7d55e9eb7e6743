//! A subscription to the events of a tenant that survives lost connections.
//!
//! It reconnects, resumes after the last event, and returns each event once. It ends on a signal,
//! on an error that a reconnect would not change, or when a fixed access token expires.

use std::{future::Future, time::Duration};

use serde::Deserialize;
use session_events_core::protocol::{bodies::ErrorBody, filter::Filter, messages::ServerMessage};
use tokio::time;

use crate::{
    connection::{
        backoff,
        http::is_temporary,
        signals::Signals,
        socket::{Closed, ConnectError, Rejection, Socket},
        token_refresh::{TokenRefresh, fetch_token_in_background, refreshed_token},
        token_source::TokenSource,
    },
    error::{Error, Result},
    options::worker::WorkerOptions,
    output,
    recent_map::RecentMap,
};

/// The number of event ids to remember. Larger than the 100 events that the Worker replays.
const REMEMBERED_IDS: usize = 1_000;
/// An id that no event has. With it, the Worker replays all events that it can replay.
pub(crate) const UNKNOWN_EVENT_ID: &str = "none";
/// The number of failed attempts before the first connection after which `doctor` is recommended.
const ATTEMPTS_BEFORE_HINT: u32 = 3;
/// The limit for `Retry-After`.
const MAX_RETRY_DELAY: Duration = Duration::from_secs(60);

pub(crate) enum Update {
    /// An event, as the JSON text that the Worker sent.
    Event(String),
    /// Events were missed before the next update, because the Worker can no longer replay them.
    Gap,
}

struct Connection {
    socket: Socket,
    /// Set once the Worker has accepted the token.
    refresh: Option<TokenRefresh>,
}

pub(crate) struct Subscription {
    url: String,
    tenant: String,
    token_source: TokenSource,
    signals: Signals,
    /// The access token that was sent last.
    token: String,
    connection: Option<Connection>,
    last_event_id: Option<String>,
    /// True once the Worker has accepted a token. Only then can events be missed.
    was_connected: bool,
    /// True if the Worker rejected the token of the previous attempt to connect.
    previous_was_401: bool,
    /// The number of failed attempts in a row.
    failures: u32,
    /// The ids of the events that were returned last, to drop duplicates.
    returned_ids: RecentMap<String, ()>,
}

/// Runs a future to completion on a new single-threaded runtime.
pub(crate) fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let result = runtime.block_on(future);
    // Do not wait for a blocking request in flight.
    runtime.shutdown_background();
    result
}

impl Subscription {
    /// Creates a subscription that starts after the given event. From now on, signals end the
    /// subscription instead of the process.
    pub(crate) fn new(
        worker: &WorkerOptions,
        token_source: TokenSource,
        last_event_id: Option<String>,
    ) -> Result<Self> {
        Ok(Self {
            url: worker.websocket_endpoint("/api/subscribe"),
            tenant: worker.slug.to_string(),
            token_source,
            signals: Signals::new()?,
            token: String::new(),
            connection: None,
            last_event_id,
            was_connected: false,
            previous_was_401: false,
            failures: 0,
            returned_ids: RecentMap::new(REMEMBERED_IDS),
        })
    }

    /// Waits for the next update. The caller must have processed the previous update, because a
    /// reconnect resumes after it.
    pub(crate) async fn next(&mut self) -> Result<Update> {
        loop {
            let Some(Connection { socket, refresh }) = &mut self.connection else {
                self.connect().await?;
                continue;
            };
            if refresh.is_some() {
                self.failures = 0;
            }
            let result = tokio::select! {
                signal = self.signals.next() => return Err(self.end(signal).await),
                token = refreshed_token(refresh.as_mut(), &self.token_source) => {
                    self.token.clone_from(&token);
                    socket.renew(token).await
                }
                message = socket.next() => match message {
                    Ok(message) => match self.handle_message(message) {
                        Some(update) => return Ok(update),
                        None => continue,
                    },
                    Err(closed) => Err(closed),
                },
            };
            if let Err(closed) = result {
                match self.close_error(&closed) {
                    error if error.is_temporary() => {
                        self.drop_and_back_off_for(&error, closed.min_delay())
                            .await?;
                    }
                    error => return Err(error),
                }
            }
        }
    }

    /// The access token that was sent last.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Drops the connection, reports the error, and waits before the next attempt to connect.
    pub(crate) async fn drop_and_back_off(&mut self, error: &Error) -> Result {
        self.drop_and_back_off_for(error, Duration::ZERO).await
    }

    /// Like [`Self::drop_and_back_off`], but waits at least `min_delay`. The random part of the delay
    /// is added, because other clients wait for the same time.
    async fn drop_and_back_off_for(&mut self, error: &Error, min_delay: Duration) -> Result {
        self.connection = None;
        let delay = min_delay
            .min(MAX_RETRY_DELAY)
            .saturating_add(backoff::delay(self.failures));
        self.failures = self.failures.saturating_add(1);
        output::print_note(&output::retry_note(error, delay));
        if self.failures == ATTEMPTS_BEFORE_HINT && !self.was_connected {
            output::print_note(
                "No connection could be established yet: run session-events doctor to find out why",
            );
        }
        self.unless_signalled(time::sleep(delay)).await
    }

    /// Awaits a future. A signal cancels it and ends the subscription.
    pub(crate) async fn unless_signalled<T>(
        &mut self,
        future: impl Future<Output = T>,
    ) -> Result<T> {
        tokio::select! {
            signal = self.signals.next() => Err(self.end(signal).await),
            output = future => Ok(output),
        }
    }

    /// Closes the socket and returns the error for the signal.
    async fn end(&mut self, signal: u8) -> Error {
        if let Some(Connection { socket, .. }) = self.connection.take() {
            socket.close().await;
        }
        Error::Signal(signal)
    }

    /// Attempts to open a socket, and backs off if that fails.
    async fn connect(&mut self) -> Result {
        // A connection that was lost before its first event must not miss events either.
        let resume_after = self
            .last_event_id
            .clone()
            .or_else(|| self.was_connected.then(|| UNKNOWN_EVENT_ID.to_owned()));
        let (token_source, url) = (self.token_source.clone(), self.url.clone());
        let opening = open(&token_source, &url, resume_after.as_deref());
        match self.unless_signalled(opening).await? {
            Ok((socket, token)) => {
                self.token = token;
                self.connection = Some(Connection {
                    socket,
                    refresh: None,
                });
                Ok(())
            }
            Err(ConnectError::Rejected(rejection)) => self.handle_rejection(rejection).await,
            Err(ConnectError::Other(error)) => self.handle_connect_error(error).await,
        }
    }

    /// Backs off if a repeated upgrade request may succeed, and returns an error otherwise. docs/protocol.md describes the statuses.
    async fn handle_rejection(&mut self, rejection: Rejection) -> Result {
        let Rejection {
            status,
            retry_after,
            message,
        } = rejection;
        let previous_was_401 = self.previous_was_401;
        self.previous_was_401 = status == 401;
        // The issuer may have rotated its keys: after a first 401, a new token is signed with the new
        // key. A second 401 has another cause.
        let may_accept_new_token =
            status == 401 && self.token_source.can_refresh() && !previous_was_401;
        if may_accept_new_token || is_temporary(status) || status < 400 {
            let min_delay = retry_after.unwrap_or_default();
            return self
                .drop_and_back_off_for(&Error::Temporary(message), min_delay)
                .await;
        }
        Err(Error::Failed(match status {
            401 | 404 => message,
            _ => format!("{message}; a reconnect would fail again"),
        }))
    }

    /// Backs off after a temporary error and returns any other error.
    async fn handle_connect_error(&mut self, error: Error) -> Result {
        if error.is_temporary() {
            self.drop_and_back_off(&error).await
        } else {
            Err(error)
        }
    }

    fn handle_message(&mut self, message: String) -> Option<Update> {
        #[derive(Deserialize)]
        struct EventId {
            id: Option<String>,
        }
        // Only events have an id. Their other members are not parsed, because a newer Worker may
        // send event types that this program does not know.
        if let Ok(EventId { id: Some(id) }) = serde_json::from_str(&message) {
            return self.take_event(id, message);
        }
        match serde_json::from_str(&message) {
            Ok(ServerMessage::Authenticated {
                sub,
                filter,
                claims,
                expires_at,
                recovered,
            }) => {
                let claim = |name| claims.get(name).and_then(serde_json::Value::as_i64);
                let refresh = TokenRefresh::schedule(expires_at, claim("iat"), claim("exp"));
                self.on_authenticated(&sub, filter, refresh, recovered)
            }
            Ok(ServerMessage::AuthenticationFailed(error) | ServerMessage::Error(error)) => {
                self.on_error(&error);
                None
            }
            // Other messages, including unknown ones of a newer Worker, need no action.
            Ok(_) | Err(_) => None,
        }
    }

    /// Returns an event unless it was returned before.
    fn take_event(&mut self, id: String, event: String) -> Option<Update> {
        if self.returned_ids.get(&id).is_some() {
            return None;
        }
        self.last_event_id = Some(id.clone());
        self.returned_ids.insert(id, ());
        Some(Update::Event(event))
    }

    /// Schedules the refresh of a token that the Worker has accepted. Returns a gap if the Worker
    /// could not replay all events since the last one.
    fn on_authenticated(
        &mut self,
        subject: &str,
        filter: Filter,
        refresh: TokenRefresh,
        recovered: Option<bool>,
    ) -> Option<Update> {
        let is_first = !self.was_connected;
        self.was_connected = true;
        self.previous_was_401 = false;
        // Without `recovered`, the message confirms a refreshed token.
        if is_first || recovered.is_some() {
            self.print_subscribed(subject, filter);
        }
        if let Some(connection) = &mut self.connection {
            connection.refresh = Some(refresh);
        }
        let has_gap = recovered == Some(false) && self.last_event_id.is_some();
        has_gap.then_some(Update::Gap)
    }

    /// Prints an error of the Worker. After `too_many_requests`, postpones the renewal.
    fn on_error(&mut self, error: &ErrorBody) {
        output::print_note(&format!("{}: {}", error.error, error.error_description));
        if error.error == "too_many_requests"
            && let Some(refresh) = self.refresh()
        {
            refresh.postpone();
        }
    }

    fn refresh(&mut self) -> Option<&mut TokenRefresh> {
        self.connection.as_mut()?.refresh.as_mut()
    }

    fn print_subscribed(&self, subject: &str, filter: Filter) {
        let events_of = match filter {
            Filter::All => "all users",
            Filter::Own => "this user only",
        };
        output::print_note(&format!(
            "Subscribed to {} as {subject}, to events of {events_of}",
            self.tenant
        ));
    }

    /// Returns the error for a closed socket. The error is temporary if a reconnect may succeed.
    /// docs/protocol.md describes the close codes.
    fn close_error(&self, closed: &Closed) -> Error {
        let was_authenticated = self
            .connection
            .as_ref()
            .is_some_and(|connection| connection.refresh.is_some());
        match closed.code {
            1009 | 4400 | 4403 => Error::Failed(format!("{closed}; a reconnect would fail again")),
            // The rejected token was new, so another one would be rejected as well.
            4401 | 4419 if !was_authenticated => Error::Failed(closed.to_string()),
            4401 | 4419 if !self.token_source.can_refresh() => Error::Failed(format!(
                "{closed}: give a new token, or a client id and secret to request new tokens with"
            )),
            _ => Error::Temporary(closed.to_string()),
        }
    }
}

/// Fetches a token and opens a socket with it. Returns both.
async fn open(
    token_source: &TokenSource,
    url: &str,
    last_event_id: Option<&str>,
) -> Result<(Socket, String), ConnectError> {
    let token = fetch_token_in_background(token_source)
        .await
        .map_err(ConnectError::Other)?;
    let socket = Socket::connect(url, &token, last_event_id).await?;
    Ok((socket, token))
}
