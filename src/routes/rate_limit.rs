//! Rate limits per client address, for requests without valid credentials, and per subject, for
//! requests of a user.
//!
//! Cloudflare counts near the client and in memory, without reaching the object that the limit
//! protects (Cloudflare, "Workers: Rate Limiting"). The limits are in `wrangler.toml`. A request is
//! not limited if the runtime has no such binding, if the request has no address, or while
//! Cloudflare cannot count: rejecting every request would do the attacker's work.

use session_events_core::{
    protocol::client_address::rate_limit_key, tenant::Tenant, tokens::access_token::AccessToken,
};
use worker::{Env, Request};

use crate::runtime::{environment::is_bound, log, requests::header};

/// A rate limit.
#[derive(Clone, Copy)]
pub(super) enum RateLimit {
    /// Requests with missing or invalid credentials.
    FailedAuthentications,
    /// Requests that reach an object without credentials.
    AnonymousRequests,
    /// Upgrades with a token for the subject's own events, and requests without permission.
    SubjectRequests,
}

/// Returns the rate limit key of the client's address, or `None` if the platform does not provide it.
pub(super) fn address_key(request: &Request) -> Option<String> {
    rate_limit_key(&header(request, "cf-connecting-ip")?)
}

/// Returns the rate limit key of a token's subject.
pub(super) fn subject_key(tenant: &Tenant, token: &AccessToken) -> String {
    format!("{} {}", tenant.domain(), token.sub())
}

impl RateLimit {
    /// Returns the name of the binding in `wrangler.toml`.
    fn binding(self) -> &'static str {
        match self {
            Self::FailedAuthentications => "FAILED_AUTHENTICATIONS",
            Self::AnonymousRequests => "ANONYMOUS_REQUESTS",
            Self::SubjectRequests => "SUBJECT_REQUESTS",
        }
    }

    /// Counts a request with this key. Returns whether the key exceeds the limit. A request without
    /// a key is not limited.
    pub(super) async fn is_exceeded(self, env: &Env, key: Option<String>) -> bool {
        let Some(key) = key else { return false };
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
