//! The one request that ever leaves: for an issuer's key set.
//!
//! Whatever the issuer does, this ends within five seconds and holds no more than 64 KiB. A
//! redirect is not followed, because where it leads is not configured.

use session_events_core::key_set::{FETCH_TIMEOUT_MILLIS, KeySet, MAX_KEY_SET_BYTES};
use worker::{
    Result, js_sys,
    web_sys::{
        AbortController, AbortSignal, Headers, RequestCache, RequestInit, RequestRedirect, Response,
    },
};

use crate::{
    clock,
    http::{self, Unread},
};

/// Fetches the key set at `jwks_uri`; the error says, for the log, what came instead.
pub(crate) async fn fetch_key_set(jwks_uri: &str) -> std::result::Result<KeySet, String> {
    let controller = AbortController::new().map_err(|error| format!("{error:?}"))?;
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
    if response.status() != 200 {
        return Err(format!("status {}", response.status()));
    }
    let bytes = http::read(response.body(), MAX_KEY_SET_BYTES).await;
    let bytes = bytes.map_err(|unread| match unread {
        Unread::TooLong => "more than 64 KiB".to_owned(),
        Unread::Failed(error) => error.to_string(),
    })?;
    let text = String::from_utf8(bytes).map_err(|_| "not text")?;
    KeySet::from_json(&text).map_err(|_| "not a key set".into())
}

async fn get(url: &str, signal: &AbortSignal) -> Result<Response> {
    let headers = Headers::new()?;
    headers.set("accept", "application/json")?;
    let init = RequestInit::new();
    init.set_headers(headers.as_ref());
    init.set_redirect(RequestRedirect::Manual);
    init.set_cache(RequestCache::NoStore);
    init.set_signal(Some(signal));
    http::fetch(&js_sys::global(), url, &init).await
}
