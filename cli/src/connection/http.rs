//! HTTP requests with a limited duration and response size.
//!
//! Redirects and proxies from the environment are ignored: credentials must reach only the given
//! host, and the WebSocket does not use a proxy either.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use session_events_core::protocol::bodies::ErrorBody;
use ureq::{
    Agent, Body,
    http::{self, HeaderMap, HeaderValue},
};

use crate::{
    error::{Error, Result},
    output::escape::escape,
};

const TIMEOUT: Duration = Duration::from_secs(30);
/// Larger than any response of Auth0.
const MAX_RESPONSE_BYTES: u64 = 4 * 1024 * 1024;
/// Larger than any response of the Worker, such as the subscribers of a busy tenant.
const MAX_WORKER_RESPONSE_BYTES: u64 = 64 * 1024 * 1024;

type Sent = std::result::Result<http::Response<Body>, ureq::Error>;

pub(crate) fn client() -> Agent {
    Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .max_redirects(0)
        .proxy(None)
        .http_status_as_error(false)
        .user_agent(concat!("session-events-cli/", env!("CARGO_PKG_VERSION")))
        .build()
        .into()
}

/// A response with any status.
pub(crate) struct Response {
    /// The URL of the request, for error messages.
    url: String,
    pub(crate) status: u16,
    /// The time for which the server refuses further requests, if it says so.
    pub(crate) retry_delay: Option<Duration>,
    pub(crate) body: String,
}

impl Response {
    /// Reads a response from any host. A transport failure is a temporary error.
    pub(crate) fn read(url: &str, sent: Sent) -> Result<Self> {
        Self::read_up_to(MAX_RESPONSE_BYTES, url, sent)
    }

    fn read_up_to(max_bytes: u64, url: &str, sent: Sent) -> Result<Self> {
        let unreachable = |error| {
            Error::Temporary(match error {
                // ureq adds the prefix "io: " to these errors.
                ureq::Error::Io(error) => format!("{url} cannot be reached: {error}"),
                error => format!("{url} cannot be reached: {error}"),
            })
        };
        let mut response = sent.map_err(unreachable)?;
        let retry_delay = retry_delay(response.headers());
        let status = response.status().as_u16();
        let body = response
            .body_mut()
            .with_config()
            .limit(max_bytes)
            .read_to_string()
            .map_err(unreachable)?;
        Ok(Self {
            url: url.to_owned(),
            status,
            retry_delay,
            body,
        })
    }

    /// Reads a response from the Worker.
    pub(crate) fn read_from_worker(url: &str, sent: Sent) -> Result<Self> {
        Self::read_up_to(MAX_WORKER_RESPONSE_BYTES, url, sent).map_err(|error| {
            error.with_advice("check the URL, and that the Worker is deployed there")
        })
    }

    /// Returns true if the same request may succeed later.
    pub(crate) fn is_retryable(&self) -> bool {
        // These errors last until the operator changes the configuration.
        let is_configuration_error = serde_json::from_str::<ErrorBody>(&self.body)
            .is_ok_and(|body| ["misconfigured", "not_configured"].contains(&body.error.as_ref()));
        is_temporary(self.status) && !is_configuration_error
    }

    /// Describes a response that is not a success, with the error description of the Worker if
    /// the body contains one.
    pub(crate) fn error_message(&self) -> String {
        let Self { url, status, .. } = self;
        match serde_json::from_str::<ErrorBody>(&self.body) {
            Ok(body) => escape(&format!(
                "{status} {}: {}",
                body.error, body.error_description
            )),
            Err(_) => {
                format!(
                    "{url} returned {status} without an error code of the Worker: check the URL"
                )
            }
        }
    }

    /// Parses the body of a 200 response. Any other status is an error.
    pub(crate) fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T> {
        if self.status != 200 {
            return Err(self.error_message().into());
        }
        serde_json::from_str(&self.body).map_err(|error| {
            // The parser's message may quote the body.
            let error = escape(&error.to_string());
            Error::Failed(format!("{} returned an unexpected body: {error}", self.url))
        })
    }
}

/// Returns true if a server responds with this status to a request that may succeed later.
pub(crate) fn is_temporary(status: u16) -> bool {
    matches!(status, 408 | 429 | 500..)
}

/// Returns the time until Auth0 accepts requests again ("Rate Limit Policy": `x-ratelimit-reset` is
/// in seconds since 1970), or the value of `Retry-After`.
fn retry_delay(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| -> Option<u64> { headers.get(name)?.to_str().ok()?.parse().ok() };
    let until_reset = number("x-ratelimit-reset").and_then(|reset| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        // The value is rounded to a second.
        Duration::from_secs(reset.saturating_add(1)).checked_sub(now)
    });
    until_reset.or_else(|| number("retry-after").map(Duration::from_secs))
}

/// Returns a value for `Authorization`. Fails if it contains a control character. `name` names the
/// secret in the message.
pub(crate) fn authorization(name: &str, value: &str) -> Result<HeaderValue> {
    let mut authorization = HeaderValue::try_from(value).map_err(|_| {
        format!("the {name} contains a line break or another control character: give it as it was issued")
    })?;
    authorization.set_sensitive(true);
    Ok(authorization)
}

/// Sends a GET request to the Worker without credentials.
pub(crate) fn get(client: &Agent, url: &str) -> Result<Response> {
    Response::read_from_worker(url, client.get(url).call())
}

/// Sends a GET request to the Worker with an access token.
pub(crate) fn get_authorized(client: &Agent, url: &str, token: &str) -> Result<Response> {
    let authorization = authorization("access token", &format!("Bearer {token}"))?;
    let request = client.get(url).header("authorization", authorization);
    Response::read_from_worker(url, request.call())
}

/// Publishes log records to the Worker with a publish token.
pub(crate) fn publish(client: &Agent, url: &str, token: &str, records: &[u8]) -> Result<Response> {
    let authorization = authorization("publish token", token)?;
    let request = client.post(url).header("authorization", authorization);
    Response::read_from_worker(url, request.send(records))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_retry_delay_ends_after_the_rate_limit_is_reset() {
        let delay = |name: &'static str, value: String| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            retry_delay(&headers)
        };
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let until_reset = delay("x-ratelimit-reset", (now + 10).to_string()).unwrap();
        assert!((9..=11).contains(&until_reset.as_secs()), "{until_reset:?}");
        assert_eq!(delay("x-ratelimit-reset", (now - 10).to_string()), None);
        assert_eq!(delay("x-ratelimit-reset", "soon".to_owned()), None);
        let after = delay("retry-after", "7".to_owned());
        assert_eq!(after, Some(Duration::from_secs(7)));
    }
}
