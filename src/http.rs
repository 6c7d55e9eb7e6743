//! Requests and responses.
//!
//! What a client is told is made here, but for the live page's files, and has the same headers: any
//! page may read it (no cookie is ever looked at, so there is nothing to steal by reading), no cache
//! may give it to anybody else, and nobody may take it for anything but JSON.
//!
//! Both are the runtime's own objects. Those of the `worker` crate are made by reading all that
//! there is of one of them, field by field out of JavaScript, and made back into one by writing all
//! of it again, with a panic wherever the runtime might refuse; an answer of a tenant's object goes
//! to the client as it came.

use futures::{Stream, StreamExt};
use serde::{Serialize, de::DeserializeOwned};
use session_events_core::{
    entity_tag::{etag, matches},
    error::Fault,
    hub_request::REQUEST_ID_HEADER,
    json,
    protocol::ErrorBody,
    route::Endpoint,
};
use worker::{
    ByteStream, Result,
    js_sys::{Promise, Uint8Array, futures::JsFuture},
    wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen},
    web_sys::{Headers, ReadableStream, Request, RequestInit, Response, ResponseInit, WebSocket},
    worker_sys::ext::ResponseInitExt,
};

const JSON: &str = "application/json; charset=utf-8";
/// The longest request id that is taken over.
const MAX_REQUEST_ID_BYTES: usize = 64;

#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen, wasm_bindgen_futures = worker::wasm_bindgen_futures, js_sys = worker::js_sys)]
extern "C" {
    #[wasm_bindgen(js_namespace = crypto, js_name = randomUUID)]
    fn random_uuid() -> String;

    type Fetcher;

    #[wasm_bindgen(method, catch)]
    async fn fetch(
        this: &Fetcher,
        url: &str,
        init: &RequestInit,
    ) -> std::result::Result<JsValue, JsValue>;
}

/// Asks whatever of the runtime has a `fetch`: a tenant's object, the assets, the network.
pub(crate) async fn fetch(from: &JsValue, url: &str, init: &RequestInit) -> Result<Response> {
    let response = from.unchecked_ref::<Fetcher>().fetch(url, init).await?;
    Ok(response.unchecked_into())
}

