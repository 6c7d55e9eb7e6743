//! Refreshing the access token of an open socket before it expires.

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
    connection::{backoff, token_source::TokenSource},
    error::{Error, Result},
    output,
};

/// A token is refreshed this long before it expires, or at half of its lifetime if that is later.
const REFRESH_BEFORE_EXPIRY: Duration = Duration::from_secs(30);
/// The Worker accepts a renewal every ten seconds for each socket (docs/protocol.md, "Limits").
const MIN_DELAY: Duration = Duration::from_secs(10);

/// Fetches a token on a thread for blocking work.
pub(crate) async fn fetch_token_in_background(source: &TokenSource) -> Result<String> {
    flatten(spawn_fetch(source).await)
}

fn spawn_fetch(source: &TokenSource) -> JoinHandle<Result<String>> {
    let source = source.clone();
    task::spawn_blocking(move || source.fetch_token())
}

fn flatten<T>(joined: std::result::Result<Result<T>, JoinError>) -> Result<T> {
    joined.unwrap_or_else(|error| Err(Error::Temporary(error.to_string())))
}

/// The schedule for replacing one token.
pub(crate) struct TokenRefresh {
    /// `None` while the Worker verifies the new token.
    due_at: Option<time::Instant>,
    /// The request in flight.
    request: Option<JoinHandle<Result<String>>>,
    /// The new token, kept to be sent again if the Worker rejects the renewal as too early.
    token: Option<String>,
    failures: u32,
}

impl TokenRefresh {
    /// Schedules the refresh of a token that was just issued.
    ///
    /// If `iat` and `exp` are known, the remaining lifetime is the difference between them. It is
    /// then correct even if the clock of this machine is wrong.
    pub(crate) fn schedule(expires_at: Timestamp, iat: Option<i64>, exp: Option<i64>) -> Self {
        let lifetime = iat.zip(exp).and_then(|(iat, exp)| exp.checked_sub(iat));
        let remaining = match lifetime {
            Some(seconds) => Duration::from_secs(u64::try_from(seconds).unwrap_or_default()),
            None => time_until(expires_at),
        };
        let margin = REFRESH_BEFORE_EXPIRY.min(remaining.mul_f64(0.5));
        let delay = remaining.saturating_sub(margin).max(MIN_DELAY);
        Self {
            due_at: time::Instant::now().checked_add(delay),
            request: None,
            token: None,
            failures: 0,
        }
    }

    /// Sends the new token again later, because the Worker has received too many renewals. The
    /// socket keeps its present token meanwhile.
    pub(crate) fn postpone(&mut self) {
        let delay = MIN_DELAY.saturating_add(backoff::delay(self.failures));
        self.due_at = time::Instant::now().checked_add(delay);
        self.failures = self.failures.saturating_add(1);
    }
}

/// Waits until the refresh is due and returns the token to send: the postponed one, or a new one.
/// Failed requests are reported and retried. Never returns without a schedule, or if the source
/// cannot refresh tokens.
///
/// Cancel safe: if the future is dropped, the next call continues to wait for the request in
/// flight.
pub(crate) async fn refreshed_token(
    refresh: Option<&mut TokenRefresh>,
    source: &TokenSource,
) -> String {
    let Some(refresh) = refresh.filter(|_| source.can_refresh()) else {
        return pending().await;
    };
    loop {
        let Some(due_at) = refresh.due_at else {
            return pending().await;
        };
        time::sleep_until(due_at).await;
        if let Some(token) = &refresh.token {
            refresh.due_at = None;
            return token.clone();
        }
        let request = refresh.request.get_or_insert_with(|| spawn_fetch(source));
        let result = flatten(request.await);
        refresh.request = None;
        match result {
            Ok(token) => {
                refresh.due_at = None;
                refresh.token = Some(token.clone());
                return token;
            }
            Err(error) => output::print_note(&error.to_string()),
        }
        refresh.due_at = time::Instant::now().checked_add(backoff::delay(refresh.failures));
        refresh.failures = refresh.failures.saturating_add(1);
    }
}

fn time_until(timestamp: Timestamp) -> Duration {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let timestamp = u64::try_from(timestamp.as_millis()).unwrap_or_default();
    Duration::from_millis(timestamp).saturating_sub(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_refreshed_half_a_minute_before_expiry_or_at_half_of_a_short_lifetime_but_not_within_ten_seconds()
     {
        for (lifetime, delay) in [(600, 570), (60, 30), (40, 20), (12, 10), (1, 10), (-5, 10)] {
            let refresh =
                TokenRefresh::schedule(Timestamp::from_millis(0), Some(100), Some(100 + lifetime));
            let remaining = refresh.due_at.unwrap() - time::Instant::now();
            assert_eq!(
                remaining.as_secs_f64().round(),
                f64::from(delay),
                "{lifetime}"
            );
        }
    }
}
