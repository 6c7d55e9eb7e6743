//! Reads requests: headers and bodies.

use futures::{Stream, StreamExt};
use serde::de::DeserializeOwned;
use session_events_core::json::JsonObject;
use worker::{
    ByteStream, Request, Result,
    js_sys::{Uint8Array, futures::JsFuture},
    wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen},
    web_sys::ReadableStream,
};

/// Maximum length of a request id in bytes.
const MAX_REQUEST_ID_BYTES: usize = 64;
/// A body of up to this many times the limit is read and discarded. A client that is still sending
/// when the connection closes never sees the response.
const DISCARD_FACTOR: usize = 4;

#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen)]
extern "C" {
    /// The `worker` crate has no binding for this function.
    #[wasm_bindgen(js_namespace = crypto, js_name = randomUUID)]
    fn random_uuid() -> String;

    type TransferableBuffer;

    /// Moves the content of a buffer into a new buffer of this length. `js_sys` has no binding.
    #[wasm_bindgen(method)]
    fn transfer(this: &TransferableBuffer, new_length: u32) -> JsValue;
}

/// Returns the value of a header. A header that cannot be read counts as absent.
pub(crate) fn header(request: &Request, name: &str) -> Option<String> {
    request.headers().get(name).ok().flatten()
}

/// Returns the URL as text.
pub(crate) fn url(request: &Request) -> String {
    request.inner().url()
}

/// Returns the method. Bypass of `Request::method`, which turns an unknown method into GET.
pub(crate) fn method(request: &Request) -> String {
    request.inner().method()
}

/// Returns the id that appears in the response and in the log lines of a request: Cloudflare's own
/// (Cloudflare, "Cloudflare HTTP headers": `CF-Ray`), or a new UUID.
pub(crate) fn request_id(request: &Request) -> String {
    let is_valid = |id: &String| {
        (1..=MAX_REQUEST_ID_BYTES).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    header(request, "cf-ray")
        .filter(is_valid)
        .unwrap_or_else(random_uuid)
}

/// Returns whether a request asks for a WebSocket (RFC 6455, section 4.2.1).
pub(crate) fn is_websocket_upgrade(request: &Request) -> bool {
    header(request, "upgrade").is_some_and(|protocol| protocol.eq_ignore_ascii_case("websocket"))
}

/// The reason why a body could not be read.
pub(crate) enum BodyError {
    /// The body exceeds the limit.
    TooLong,
    /// The connection failed.
    Failed(worker::Error),
}

/// Reads the body of a request up to a limit.
pub(crate) async fn read_body(
    request: &Request,
    limit: usize,
) -> std::result::Result<Vec<u8>, BodyError> {
    let content_length = header(request, "content-length");
    match content_length.and_then(|length| length.parse::<usize>().ok()) {
        // The runtime ends the body at its Content-Length, so it can be read in one piece.
        Some(length) if length <= limit => read_whole(request).await.map_err(BodyError::Failed),
        Some(length) if length > limit.saturating_mul(DISCARD_FACTOR) => Err(BodyError::TooLong),
        _ => read_stream(request.inner().body(), limit).await,
    }
}

/// Reads a JSON object that another object of the tenant, or the Worker, has sent. Bypass of
/// `Request::json`, which needs a mutable request and accepts an array for an object.
pub(crate) async fn read_json<T: DeserializeOwned>(request: &Request) -> Result<T> {
    let JsonObject(body) = serde_json::from_slice(&read_whole(request).await?)?;
    Ok(body)
}

/// Reads text that the Worker has sent. Bypass of `Request::text`, which needs a mutable request and
/// makes a JavaScript string of the body.
pub(crate) async fn read_text(request: &Request) -> Result<String> {
    let body = read_whole(request).await?;
    String::from_utf8(body).map_err(|error| worker::Error::from(error.to_string()))
}

/// Reads a body in one piece. The JavaScript buffer is freed at once: until the next garbage
/// collection, a body of the maximum length would be in memory twice.
async fn read_whole(request: &Request) -> Result<Vec<u8>> {
    let buffer = JsFuture::from(request.inner().array_buffer()?).await?;
    let body = Uint8Array::new(&buffer).to_vec();
    free(&buffer);
    Ok(body)
}

/// Frees the memory of an `ArrayBuffer` that is no longer used.
fn free(buffer: &JsValue) {
    let buffer: &TransferableBuffer = buffer.unchecked_ref();
    buffer.transfer(0);
}

/// Reads a stream up to a limit. Bypass of `Request::stream` and `Response::stream`, which fail
/// without a body.
pub(crate) async fn read_stream(
    stream: Option<ReadableStream>,
    limit: usize,
) -> std::result::Result<Vec<u8>, BodyError> {
    match stream {
        None => Ok(Vec::new()),
        Some(stream) => collect(ByteStream::from(stream), limit).await,
    }
}

async fn collect(
    mut chunks: impl Stream<Item = Result<Vec<u8>>> + Unpin,
    limit: usize,
) -> std::result::Result<Vec<u8>, BodyError> {
    let mut bytes = Vec::new();
    let mut length = 0_usize;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(BodyError::Failed)?;
        length = length.saturating_add(chunk.len());
        if length <= limit {
            bytes.extend_from_slice(&chunk);
        } else if length <= limit.saturating_mul(DISCARD_FACTOR) {
            bytes = Vec::new();
        } else {
            break;
        }
    }
    if length > limit {
        return Err(BodyError::TooLong);
    }
    Ok(bytes)
}