/// What ties a request's answers to its lines in the log: Cloudflare's own id of the request
/// (Cloudflare, "Cloudflare HTTP headers": `CF-Ray`), or where it has none, one made here.
pub(crate) fn request_id(request: &Request) -> String {
    let is_id = |id: &String| {
        (1..=MAX_REQUEST_ID_BYTES).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    header(request, "cf-ray")
        .filter(is_id)
        .unwrap_or_else(random_uuid)
}

/// A header's value; one that is not there and one that cannot be read are the same.
pub(crate) fn header(request: &Request, name: &str) -> Option<String> {
    request.headers().get(name).ok().flatten()
}

/// Whether the request asks for a WebSocket (RFC 6455, section 4.2.1).
pub(crate) fn is_websocket_upgrade(request: &Request) -> bool {
    header(request, "upgrade").is_some_and(|protocol| protocol.eq_ignore_ascii_case("websocket"))
}

fn headers() -> Result<Headers> {
    let headers = Headers::new()?;
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

/// Has browsers come by TLS alone for a year, whatever a link says (RFC 6797): tokens are shown
/// here. It counts only where it came by TLS, so not on a developer's machine.
pub(crate) fn set_strict_transport(headers: &Headers) -> Result<()> {
    Ok(headers.set("strict-transport-security", "max-age=31536000")?)
}

pub(crate) fn init(status: u16, headers: &Headers) -> ResponseInit {
    let init = ResponseInit::new();
    init.set_status(status);
    init.set_headers(headers);
    init
}

/// A response without a body.
fn empty(init: &ResponseInit) -> Result<Response> {
    Ok(Response::new_with_opt_str_and_init(None, init)?)
}

/// A JSON response.
pub(crate) fn json(body: &impl Serialize) -> Result<Response> {
    ok(&serde_json::to_string(body)?)
}

pub(crate) fn ok(json: &str) -> Result<Response> {
    with_body(&headers()?, 200, json)
}

/// What one of the tenant's objects answers to the Worker or to another, and no client sees.
pub(crate) fn internal(body: &impl Serialize) -> Result<Response> {
    let json = serde_json::to_string(body)?;
    Ok(Response::new_with_opt_str(Some(&json))?)
}

/// A JSON response with its tag, or 304 where the client has it already (RFC 9110, sections 8.8.3
/// and 13.1.2).
pub(crate) fn json_unless_known(
    body: &impl Serialize,
    if_none_match: Option<&str>,
) -> Result<Response> {
    ok_unless_known(&serde_json::to_string(body)?, if_none_match)
}

fn ok_unless_known(body: &str, if_none_match: Option<&str>) -> Result<Response> {
    let etag = etag(body.as_bytes());
    let headers = headers()?;
    headers.set("etag", &etag)?;
    // Kept, but asked for again each time, and by nobody but who asked with this token.
    headers.set("cache-control", "private, no-cache")?;
    headers.set("vary", "authorization")?;
    if if_none_match.is_some_and(|known| matches(known, &etag)) {
        return empty(&init(304, &headers));
    }
    with_body(&headers, 200, body)
}

fn with_body(headers: &Headers, status: u16, json: &str) -> Result<Response> {
    headers.set("content-type", JSON)?;
    let init = init(status, headers);
    Ok(Response::new_with_opt_str_and_init(Some(json), &init)?)
}

/// The same response under other headers.
pub(crate) fn with_headers(response: &Response, headers: &Headers) -> Result<Response> {
    let (body, init) = (response.body(), init(response.status(), headers));
    Ok(Response::new_with_opt_readable_stream_and_init(
        body.as_ref(),
        &init,
    )?)
}

/// A fault, as the client is told of it. The request id is what a client can quote and the
/// operator can look for in the log.
pub(crate) fn fault(fault: &Fault, request_id: &str) -> Result<Response> {
    let headers = headers()?;
    headers.set(REQUEST_ID_HEADER, request_id)?;
    if let Some(challenge) = fault.challenge() {
        headers.set("www-authenticate", &challenge)?;
    }
    if let Some(seconds) = fault.retry_after() {
        headers.set("retry-after", &seconds.to_string())?;
    }
    match fault {
        Fault::MethodNotAllowed { allow } => headers.set("allow", allow)?,
        Fault::UpgradeRequired => headers.set("upgrade", "websocket")?,
        _ => {}
    }
    let body = serde_json::to_string(&ErrorBody::from(fault))?;
    with_body(&headers, fault.status(), &body)
}

/// The answer to a browser that asks whether it may ask (Fetch standard, "CORS protocol").
pub(crate) fn preflight(endpoint: Endpoint) -> Result<Response> {
    let headers = headers()?;
    headers.set("access-control-allow-methods", endpoint.allow())?;
    headers.set(
        "access-control-allow-headers",
        "authorization, content-type",
    )?;
    headers.set("access-control-max-age", "86400")?;
    empty(&init(204, &headers))
}

/// The response that makes a socket of the request.
pub(crate) fn switching_protocols(
    socket: &WebSocket,
    subprotocol: Option<&str>,
) -> Result<Response> {
    let headers = Headers::new()?;
    if let Some(subprotocol) = subprotocol {
        headers.set("sec-websocket-protocol", subprotocol)?;
    }
    let mut init = init(101, &headers);
    init.websocket(socket)?;
    empty(&init)
}

/// Why a body was not taken.
pub(crate) enum Unread {
    /// It is longer than the limit.
    TooLong,
    /// The connection failed.
    Failed(worker::Error),
}

/// How many times the limit is still read and let go: a client that is cut off while it sends
/// does not see what it is told.
const TOLERATED_EXCESS: usize = 4;

/// Reads a request's body, up to a limit.
pub(crate) async fn read_request(
    request: &Request,
    limit: usize,
) -> std::result::Result<Vec<u8>, Unread> {
    let announced = header(request, "content-length");
    match announced.and_then(|length| length.parse::<usize>().ok()) {
        // What was announced is all that comes, so it can be had in one piece.
        Some(length) if length <= limit => whole(request).await.map_err(Unread::Failed),
        Some(length) if length > limit.saturating_mul(TOLERATED_EXCESS) => Err(Unread::TooLong),
        _ => read(request.body(), limit).await,
    }
}

async fn whole(request: &Request) -> Result<Vec<u8>> {
    let body = JsFuture::from(request.array_buffer()?).await?;
    Ok(Uint8Array::new(&body).to_vec())
}

/// Reads a body, up to a limit, whatever its length was said to be.
pub(crate) async fn read(
    body: Option<ReadableStream>,
    limit: usize,
) -> std::result::Result<Vec<u8>, Unread> {
    match body {
        None => Ok(Vec::new()),
        Some(stream) => gather(ByteStream::from(stream), limit).await,
    }
}

/// Reads the body of a request that is the Worker's own.
pub(crate) async fn read_json<T: DeserializeOwned>(request: &Request) -> Result<T> {
    Ok(json::read(&text(request.text()).await?)?)
}

/// A body as the runtime reads it, whole.
pub(crate) async fn text(promised: std::result::Result<Promise, JsValue>) -> Result<String> {
    let text = JsFuture::from(promised?).await?;
    Ok(text.as_string().unwrap_or_default())
}

async fn gather(
    mut chunks: impl Stream<Item = Result<Vec<u8>>> + Unpin,
    limit: usize,
) -> std::result::Result<Vec<u8>, Unread> {
    let mut bytes = Vec::new();
    let mut length = 0_usize;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(Unread::Failed)?;
        length = length.saturating_add(chunk.len());
        if length <= limit {
            bytes.extend_from_slice(&chunk);
        } else if length <= limit.saturating_mul(TOLERATED_EXCESS) {
            bytes = Vec::new();
        } else {
            break;
        }
    }
    if length > limit {
        return Err(Unread::TooLong);
    }
    Ok(bytes)
}
