//! The wire protocol: routes, messages and bodies.
//!
//! - [`request_url`], [`route`]: from a URL to a tenant and an endpoint.
//! - [`upgrade`]: the credentials of a WebSocket upgrade.
//! - [`messages`]: messages over a socket.
//! - [`close_code`]: the answer to a close frame.
//! - [`filter`]: the events that a subscriber receives.
//! - [`bodies`]: request and response bodies.
//! - [`revocation_page`]: pages of the list of revocations.
//! - [`object_request`]: requests from the Worker to a tenant object, and between these objects.
//! - [`entity_tag`], [`client_address`]: conditional requests, and the client's address.
//! - [`console`]: the files of the console and its Content-Security-Policy.

pub mod bodies;
pub mod client_address;
pub mod close_code;
pub mod console;
pub mod entity_tag;
pub mod filter;
pub mod form;
pub mod messages;
pub mod object_request;
pub mod request_url;
pub mod revocation_page;
pub mod route;
pub mod upgrade;
