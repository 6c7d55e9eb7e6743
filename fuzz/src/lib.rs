//! What must hold whatever comes from outside.
//!
//! Each property is a function of any bytes that panics where it is broken. The fuzz targets call
//! them with bytes that a fuzzer makes up, and `core/tests/corpus.rs` with those that were kept.
//! Wherever it can be, what the core says is compared with what is found here by other means.

mod batch;
mod config;
mod key_set;
mod session;
mod slug;
mod token;

use session_events_core::tenant::Tenant;

pub use self::{
    batch::batch, config::config, key_set::key_set, session::session, slug::slug, token::token,
};

/// Panics where it does not hold for these bytes.
pub type Property = fn(&[u8]);

/// Every property, by the name of its fuzz target and of the folder of its corpus.
pub const PROPERTIES: [(&str, Property); 6] = [
    ("batch", batch),
    ("config", config),
    ("key_set", key_set),
    ("session", session),
    ("slug", slug),
    ("token", token),
];

fn acme() -> Tenant {
    Tenant::from_slug("acme@us").expect("a valid slug")
}
