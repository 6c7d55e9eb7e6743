//! How JSON is read.
//!
//! The library that takes access tokens apart reads bytes. Reading text as bytes too is what
//! leaves one reader in what is deployed: the compiler makes one of each kind of source, and a
//! copy of how each type is read along with it.

use serde::Deserialize;

/// Reads a whole text.
///
/// # Errors
///
/// What is wrong, and where.
pub fn read<'a, T: Deserialize<'a>>(text: &'a str) -> serde_json::Result<T> {
    serde_json::from_slice(text.as_bytes())
}
