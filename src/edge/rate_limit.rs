//! How often an address may fail, or ask without saying who it is.
//!
//! Cloudflare counts for us (Cloudflare, "Workers: Rate Limiting"): near the client, in memory,
//! without a round trip and without the tenant's object, which is what the counting protects. How
//! many a minute are let through stands in wrangler.toml. A runtime without the binding, or a
//! request without an address, is not limited; so is every request while Cloudflare cannot count,
//! because to refuse all would do the attacker's work.

use session_events_core::client_address::rate_limit_key;
use worker::{
    Env, Result,
    js_sys::{Object, Reflect},
    wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen},
    web_sys::Request,
};

use crate::{environment, http, report};

#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen, wasm_bindgen_futures = worker::wasm_bindgen_futures, js_sys = worker::js_sys)]
extern "C" {
    type Limiter;

    #[wasm_bindgen(method, catch)]
    async fn limit(this: &Limiter, options: &JsValue) -> std::result::Result<JsValue, JsValue>;
}

/// What is counted; the names are those of the bindings in wrangler.toml.
#[derive(Clone, Copy)]
pub(super) enum Counted {
    /// Requests whose credentials are missing or wrong.
    FailedAuthentication,
    /// Requests that reach the tenant's object without credentials: sockets that are to show a
    /// token later, and what anybody may ask.
    Anonymous,
}

impl Counted {
    fn binding(self) -> &'static str {
        match self {
            Self::FailedAuthentication => "FAILED_AUTHENTICATIONS",
            Self::Anonymous => "ANONYMOUS_REQUESTS",
        }
    }

    /// Counts one more of this request's address, and tells whether that was one too many.
    pub(super) async fn exceeds(self, env: &Env, request: &Request) -> bool {
        let address = http::header(request, "cf-connecting-ip");
        let Some(key) = address.as_deref().and_then(rate_limit_key) else {
            return false;
        };
        let limiter = environment::binding(env, self.binding()).unwrap_or_default();
        if limiter.is_undefined() {
            return false;
        }
        match has_room(limiter.unchecked_ref(), &key).await {
            Ok(has_room) => !has_room,
            Err(error) => {
                report::warning("rate_limit_unavailable", "", &error.to_string());
                false
            }
        }
    }
}

async fn has_room(limiter: &Limiter, key: &str) -> Result<bool> {
    let options = Object::new();
    Reflect::set(&options, &"key".into(), &key.into())?;
    let outcome = limiter.limit(&options).await?;
    Ok(Reflect::get(&outcome, &"success".into())?.is_truthy())
}
