//! A newer token in time: half a minute before the old one's end, or at half of a short life.

use std::{
    future::pending,
    time::{Duration, SystemTime},
};

use session_events_core::timestamp::Timestamp;
use tokio::{
    task::{self, JoinError, JoinHandle},
    time,
};

use crate::{
    backoff,
    login::{NoToken, Tokens},
    output::{self, plain},
};

/// How long before its end a token is replaced, at most.
const RENEW_BEFORE: Duration = Duration::from_secs(30);
const SHORTEST_RENEWAL: Duration = Duration::from_secs(1);

/// A token, without keeping the thread.
pub(crate) async fn log_in(tokens: &Tokens) -> Result<String, NoToken> {
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
pub(crate) struct Renewal {
    at: Option<time::Instant>,
    /// The login that is under way.
    login: Option<JoinHandle<Result<String, NoToken>>>,
    failures: u32,
}

impl Renewal {
    /// That of a token which was just issued. It has its whole life ahead whatever this machine's
    /// clock says, where its claims tell how long that is.
    pub(crate) fn of(expires_at: Timestamp, iat: Option<i64>, exp: Option<i64>) -> Self {
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
pub(crate) async fn due(renewal: Option<&mut Renewal>, tokens: &Tokens) -> String {
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
