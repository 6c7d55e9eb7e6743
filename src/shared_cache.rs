//! What the isolates of a place share (Cloudflare, "Workers: Cache").
//!
//! It is there to spare a way, and nothing depends on it: a runtime without it, a failure and a
//! text that is not there are the same. Nobody but the worker can write to it, because its keys
//! are URLs of a host that does not exist.

use worker::{
    Result,
    js_sys::{self, Reflect},
    wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen},
    web_sys::{Headers, Response},
};

use crate::http;

/// RFC 2606, section 2: nobody can ever have it.
const ORIGIN: &str = "https://session-events.invalid/";

#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen, wasm_bindgen_futures = worker::wasm_bindgen_futures, js_sys = worker::js_sys)]
extern "C" {
    type Cache;

    #[wasm_bindgen(method, catch, js_name = match)]
    async fn find(this: &Cache, url: &str) -> std::result::Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch)]
    async fn put(
        this: &Cache,
        url: &str,
        response: &Response,
    ) -> std::result::Result<JsValue, JsValue>;
}

fn cache() -> Option<Cache> {
    let caches = Reflect::get(&js_sys::global(), &"caches".into()).ok()?;
    let cache = Reflect::get(&caches, &"default".into()).ok()?;
    cache.is_object().then(|| cache.unchecked_into())
}

fn url(name: &str) -> String {
    format!("{ORIGIN}{}", js_sys::encode_uri_component(name))
}

/// The text that is kept under a name.
pub(crate) async fn read(name: &str) -> Option<String> {
    let found = cache()?.find(&url(name)).await.ok()?;
    let response: Response = found.dyn_into().ok()?;
    http::text(response.text()).await.ok()
}

/// Keeps a text under a name, for so many seconds at most.
pub(crate) async fn write(name: &str, text: &str, seconds: u32) {
    let kept = || -> Result<Response> {
        let headers = Headers::new()?;
        headers.set("cache-control", &format!("max-age={seconds}"))?;
        let init = http::init(200, &headers);
        Ok(Response::new_with_opt_str_and_init(Some(text), &init)?)
    };
    if let (Some(cache), Ok(response)) = (cache(), kept()) {
        let _missed = cache.put(&url(name), &response).await;
    }
}
