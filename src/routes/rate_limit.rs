//! Rate limits per client address, for requests without valid credentials.
//!
//! Cloudflare counts near the client and in memory, without reaching the object that the limit
//! protects (Cloudflare, "Workers: Rate Limiting"). The limits are in `wrangler.toml`. A request is
//! not limited if the runtime has no such binding, if the request has no address, or while
//! Cloudflare cannot count: rejecting every request would do the attacker's work.

use session_events_core::protocol::client_address::rate_limit_key;
use worker::{Env, Request};

use crate::runtime::{environment::is_bound, log, requests::header};

/// A rate limit.
#[derive(Clone, Copy)]
pub(super) enum RateLimit {
    /// Requests with missing or invalid credentials.
    FailedAuthentications,
    /// Requests that reach an object without credentials.
    AnonymousRequests,
}

impl RateLimit {
    /// Returns the name of the binding in `wrangler.toml`.
    fn binding(self) -> &'static str {
        match self {
            Self::FailedAuthentications => "FAILED_AUTHENTICATIONS",
            Self::AnonymousRequests => "ANONYMOUS_REQUESTS",
        }
    }

    /// Counts a request. Returns whether its client address exceeds the limit.
    pub(super) async fn is_exceeded(self, env: &Env, request: &Request) -> bool {
        let address = header(request, "cf-connecting-ip");
        let Some(key) = address.as_deref().and_then(rate_limit_key) else {
            return false;
        };
        if !is_bound(env, self.binding()) {
            return false;
        }
        match self.count(env, key).await {
            Ok(is_within_limit) => !is_within_limit,
            Err(error) => {
                log::warning("rate_limit_unavailable", "", &error.to_string());
                false
            }
        }
    }

    /// Counts a request with this key. Returns whether the key is within the limit.
    async fn count(self, env: &Env, key: String) -> worker::Result<bool> {
        let outcome = env.rate_limiter(self.binding())?.limit(key).await?;
        Ok(outcome.success)
    }
}
