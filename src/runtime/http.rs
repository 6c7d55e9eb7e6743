//! Responses.
//!
//! All responses except the console's files and the 101 of a WebSocket share [`common_headers`]. Any
//! page may read them: the service uses no cookies, so a page reads only what its own token permits. No
//! client may interpret them as anything but JSON. Only [`json_with_etag`] lets a client store its
//! response.

use serde::Serialize;
use session_events_core::{
    error::ApiError,
    protocol::{
        bodies::ErrorBody,
        entity_tag::{etag, matches},
        object_request::REQUEST_ID_HEADER,
    },
};
use worker::{Headers, ResponseBody, Result, WebSocket};

/// The runtime's own response type.
///
/// Bypass of the `worker` crate's `Response`: a response that an object sends would be taken apart
/// and constructed again in the Worker, which costs about 4 % of a connection.
pub(crate) use worker::web_sys::Response;

const JSON: &str = "application/json; charset=utf-8";

/// Returns the headers of every JSON response to a client.
fn common_headers() -> Result<Headers> {
    let headers = Headers::new();
    headers.set("access-control-allow-origin", "*")?;
    headers.set(
        "access-control-expose-headers",
        "www-authenticate, retry-after, x-request-id, etag",
    )?;
    headers.set("cache-control", "no-store")?;
    headers.set("x-content-type-options", "nosniff")?;
    set_strict_transport(&headers)?;
    Ok(headers)
}

/// Makes browsers use TLS for a year (RFC 6797), because requests carry tokens. Browsers ignore the
/// header on a connection without TLS, so it does not affect a developer's machine.
pub(crate) fn set_strict_transport(headers: &Headers) -> Result<()> {
    headers.set("strict-transport-security", "max-age=31536000")
}

/// Returns an empty response with status 200.
pub(crate) fn empty() -> Result<Response> {
    empty_response(200, common_headers()?)
}

/// Returns a JSON response with status 200.
pub(crate) fn json(body: &impl Serialize) -> Result<Response> {
    json_text(serde_json::to_string(body)?)
}

/// Returns a response with status 200 for text that is already JSON.
pub(crate) fn json_text(json: String) -> Result<Response> {
    json_response(200, common_headers()?, json)
}

/// Returns a response to the Worker or to another object, which no client sees.
pub(crate) fn object_response(body: &impl Serialize) -> Result<Response> {
    let json = serde_json::to_string(body)?;
    Ok(worker::Response::from_body(ResponseBody::Body(json.into_bytes()))?.into())
}

/// Returns a JSON response with an entity tag, or 304 if the client already has it (RFC 9110,
/// sections 8.8.3 and 13.1.2).
pub(crate) fn json_with_etag(
    body: &impl Serialize,
    if_none_match: Option<&str>,
) -> Result<Response> {
    let json = serde_json::to_string(body)?;
    let etag = etag(json.as_bytes());
    let headers = common_headers()?;
    headers.set("etag", &etag)?;
    // The client may store the response, must revalidate it, and must not share it.
    headers.set("cache-control", "private, no-cache")?;
    headers.set("vary", "authorization")?;
    if if_none_match.is_some_and(|if_none_match| matches(if_none_match, &etag)) {
        return empty_response(304, headers);
    }
    json_response(200, headers, json)
}

/// Returns the response for an error. A client can quote its request id, and the operator can search
/// for it in the log.
pub(crate) fn error(error: &ApiError, request_id: &str) -> Result<Response> {
    let headers = common_headers()?;
    headers.set(REQUEST_ID_HEADER, request_id)?;
    if let Some(challenge) = error.challenge() {
        headers.set("www-authenticate", &challenge)?;
    }
    if let Some(seconds) = error.retry_after() {
        headers.set("retry-after", &seconds.to_string())?;
    }
    match error {
        ApiError::MethodNotAllowed { allow } => headers.set("allow", allow)?,
        ApiError::UpgradeRequired => headers.set("upgrade", "websocket")?,
        _ => {}
    }
    let body = serde_json::to_string(&ErrorBody::from(error))?;
    json_response(error.status(), headers, body)
}

/// Returns the response to a CORS preflight for a path with these methods (Fetch standard, "CORS
/// protocol").
pub(crate) fn preflight(allow: &str) -> Result<Response> {
    let headers = common_headers()?;
    headers.set("access-control-allow-methods", allow)?;
    headers.set(
        "access-control-allow-headers",
        "authorization, content-type",
    )?;
    headers.set("access-control-max-age", "86400")?;
    empty_response(204, headers)
}

/// Returns the response that opens a WebSocket.
pub(crate) fn switching_protocols(
    socket: WebSocket,
    subprotocol: Option<&str>,
) -> Result<Response> {
    let response = worker::Response::from_websocket(socket)?;
    if let Some(subprotocol) = subprotocol {
        response
            .headers()
            .set("sec-websocket-protocol", subprotocol)?;
    }
    Ok(response.into())
}

fn json_response(status: u16, headers: Headers, json: String) -> Result<Response> {
    headers.set("content-type", JSON)?;
    let response = worker::Response::from_body(ResponseBody::Body(json.into_bytes()))?;
    Ok(response.with_status(status).with_headers(headers).into())
}

fn empty_response(status: u16, headers: Headers) -> Result<Response> {
    let response = worker::Response::empty()?;
    Ok(response.with_status(status).with_headers(headers).into())
}
