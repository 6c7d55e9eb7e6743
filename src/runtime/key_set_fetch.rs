//! Fetches the key set of an issuer: the only request that leaves the deployment.
//!
//! Whatever the issuer does, the fetch ends within five seconds and holds at most 64 KiB. It does
//! not follow redirects, because their target is not configured.

use session_events_core::tokens::{
    key_set::FETCH_TIMEOUT_MILLIS,
    key_set::{KeySet, MAX_KEY_SET_BYTES},
};
use worker::{
    AbortController, AbortSignal, CacheMode, Fetch, Headers, Request, RequestInit, RequestRedirect,
    Response, ResponseBody, Result,
};

use super::{
    clock,
    requests::{BodyError, read_stream},
};

/// Fetches the key set at a URL. The error is a text for the log.
pub(crate) async fn fetch_key_set(jwks_uri: &str) -> std::result::Result<KeySet, String> {
    let controller = AbortController::default();
    let signal = controller.signal();
    let fetched = clock::timeout(FETCH_TIMEOUT_MILLIS, fetch(jwks_uri, &signal)).await;
    fetched.unwrap_or_else(|| {
        controller.abort();
        Err("no response within five seconds".into())
    })
}

async fn fetch(jwks_uri: &str, signal: &AbortSignal) -> std::result::Result<KeySet, String> {
    let response = send(jwks_uri, signal)
        .await
        .map_err(|error| error.to_string())?;
    if response.status_code() != 200 {
        return Err(format!("status {}", response.status_code()));
    }
    let stream = match response.body() {
        ResponseBody::Stream(stream) => Some(stream.clone()),
        ResponseBody::Empty | ResponseBody::Body(_) => None,
    };
    let bytes = read_stream(stream, MAX_KEY_SET_BYTES)
        .await
        .map_err(|error| match error {
            BodyError::TooLong => "more than 64 KiB".to_owned(),
            BodyError::Failed(error) => error.to_string(),
        })?;
    let text = String::from_utf8(bytes).map_err(|_| "not text")?;
    KeySet::from_json(&text).map_err(|_| "not a key set".into())
}

async fn send(url: &str, signal: &AbortSignal) -> Result<Response> {
    let headers = Headers::new();
    headers.set("accept", "application/json")?;
    let mut init = RequestInit::new();
    init.with_headers(headers)
        .with_redirect(RequestRedirect::Manual)
        .with_cache(CacheMode::NoStore);
    Fetch::Request(Request::new_with_init(url, &init)?)
        .send_with_signal(signal)
        .await
}
