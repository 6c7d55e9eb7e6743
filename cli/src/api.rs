//! Requests over HTTP: bounded in time and in size, and never led elsewhere by a redirect or by a
//! proxy of the environment, which the WebSocket would not take either.

use std::time::Duration;

use serde::de::DeserializeOwned;
use session_events_core::protocol::ErrorBody;
use ureq::{Agent, Body, http::Response};

const TIMEOUT: Duration = Duration::from_secs(30);
/// More than the longest answer: 100 events, or the listeners of a busy tenant.
const MAX_ANSWER_BYTES: u64 = 64 * 1024 * 1024;

/// A client for all requests of a command.
pub(crate) fn agent() -> Agent {
    Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .max_redirects(0)
        .proxy(None)
        .http_status_as_error(false)
        .user_agent(concat!("session-events-cli/", env!("CARGO_PKG_VERSION")))
        .build()
        .into()
}

/// An answer, whatever its status.
pub(crate) struct Answer {
    /// The URL that was asked, for messages.
    url: String,
    pub(crate) status: u16,
    /// The seconds of `Retry-After`.
    pub(crate) retry_after: Option<u64>,
    pub(crate) body: String,
}

impl Answer {
    /// The worker's.
    pub(crate) fn of_worker(
        url: &str,
        sent: Result<Response<Body>, ureq::Error>,
    ) -> Result<Self, String> {
        Self::of(url, sent)
            .map_err(|problem| format!("{problem}: check the URL, and that the worker runs there"))
    }

    /// Anybody's.
    pub(crate) fn of(url: &str, sent: Result<Response<Body>, ureq::Error>) -> Result<Self, String> {
        let unreachable = |error| match error {
            ureq::Error::Io(error) => format!("{url} cannot be reached: {error}"),
            error => format!("{url} cannot be reached: {error}"),
        };
        let mut response = sent.map_err(unreachable)?;
        let retry_after = response.headers().get("retry-after");
        let retry_after = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(MAX_ANSWER_BYTES);
        Ok(Self {
            url: url.to_owned(),
            status,
            retry_after,
            body: body.read_to_string().map_err(unreachable)?,
        })
    }

    /// Whether the same request may be answered better a little later. What the operator has to
    /// set does not come by waiting.
    pub(crate) fn may_pass(&self) -> bool {
        let to_be_set = serde_json::from_str::<ErrorBody>(&self.body)
            .is_ok_and(|error| ["misconfigured", "not_configured"].contains(&error.error.as_ref()));
        matches!(self.status, 429 | 500..) && !to_be_set
    }

    /// What went wrong, in the worker's own words where it has any.
    pub(crate) fn complaint(&self) -> String {
        let Self { url, status, .. } = self;
        match serde_json::from_str::<ErrorBody>(&self.body) {
            Ok(error) => format!("{status} {}: {}", error.error, error.error_description),
            Err(_) => format!(
                "{url} answers {status}, which no session-events worker does: check the URL"
            ),
        }
    }

    /// The body of a good answer.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, String> {
        if self.status != 200 {
            return Err(self.complaint());
        }
        serde_json::from_str(&self.body)
            .map_err(|error| format!("{} answers something unexpected: {error}", self.url))
    }
}

/// Asks for what takes an access token.
pub(crate) fn get(agent: &Agent, url: &str, token: &str) -> Result<Answer, String> {
    let request = agent
        .get(url)
        .header("authorization", format!("Bearer {token}"));
    Answer::of_worker(url, request.call())
}
