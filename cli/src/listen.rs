//! `listen`: events as they come, until Ctrl-C.
//!
//! It comes back after every loss, takes up where it left off, and writes each event once. Ends
//! by itself only when the worker says that coming back is no use, or when the token that it was
//! given has had its time.

use std::{
    collections::VecDeque,
    future::pending,
    time::{Duration, SystemTime},
};

use clap::Args;
use serde::Deserialize;
use session_events_core::{
    protocol::{Filter, ServerMessage},
    timestamp::Timestamp,
};
use tokio::{
    task::{self, JoinError, JoinHandle},
    time,
};

use crate::{
    address::Address,
    backoff,
    event_line::ShownEvent,
    failure::{Failure, Outcome},
    login::{Login, NoToken, Tokens},
    output::{self, Output, plain},
    signals::Signals,
    socket::{Closed, NotConnected, Socket},
};

/// How long before its end a token is replaced, at most.
const RENEW_BEFORE: Duration = Duration::from_secs(30);
const SHORTEST_RENEWAL: Duration = Duration::from_secs(1);
/// The worker replays its last 100 events; one may be told to keep more.
const REMEMBERED: usize = 1_000;
/// An id that no event has: the worker then replays all that it keeps.
const NO_EVENT: &str = "none";

/// Where to begin.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Beginning")]
pub(crate) struct Beginning {
    /// Begin after this event; without it, with the last 100 for a token with listen:events
    #[arg(long, value_name = "ID")]
    last_event_id: Option<String>,
}

