//! session-events: reports the end of Auth0 user sessions to applications.
//!
//! This crate is the shell around `session-events-core`. It moves bytes, sockets, rows and time, and
//! calls the core for every decision. Its guarantee: an event is on disk before the publisher
//! receives an acknowledgement and before a subscriber receives the event.
//!
//! - [`routes`]: the Worker. Authorizes requests and forwards them to a tenant object.
//! - [`object`]: the Durable Object of a tenant.
//! - [`storage`]: the SQLite storage of a tenant object.
//! - [`runtime`]: thin bindings to the Workers runtime.

mod object;
mod routes;
mod runtime;
mod storage;

use session_events_core::error::ApiError;
use worker::{Context, Env, Request, event, web_sys::Response};

/// The result of an operation that a client can see fail. Results of the runtime are written
/// `worker::Result`.
pub(crate) type Result<T, E = ApiError> = std::result::Result<T, E>;

#[event(start)]
fn start() {
    console_error_panic_hook::set_once();
}

#[event(fetch)]
async fn fetch(request: Request, env: Env, _context: Context) -> worker::Result<Response> {
    routes::respond(&request, &env).await
}
