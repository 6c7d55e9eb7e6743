//! Properties of the code that reads external input.
//!
//! A property is a function that takes arbitrary bytes and panics if the core misbehaves. The fuzz
//! targets call it with generated inputs, and `core/tests/corpus.rs` with the inputs in `corpus/`.
//! Where possible, a property compares the core's result with an independent computation.

mod batch;
mod config;
mod key_set;
mod session;
mod slug;
mod token;

pub use self::{
    batch::batch, config::config, key_set::key_set, session::session, slug::slug, token::token,
};

/// Panics if the property does not hold for these bytes.
pub type Property = fn(&[u8]);

/// All properties. The name of a property is also that of its fuzz target and corpus folder.
pub const PROPERTIES: [(&str, Property); 6] = [
    ("batch", batch),
    ("config", config),
    ("key_set", key_set),
    ("session", session),
    ("slug", slug),
    ("token", token),
];
