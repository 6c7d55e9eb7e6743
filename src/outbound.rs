//! The one request that ever leaves: for an issuer's key set.
//!
//! Whatever the issuer does, this ends within five seconds and holds no more than 64 KiB. A
//! redirect is not followed, because where it leads is not configured.

use session_events_core::key_set::{FETCH_TIMEOUT_MILLIS, KeySet, MAX_KEY_SET_BYTES};
use worker::{
    AbortController, AbortSignal, Fetch, Headers, Response, Result,
    web_sys::{self, Request, RequestCache, RequestInit, RequestRedirect},
};

use crate::{
    clock,
    http::{self, Unread},
};

/// Fetches the key set at `jwks_uri`; the error says, for the log, what came instead.
pub(crate) async fn fetch_key_set(jwks_uri: &str) -> std::result::Result<KeySet, String> {
    let controller = AbortController::default();
    let signal = controller.signal();
    let fetched = clock::within(FETCH_TIMEOUT_MILLIS, fetch(jwks_uri, &signal)).await;
    fetched.unwrap_or_else(|| {
        controller.abort();
        Err("no answer in time".into())
    })
}

async fn fetch(jwks_uri: &str, signal: &AbortSignal) -> std::result::Result<KeySet, String> {
    let response = get(jwks_uri, signal).await;
    let response = response.map_err(|error| error.to_string())?;
    if response.status_code() != 200 {
        return Err(format!("status {}", response.status_code()));
    }
    let body = web_sys::Response::from(response).body();
    let bytes = http::read(body, MAX_KEY_SET_BYTES).await;
    let bytes = bytes.map_err(|unread| match unread {
        Unread::TooLong => "more than 64 KiB".to_owned(),
        Unread::Failed(error) => error.to_string(),
    })?;
    let text = String::from_utf8(bytes).map_err(|_| "not text")?;
    KeySet::from_json(&text).map_err(|_| "not a key set".into())
}

async fn get(url: &str, signal: &AbortSignal) -> Result<Response> {
    let headers = Headers::new();
    headers.set("accept", "application/json")?;
    let init = RequestInit::new();
    init.set_headers(headers.as_ref());
    init.set_redirect(RequestRedirect::Manual);
    init.set_cache(RequestCache::NoStore);
    let request = Request::new_with_str_and_init(url, &init)?;
    Fetch::Request(request.into())
        .send_with_signal(signal)
        .await
}