pub(crate) fn run(
    address: &Address,
    login: &Login,
    beginning: Beginning,
    output: Output,
) -> Outcome {
    let listener = Listener {
        url: address.socket("/api/subscribe"),
        tenant: address.tenant.to_string(),
        tokens: login.tokens(&address.tenant)?,
        output,
        last_event_id: beginning.last_event_id,
        was_connected: false,
        failures: 0,
        written: VecDeque::new(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let outcome = runtime.block_on(listener.run());
    // A login that is under way is not waited for.
    runtime.shutdown_background();
    outcome
}

/// What a lost connection asks for.
enum Next {
    /// To come back.
    Again(String),
    /// To stay away.
    Stop(String),
}

struct Listener {
    url: String,
    tenant: String,
    tokens: Tokens,
    output: Output,
    last_event_id: Option<String>,
    /// Whether there has been a connection: from then on, events can be missed.
    was_connected: bool,
    /// Tries in a row that have failed.
    failures: u32,
    /// The ids of the newest events that were written.
    written: VecDeque<String>,
}

impl Listener {
    async fn run(mut self) -> Outcome {
        let mut signals = Signals::new()?;
        loop {
            let problem = match self.connection(&mut signals).await? {
                Next::Stop(problem) => return Err(problem.into()),
                Next::Again(problem) => problem,
            };
            let wait = backoff::after(self.failures);
            self.failures = self.failures.saturating_add(1);
            output::note(&output::trying_again(&problem, wait));
            tokio::select! {
                signal = signals.next() => return Err(Failure::Signal(signal)),
                () = time::sleep(wait) => {}
            }
        }
    }

    /// One connection, from the login to its end.
    async fn connection(&mut self, signals: &mut Signals) -> Result<Next, Failure> {
        let connecting = tokio::select! {
            signal = signals.next() => return Err(Failure::Signal(signal)),
            connecting = self.connect() => connecting,
        };
        let mut socket = match connecting {
            Ok(socket) => socket,
            Err(next) => return Ok(next),
        };
        // Known as soon as the worker has accepted the token.
        let mut renewal: Option<Renewal> = None;
        loop {
            let closed = tokio::select! {
                signal = signals.next() => {
                    socket.close().await;
                    return Err(Failure::Signal(signal));
                }
                token = due(renewal.as_mut(), &self.tokens) => socket.authenticate(token, None).await.err(),
                message = socket.next() => match message {
                    Ok(message) => {
                        renewal = self.take(&message)?.or(renewal);
                        None
                    }
                    Err(closed) => Some(closed),
                },
            };
            if let Some(closed) = closed {
                return Ok(self.verdict(&closed, renewal.is_some()));
            }
        }
    }

    async fn connect(&self) -> Result<Socket, Next> {
        let token = match log_in(&self.tokens).await {
            Ok(token) => token,
            Err(NoToken::Refused(problem)) => return Err(Next::Stop(problem)),
            Err(NoToken::Unavailable(problem)) => return Err(Next::Again(problem)),
        };
        let resume = self
            .last_event_id
            .clone()
            .or_else(|| self.was_connected.then(|| NO_EVENT.to_owned()));
        let connecting = Socket::connect(&self.url, token, resume).await;
        connecting.map_err(|problem| match problem {
            NotConnected::Refused(status @ 400..=499) if !matches!(status, 408 | 429) => {
                Next::Stop(problem.complaint(&self.url))
            }
            _ => Next::Again(problem.complaint(&self.url)),
        })
    }

    /// Deals with a message; gives the renewal that follows from an accepted token.
    fn take(&mut self, message: &str) -> Result<Option<Renewal>, Failure> {
        #[derive(Deserialize)]
        struct Identified {
            id: Option<String>,
        }
        if let Ok(Identified { id: Some(id) }) = serde_json::from_str(message) {
            self.write(id, message)?;
            return Ok(None);
        }
        match serde_json::from_str(message) {
            Ok(ServerMessage::Authenticated {
                sub,
                filter,
                claims,
                expires_at,
                recovered,
            }) => {
                self.failures = 0;
                let first = !std::mem::replace(&mut self.was_connected, true);
                if recovered == Some(false) && self.last_event_id.is_some() {
                    output::note("Some events were missed: the worker no longer keeps them");
                }
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
                Ok(Some(Renewal::of(expires_at, claim("iat"), claim("exp"))))
            }
            Ok(ServerMessage::AuthenticationFailed(error) | ServerMessage::Error(error)) => {
                output::note(&format!("{}: {}", error.error, error.error_description));
                Ok(None)
            }
            // What a newer worker may say besides is nothing that a listener must know.
            Ok(_) | Err(_) => Ok(None),
        }
    }

    fn write(&mut self, id: String, event: &str) -> Outcome {
        if self.written.contains(&id) {
            return Ok(());
        }
        if self.output.is_json() {
            output::json_line(event)?;
        } else if let Ok(shown) = serde_json::from_str::<ShownEvent>(event) {
            output::line(&shown.line())?;
        } else {
            output::line(&plain(event))?;
        }
        self.last_event_id = Some(id.clone());
        self.written.push_back(id);
        if self.written.len() > REMEMBERED {
            self.written.pop_front();
        }
        Ok(())
    }

    /// What the end of a socket asks for, on which a token was accepted or not; the codes are
    /// those of docs/protocol.md.
    fn verdict(&self, Closed { code, reason }: &Closed, was_accepted: bool) -> Next {
        let said = format!("the connection was closed with {code} {reason}");
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

async fn log_in(tokens: &Tokens) -> Result<String, NoToken> {
    outcome(begin_login(tokens).await)
}

fn begin_login(tokens: &Tokens) -> JoinHandle<Result<String, NoToken>> {
    let tokens = tokens.clone();
    task::spawn_blocking(move || tokens.get())
}

fn outcome(login: Result<Result<String, NoToken>, JoinError>) -> Result<String, NoToken> {
    login.unwrap_or_else(|error| Err(NoToken::Unavailable(error.to_string())))
}

/// When the token is to be replaced.
struct Renewal {
    at: Option<time::Instant>,
    /// The login that is under way.
    login: Option<JoinHandle<Result<String, NoToken>>>,
    failures: u32,
}

impl Renewal {
    /// That of a token which was just issued. It has its whole life ahead whatever this machine's
    /// clock says, where its claims tell how long that is.
    fn of(expires_at: Timestamp, iat: Option<i64>, exp: Option<i64>) -> Self {
        let lifetime = iat.zip(exp).and_then(|(iat, exp)| exp.checked_sub(iat));
        let left = match lifetime {
            Some(seconds) => Duration::from_secs(u64::try_from(seconds).unwrap_or_default()),
            None => until(expires_at),
        };
        let wait = left
            .saturating_sub(RENEW_BEFORE.min(left.mul_f64(0.5)))
            .max(SHORTEST_RENEWAL);
        Self {
            at: time::Instant::now().checked_add(wait),
            login: None,
            failures: 0,
        }
    }
}

/// A newer token, when it is time for one and there is one to be had. It may be dropped and called
/// again, as every event makes it be: the login that is under way goes on.
async fn due(renewal: Option<&mut Renewal>, tokens: &Tokens) -> String {
    let Some(renewal) = renewal.filter(|_| tokens.are_renewable()) else {
        return pending().await;
    };
    loop {
        let Some(at) = renewal.at else {
            return pending().await;
        };
        time::sleep_until(at).await;
        let login = renewal.login.get_or_insert_with(|| begin_login(tokens));
        let token = outcome(login.await);
        renewal.login = None;
        match token {
            Ok(token) => {
                renewal.at = None;
                return token;
            }
            Err(problem) => output::note(&plain(&String::from(problem))),
        }
        renewal.at = time::Instant::now().checked_add(backoff::after(renewal.failures));
        renewal.failures = renewal.failures.saturating_add(1);
    }
}

fn until(moment: Timestamp) -> Duration {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let moment = u64::try_from(moment.as_millis()).unwrap_or_default();
    Duration::from_millis(moment).saturating_sub(now.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_replaced_half_a_minute_before_its_end_or_at_half_of_a_short_life() {
        for (lifetime, wait) in [(600, 570), (60, 30), (40, 20), (1, 1), (-5, 1)] {
            let renewal = Renewal::of(Timestamp::from_millis(0), Some(100), Some(100 + lifetime));
            let remaining = renewal.at.unwrap() - time::Instant::now();
            assert_eq!(
                remaining.as_secs_f64().round(),
                f64::from(wait),
                "{lifetime}"
            );
        }
    }
}
