//! The one request that ever leaves: for an issuer's key set.
//!
//! Whatever the issuer does, this ends within five seconds and holds no more than 64 KiB. A
//! redirect is not followed, because where it leads is not configured.

use session_events_core::key_set::{FETCH_TIMEOUT_MILLIS, KeySet, MAX_KEY_SET_BYTES};
use worker::{
    AbortController, AbortSignal, CacheMode, Fetch, Request, RequestInit, RequestRedirect,
};

use crate::{
    clock,
    http::{self, Unread},
};

/// Fetches the key set at `jwks_uri`; the error says, for the log, what came instead.
pub(crate) async fn fetch_key_set(jwks_uri: &str) -> Result<KeySet, String> {
    let controller = AbortController::default();
    let signal = controller.signal();
    let fetched = clock::within(FETCH_TIMEOUT_MILLIS, fetch(jwks_uri, &signal)).await;
    fetched.unwrap_or_else(|| {
        controller.abort();
        Err("no answer in time".into())
    })
}

async fn fetch(jwks_uri: &str, signal: &AbortSignal) -> Result<KeySet, String> {
    let mut init = RequestInit::new();
    init.with_redirect(RequestRedirect::Manual)
        .with_cache(CacheMode::NoStore);
    init.headers
        .set("accept", "application/json")
        .map_err(|error| error.to_string())?;
    let request = Request::new_with_init(jwks_uri, &init).map_err(|error| error.to_string())?;
    let response = Fetch::Request(request).send_with_signal(signal).await;
    let response = response.map_err(|error| error.to_string())?;
    if response.status_code() != 200 {
        return Err(format!("status {}", response.status_code()));
    }
    let body = worker::web_sys::Response::from(response).body();
    let bytes = http::read(body, MAX_KEY_SET_BYTES).await;
    let bytes = bytes.map_err(|unread| match unread {
        Unread::TooLong => "more than 64 KiB".to_owned(),
        Unread::Failed(error) => error.to_string(),
    })?;
    let text = String::from_utf8(bytes).map_err(|_| "not text")?;
    KeySet::from_json(&text).map_err(|_| "not a key set".into())
}
