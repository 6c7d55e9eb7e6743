//! A cache that the isolates of one location share (Cloudflare, "Workers: Cache").
//!
//! It only saves requests. A runtime without a cache, a failure and a missing entry are the same to
//! the caller. Only the Worker can write to it: its keys are URLs of a host that cannot exist.

use worker::{
    Cache, Headers, Response, ResponseBody, Result,
    js_sys::{Reflect, encode_uri_component, global},
};

/// The origin of the keys. RFC 2606, section 2, reserves the domain.
const ORIGIN: &str = "https://session-events.invalid/";

/// Returns the cached text with this name.
pub(crate) async fn read(name: &str) -> Option<String> {
    let cached = cache()?.get(url(name), false).await.ok().flatten();
    cached?.text().await.ok()
}

/// Stores a text under a name for this many seconds.
pub(crate) async fn write(name: &str, text: &str, seconds: u32) {
    if let (Some(cache), Ok(response)) = (cache(), response(text, seconds)) {
        let _not_stored = cache.put(url(name), response).await;
    }
}

/// Returns the cache, or `None` on a runtime without one: there `Cache::default` would panic.
#[expect(
    clippy::disallowed_methods,
    reason = "reads the runtime's `caches` and stores nothing"
)]
fn cache() -> Option<Cache> {
    let caches = Reflect::get(&global(), &"caches".into()).ok()?;
    let default = Reflect::get(&caches, &"default".into()).ok()?;
    default.is_object().then(Cache::default)
}

fn url(name: &str) -> String {
    format!("{ORIGIN}{}", encode_uri_component(name))
}

fn response(text: &str, seconds: u32) -> Result<Response> {
    let headers = Headers::new();
    headers.set("cache-control", &format!("max-age={seconds}"))?;
    let body = ResponseBody::Body(text.as_bytes().to_vec());
    Ok(Response::from_body(body)?.with_headers(headers))
}
