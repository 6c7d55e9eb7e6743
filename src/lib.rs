//! session-events: tells browsers and backends that an Auth0 user's session is over.
//!
//! This crate is the shell round `session-events-core`: it moves bytes, sockets, rows and time,
//! and decides nothing. Its guarantee is that no event is acknowledged to the publisher before
//! it is on disk, and none is sent before either: a tenant's object does both in one step that
//! nothing can come between, and the runtime holds back whatever the object sends until its rows
//! are written (Cloudflare, "Durable Objects: Easy, Fast, Correct — Choose Three").
//!
//! # Layout
//!
//! - [`edge`]: the Worker. Finds the tenant, checks who asks, reads what is published.
//!   - `console`: the live page.
//!   - `rate_limit`: how often an address may fail.
//! - [`hub`]: a Durable Object of a tenant: its root, or one of its shards.
//!   - `listening`: sockets let in, heard and sent to.
//!   - `sockets`: the sockets and their sessions.
//!   - `root`: what the root has beside sockets.
//!   - `event_store`, `revocations`: its rows; `database`: how they are read.
//!   - `key_sets`: the tenant's key sets, fetched and kept.
//!   - `relays`: how the root hands events to shards.
//!   - `shard`: what a shard has beside sockets.
//!   - `known`: what is read once after each waking.
//! - [`tenant_object`]: how a tenant's object is asked.
//! - [`key_set_copies`]: the key sets, where they are not fetched.
//! - [`shared_cache`]: what isolates share of them.
//! - [`environment`]: variables and secrets.
//! - [`http`]: requests and responses.
//! - [`outbound`]: the one request that ever leaves, for a key set.
//! - [`verifier`]: what verifying a token takes of this runtime.
//! - [`web_crypto`]: signatures, checked by the runtime.
//! - [`report`]: what is logged.
//! - [`clock`]: the time.

mod clock;
mod edge;
mod environment;
mod http;
mod hub;
mod key_set_copies;
mod outbound;
mod report;
mod shared_cache;
mod tenant_object;
mod verifier;
mod web_crypto;

use worker::{
    Context, Env, Result, event,
    js_sys::{Reflect, global},
    wasm_bindgen::JsValue,
    web_sys::{Request, Response},
};

#[event(start)]
fn start() {
    console_error_panic_hook::set_once();
    wake_by_promises();
}

/// Has what is woken run by way of a promise. Where there is `queueMicrotask`, `js-sys` takes that,
/// and this runtime makes a new function of its own for each call of it, which takes ten times as
/// long.
fn wake_by_promises() {
    // Without it, all is the same but slower.
    let _missed = Reflect::set(&global(), &"queueMicrotask".into(), &JsValue::UNDEFINED);
}

#[event(fetch)]
async fn fetch(request: Request, env: Env, _context: Context) -> Result<Response> {
    edge::answer(&request, &env).await
}
